"""Benchmarks of live logs: how late a line is with the last of many watchers, what watchers cost, and
whether streams that are cut and resumed are whole."""
import asyncio
import concurrent.futures
import os
import random
import re
import threading
import time

from live_log import Follower, start_talk, stored_log
from stack import TOKEN, Stack, until
from tables import table

WATCHERS = [int(count) for count in os.environ.get("BENCH_WATCHERS", "1 200 1000").split()]
MANY = 1000  # so many hear fewer lines, and more slowly
STREAMS = int(os.environ.get("BENCH_RESUMES", "100"))
# Each line says when it was written, in ns.
STAMPS = """
i=0
while [ $i -lt "$1" ]; do
    i=$((i + 1))
    echo "at $(date +%s%N)"
    sleep "$2"
done
[ -z "$3" ] || cat "$3"
"""
STAMP = re.compile(rb"at (\d{19})\n")


async def watch(port, run_id, seen):
    """When each stamp was there, by stamp: the latest of all watchers stays."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/v1/runs/{run_id}/log HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                 "Accept: text/event-stream\r\n\r\n".encode())
    pending, stamps = b"", 0
    while True:
        piece = await reader.read(1 << 16)
        now = time.time_ns()
        if not piece:
            break
        pending += piece
        for match in STAMP.finditer(pending):
            stamp = int(match.group(1))
            count, last = seen.get(stamp, (0, 0))
            seen[stamp] = count + 1, max(last, now)
            stamps += 1
            end = match.end()
        pending = pending[end:] if STAMP.search(pending) else pending[-100000:]
        if b"event: end\n" in pending:
            break
    writer.close()
    return stamps


async def watch_all(port, run_id, count, seen):
    return await asyncio.gather(*(watch(port, run_id, seen) for _ in range(count)))


def in_processes(port, run_id, watchers):
    seen = {}
    return asyncio.run(watch_all(port, run_id, watchers, seen)), seen


def processor_ms(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def measure(watchers, lines, pause):
    with Stack(log_level="info") as kedge, concurrent.futures.ProcessPoolExecutor(1) as pool:
        kedge.start()
        idle = kedge.processes["api"].rss_bytes()
        kedge.gate("gate")
        run_id = start_talk(kedge, lines, pause, gate="gate", script=STAMPS)
        kedge.running(run_id)
        before = {name: processor_ms(kedge.processes[name]) for name in ("api", "worker", "redis")}
        heard = pool.submit(in_processes, kedge.port, run_id, watchers)
        descriptor = kedge.waits_at_gate("gate", 300)
        rss = kedge.processes["api"].rss_bytes()
        spent = {name: processor_ms(kedge.processes[name]) - before[name] for name in before}
        kedge.open_gate("gate", descriptor)
        _, seen = heard.result()
    # The first lines are older than the watchers: they were caught up with.
    late = sorted((last - stamp) / 1e6 for stamp, (count, last) in list(sorted(seen.items()))[lines // 5:] if count == watchers)
    return [watchers, len(late), *(f"{late[int(len(late) * p)]:.1f}" for p in (0.5, 0.9, 0.99)), f"{late[-1]:.1f}",
            f"{idle / 1e6:.1f}", f"{rss / 1e6:.1f}", *(spent[name] for name in ("api", "worker", "redis"))]


def bench_watchers():
    """From the moment a child of terraform writes a line until the last of all watchers has it."""
    rows = [measure(count, 60, 0.3) if count >= MANY else measure(count, 200, 0.05) for count in WATCHERS]
    table("A line of terraform, from its writing to the last watcher of the run, ms", [
        "watchers", "lines", "p50", "p90", "p99", "max", "api idle, MB", "api with them, MB", "CPU ms: api", "worker", "redis"], rows)


def bench_resume(count=STREAMS):
    """Streams that are cut after random events and resumed, live, at two programs in turn."""
    with Stack(log_level="info") as kedge:
        kedge.start()
        ports = [kedge.port, kedge.start_another_api("api-2")]
        run_id = start_talk(kedge, 300)
        whole, lock, breaks = [], threading.Lock(), []

        def one(number):
            chance, follower = random.Random(number), Follower()
            while not follower.listen(chance.choice(ports), run_id, chance.randint(1, 40)):
                pass
            with lock:
                whole.append(follower)
                breaks.append(follower.breaks)

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            list(pool.map(one, range(count)))
        until(lambda: kedge.run(run_id)["endedAt"], 10, "it has ended")
        stored = stored_log(kedge, run_id)
    table(f"{count} streams, cut and resumed while the run goes on", ["breaks in all", "bytes of the log", "byte-identical", "gaps"], [
        [sum(breaks), len(stored), sum(follower.bytes == stored for follower in whole), sum(len(follower.gaps) for follower in whole)]])
