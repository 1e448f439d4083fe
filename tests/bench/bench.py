#!/usr/bin/python3
"""Benchmarks against the built programs, a real Redis and the real terraform.

    tests/bench/bench.py [check] [http] [memory] [claim] [one] [batches] [waiting]
                         [schedules] [schedule_kill] [schedule_idle] [schedule_burst]
                         [schedule_jitter] [hooks] [cancels]
                         [watchers] [resume] [ai_streams] [start] [failover]      default: all

Prints one table a part, in the form that docs/BENCHMARKS.md quotes. Nothing here passes or
fails: machines differ; what is compared is measured side by side in one run.
"""
import asyncio
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/ship")]
from ai_streams import bench_ai_streams  # noqa: E402
from batches import bench_batches, bench_one, bench_waiting  # noqa: E402
from cancels import bench_cancels  # noqa: E402
from hooks import bench_hooks  # noqa: E402
from outages import bench_failover, bench_start  # noqa: E402
from schedules import (bench_schedule_burst, bench_schedule_idle, bench_schedule_jitter, bench_schedule_kill,  # noqa: E402
                       bench_schedules)
from stack import FOLLOWS_FILE, TOKEN, Stack, until  # noqa: E402
from tables import median_of, milliseconds, table  # noqa: E402
from watchers import bench_resume, bench_watchers  # noqa: E402

WORKSPACES = 1000
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))


def bench_check(pairs=15):
    """A clean check from claim to finish against the same plan by hand, in turn."""
    with Stack(log_level="info") as kedge:
        kedge.start()
        kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        kedge.apply("acme/net")
        kedge.register("acme/net")
        kedge.check()
        ready = kedge.dir / "by-hand"
        shutil.copytree(kedge.dir / "copies/acme/net", ready, ignore=shutil.ignore_patterns(".git"))
        kedge.terraform("init", "-input=false", f"-backend-config=path={kedge.dir}/state/p-w.tfstate", cwd=ready)
        by_hand, checks, wall = [], [], []
        for _ in range(pairs):
            start = time.monotonic()
            kedge.terraform("plan", "-input=false", "-no-color", "-detailed-exitcode", "-lock=false", "-out=plan",
                            f"-var=world={kedge.world}", cwd=ready)
            by_hand.append((time.monotonic() - start) * 1000)
            start = time.monotonic()
            run = kedge.check()
            wall.append((time.monotonic() - start) * 1000)
            assert run["status"] == "clean", run
            checks.append(milliseconds(run["endedAt"]) - milliseconds(run["startedAt"]))
        extra = [check - hand for check, hand in zip(checks, by_hand)]
    table(f"A clean check of an unchanged workspace, {pairs} pairs in turn, ms", ["", "median", "min", "max"], [
        [label, median_of(values), f"{min(values):.1f}", f"{max(values):.1f}"] for label, values in (
            ("terraform plan by hand", by_hand), ("check, claim to finish", checks), ("difference, pair by pair", extra),
            ("check, trigger to polled end", wall))])


WRK = """
local n = {workspaces}
local head = {{ ["Authorization"] = "Bearer {token}", ["Content-Type"] = "application/json" }}
local at = 0
function request()
    at = at % n + 1
    return wrk.format("{method}", "{path}", head, {body})
end
"""


def wrk(kedge, method, path, body="nil", connections=64, seconds=SECONDS, timeout="5s"):
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK.format(workspaces=WORKSPACES, token=TOKEN, method=method, path=path, body=body))
        script.flush()
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"--timeout={timeout}",
                               "-s", script.name, f"http://127.0.0.1:{kedge.port}"], capture_output=True, text=True, check=True)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
    p99 = re.search(r"99%\s+(\S+)", done.stdout).group(1)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    errors = re.search(r"Socket errors: (.*)", done.stdout)
    return rate, p99, int(bad.group(1)) if bad else 0, errors.group(1) if errors else ""


def register_many(kedge, count):
    kedge.put("/api/v1/projects/bench", {"repository": "acme/net", "type": "Git", "ref": "main"})
    for number in range(1, count + 1):
        answer = kedge.put(f"/api/v1/projects/bench/workspaces/w{number}", {"directory": f"d{number}"})
        assert answer.status in (200, 201), answer


ENQUEUE = "string.format('{\"projectId\":\"bench\",\"workspaceId\":\"w%d\"}', at)"


