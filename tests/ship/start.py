#!/usr/bin/python3
"""How long each program takes from its start until its --health is content: milliseconds, as JSON.

For the programs in build/release, with a redis-server of its own (KEDGE_TEST_REDIS=tls: over TLS).
"""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import BUILD, Stack, free_port, until  # noqa: E402

STARTS = 3  # the machine may be busy with something else during one of them


PROGRAMS = ("kedge-api", "kedge-worker", "kedge-scheduler")


def start_healthy(kedge, program):
    """Its process, and the seconds from the start until its --health was content."""
    address = f"127.0.0.1:{free_port()}"
    settings = {"KEDGE_LISTEN": address, "KEDGE_METRICS_LISTEN": address}
    ask = [BUILD / program, "--health"]
    environment = kedge.environment(**settings)
    began = time.monotonic()
    process = kedge.spawn(program, BUILD / program, **settings)
    until(lambda: subprocess.run(ask, env=environment, capture_output=True).returncode == 0 or not process.running(), 30,
          f"{program} is healthy")
    took = time.monotonic() - began
    assert process.running(), process.log.read_text()
    return process, took


def start_ms(kedge, program):
    process, took = start_healthy(kedge, program)
    process.stop()
    return round(took * 1000)


def main():
    with Stack() as kedge:
        kedge.start_redis()
        print(json.dumps({program: min(start_ms(kedge, program) for _ in range(STARTS)) for program in PROGRAMS}))


if __name__ == "__main__":
    main()
