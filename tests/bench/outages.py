"""How long a start, a stop and a failover take."""
import os
import statistics
import time

from sentinels import Failover, Poster
from stack import Stack, until
from start import PROGRAMS, start_healthy
from tables import table


def start_and_stop(kedge, program):
    """From the start to a --health that is content, and from SIGTERM to the end: ms; and MB in between."""
    process, started = start_healthy(kedge, program)
    rss = process.rss_bytes()
    stopping = time.monotonic()
    assert process.stop() == 0
    return started * 1000, (time.monotonic() - stopping) * 1000, rss / 1e6


def bench_start(times=7):
    rows = []
    with Stack() as kedge:
        kedge.start_redis()
        for program in PROGRAMS:
            starts, stops, sizes = zip(*(start_and_stop(kedge, program) for _ in range(times)))
            rows.append((program, f"{statistics.median(starts):.0f}", f"{max(starts):.0f}", f"{statistics.median(stops):.0f}",
                         f"{max(stops):.0f}", f"{statistics.median(sizes):.1f}"))
    table(f"A program's start until --health is content, and its stop when idle, {times} times, ms",
          ("program", "start, median", "max", "stop, median", "max", "RSS then, MB"), rows)


def fail_over_once():
    """kill -9 of the master under load: ms until a request is accepted, until a new run has ended."""
    with Failover(12) as stack:
        stack.start()
        posters = [Poster(stack, number) for number in range(3)]
        for poster in posters:
            poster.start()
        until(lambda: all(len(poster.accepted) > 5 for poster in posters), 30, "requests are accepted")
        stack.processes[stack.master().name].kill()
        killed = time.monotonic()
        after = lambda: sorted(entry for poster in posters for entry in poster.accepted if entry[0] > killed + 0.5)
        first = until(after, 60, "requests are accepted again")[0]
        until(lambda: stack.get(f"/api/v1/runs/{first[1]}").json.get("endedAt"), 60, "it has ended")
        ended = time.monotonic()
        for poster in posters:
            poster.stop()
        return (first[0] - killed) * 1000, (ended - killed) * 1000


def bench_failover():
    times = int(os.environ.get("BENCH_FAILOVERS", "5"))
    accepted, ended = zip(*(fail_over_once() for _ in range(times)))
    row = lambda name, values: (name, f"{statistics.median(values):.0f}", f"{min(values):.0f}", f"{max(values):.0f}")
    table(f"kill -9 of the master under load, three sentinels, down-after 1 s, {times} times, ms from the kill",
          ("", "median", "min", "max"), [row("first accepted request", accepted), row("its run has ended", ended)])