def bench_http():
    """Enqueue and read through HTTP; one wrk thread, one api, one Redis, two cores."""
    rows = []
    for label, arguments in (("no AOF", ["appendonly", "no"]), ("AOF everysec", ["appendfsync", "everysec"]),
                             ("AOF always", ["appendfsync", "always"])):
        with Stack(log_level="info", unsafe_redis="true", max_queued=100000000) as kedge:
            kedge.start_redis()
            kedge.redis_cli("config", "set", *arguments)
            kedge.start_api()
            register_many(kedge, WORKSPACES)
            for connections in (64, 512):
                rate, p99, bad, errors = wrk(kedge, "POST", "/api/v1/drift", ENQUEUE, connections)
                rows.append([f"POST /api/v1/drift, {label}", connections, f"{rate:.0f}", p99, bad, errors])
            if label == "no AOF":
                run_id = kedge.trigger("bench", "w1")
                for connections in (64, 512):
                    rate, p99, bad, errors = wrk(kedge, "GET", f"/api/v1/runs/{run_id}", connections=connections)
                    rows.append(["GET /api/v1/runs/{id}", connections, f"{rate:.0f}", p99, bad, errors])
                    rate, p99, bad, errors = wrk(kedge, "GET", "/healthz", connections=connections)
                    rows.append(["GET /healthz", connections, f"{rate:.0f}", p99, bad, errors])
            rss = kedge.processes["api"].rss_bytes()
            rows.append([f"api RSS after that, {label}", "", f"{rss / 1e6:.1f} MB", "", "", ""])
    table(f"Requests through HTTP, wrk -t1, {SECONDS} s each", ["request", "connections", "per second", "p99", "not 2xx", "errors"], rows)

    with Stack(log_level="info", unsafe_redis="true", max_queued=100000000) as kedge:
        kedge.start_redis()
        kedge.redis_cli("config", "set", "appendonly", "no")
        kedge.start_api()
        # Each workspace takes one queued check; the rest coalesce. These are all new.
        count = 30000
        register_many(kedge, count)
        rate, p99, bad, errors = wrk(kedge, "POST", "/api/v1/drift", ENQUEUE.replace("at)", "at + 1000 * math.random(0, 29))"), 64, 2)
        waiting = int(kedge.redis_cli("zcard", "{kedge}:runs") or 0)
        table("Enqueue of mostly new runs (30 000 workspaces, 2 s)", ["per second", "p99", "runs made"], [[f"{rate:.0f}", p99, waiting]])

    rows = []
    with Stack(log_level="info", unsafe_redis="true", max_queued=100000000) as kedge:
        kedge.start_redis()
        kedge.redis_cli("config", "set", "appendonly", "no")
        kedge.start_api()
        register_many(kedge, WORKSPACES)
        for connections in (1, 64, 127, 128, 129, 256, 512, 1000):
            rate, p99, bad, errors = wrk(kedge, "POST", "/api/v1/drift", ENQUEUE, connections, 2)
            rows.append([connections, f"{rate:.0f}", p99, bad, errors])
    table("No number of connections stalls it: POST /api/v1/drift, 2 s each", ["connections", "per second", "p99", "not 2xx", "errors"], rows)


async def hold_polls(port, run_id, etag, count, hold):
    """Opens `count` long polls, calls hold() while they wait, and counts their answers."""
    request = (f"GET /api/v1/runs/{run_id}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
               f"If-None-Match: {etag}\r\n\r\n").encode()

    async def poll():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        status = await reader.readline()
        writer.close()
        return status

    polls = []
    for _ in range(count):
        polls.append(asyncio.ensure_future(poll()))
        if len(polls) % 200 == 0:
            await asyncio.sleep(0.02)
    await asyncio.sleep(3)
    result = await asyncio.get_running_loop().run_in_executor(None, hold)
    answers = await asyncio.gather(*polls, return_exceptions=True)
    return result, sum(1 for answer in answers if isinstance(answer, bytes) and b" 200 " in answer), answers


def bench_memory():
    """RSS of the programs idle, after load, and with 10 000 waiting long polls."""
    rows = []
    with Stack(log_level="info") as kedge:
        kedge.appendfsync = "everysec"
        kedge.start()
        time.sleep(1)
        for name in ("api", "worker", "scheduler"):
            rows.append([f"{name}, idle", f"{kedge.processes[name].rss_bytes() / 1e6:.1f} MB", "", ""])
        kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        kedge.apply("acme/net")
        kedge.register("acme/net")
        for _ in range(20):
            run = kedge.check()
        register_many(kedge, WORKSPACES)
        kedge.processes["worker"].stop()
        kedge.start_worker("worker2")
        kedge.ended(kedge.trigger())
        wrk(kedge, "GET", f"/api/v1/runs/{run['id']}", seconds=3)
        rows.append(["api, after load", f"{kedge.processes['api'].rss_bytes() / 1e6:.1f} MB", "", ""])
        rows.append(["worker, after runs", f"{kedge.processes['worker2'].rss_bytes() / 1e6:.1f} MB", "", ""])
        kedge.processes["worker2"].stop()
        run_id = kedge.trigger("bench", "w1")
        etag = kedge.get(f"/api/v1/runs/{run_id}").headers["ETag"]

        def while_they_wait():
            rss = kedge.processes["api"].rss_bytes()
            times = []
            for _ in range(200):
                start = time.monotonic()
                assert kedge.get("/healthz").status == 200
                times.append((time.monotonic() - start) * 1000)
            kedge.post(f"/api/v1/runs/{run_id}/cancel")
            return rss, statistics.median(times), max(times)

        (rss, middle, worst), answered, _ = asyncio.run(hold_polls(kedge.port, run_id, etag, 10000, while_they_wait))
        rows.append(["api, 10 000 waiting long polls", f"{rss / 1e6:.1f} MB",
                     f"/healthz meanwhile: median {middle:.1f} ms, worst {worst:.1f} ms", f"{answered} answered by the change"])
    table("Memory (RSS)", ["program", "RSS", "", ""], rows)


def bench_claim(count=300):
    """From the 202 to the event of the claim, as a client on another connection sees it."""
    with Stack(log_level="info") as kedge:
        kedge.start()
        kedge.register("acme/gone", variables=None, backendConfig=None)
        kedge.check()
        seen, stop = {}, threading.Event()

        def watch():
            link = socket.socket(socket.AF_UNIX)
            link.connect(str(kedge.socket))
            last, pending = "$", b""
            while not stop.is_set():
                words = ["XREAD", "BLOCK", "1000", "STREAMS", "{kedge}:events", last]
                link.sendall(b"".join([b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words]))
                pending = link.recv(1 << 16)
                now = time.monotonic()
                text = pending.decode()
                ids = re.findall(r"\b(\d{13}-\d+)\b", text)
                last = ids[-1] if ids else last
                for run, status in re.findall(r"([0-9a-f-]{36})\r\n\$\d+\r\nstatus\r\n\$\d+\r\n(\w+)", text):
                    seen.setdefault((run, status), now)

        watcher = threading.Thread(target=watch)
        watcher.start()
        time.sleep(0.3)
        waits = []
        for _ in range(count):
            run_id = kedge.trigger()
            answered = time.monotonic()
            until(lambda: (run_id, "running") in seen, 10, "the claim")
            waits.append(max(0.0, (seen[run_id, "running"] - answered) * 1000))
            kedge.ended(run_id)
            time.sleep(0.02)
        stop.set()
        watcher.join()
    waits.sort()
    table(f"From the 202 to the claim by an idle worker, {count} runs, ms", ["p50", "p90", "p99", "max"],
          [[f"{waits[int(len(waits) * p)]:.2f}" for p in (0.5, 0.9, 0.99)] + [f"{waits[-1]:.2f}"]])


def main():
    parts = {"check": bench_check, "http": bench_http, "memory": bench_memory, "claim": bench_claim,
             "one": bench_one, "batches": bench_batches, "waiting": bench_waiting,
             "schedules": bench_schedules, "schedule_kill": bench_schedule_kill, "schedule_idle": bench_schedule_idle,
             "schedule_burst": bench_schedule_burst, "schedule_jitter": bench_schedule_jitter, "hooks": bench_hooks, "ai_streams": bench_ai_streams,
             "cancels": bench_cancels, "watchers": bench_watchers, "resume": bench_resume,
             "start": bench_start, "failover": bench_failover}
    for part in sys.argv[1:] or parts:
        parts[part]()


if __name__ == "__main__":
    main()
