"""Benchmarks of schedules: a simulated year, kills, a hundred thousand that are idle, jitter."""
import asyncio
import json
import os
import pathlib
import re
import subprocess
import time

from schedule_kill import schedule_kill, share
from stack import BUILD, TOKEN, Stack, until
from tables import table

IDLE = 100000
CONNECTIONS = 32
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
NEVER_SOON = "0 3 29 2 *"


def bench_schedules():
    """10 000 schedules in 20 zones through a year, three schedulers that die at random."""
    done = subprocess.run([BUILD / "tests/bench/schedule_year"], capture_output=True, text=True)
    found = dict(re.findall(r"(\w+)=(\d+)", done.stdout))
    table("A simulated year of 10 000 schedules in 20 zones, 3 schedulers", ["", ""], [
        ["ticks by the oracle", found["ticks"]], ["runs", found["runs"]], ["missed", found["missed"]],
        ["doubled", found["doubled"]], ["otherwise wrong", found["wrong"]],
        ["turns of a scheduler", found["turns"]], ["died on the way", found["crashes"]],
        ["overtaken between look and fire", found["overtaken"]], ["took", f"{found['seconds']} s"]])
    if done.returncode != 0:
        print(done.stderr)


def bench_schedule_kill(seconds=180):
    """200 schedules, more than 3 ticks a second; schedulers and Redis (appendfsync always) are killed."""
    seed, verdict = schedule_kill(seconds)
    rows = [["ticks", verdict["ticks"]], ["runs", verdict["runs"]],
            *([name, len(verdict[name])] for name in ("missed", "doubled", "wrong", "early")),
            *([f"kills of {name}", count] for name, count in verdict["kills"].items())]
    for label, values in verdict["late"].items():
        rows.append([f"late, ms, {label}: p50, p99, worst", f"{share(values, 0.5)}, {share(values, 0.99)}, {values[-1]} ({len(values)} ticks)"])
    table(f"200 schedules for {seconds} s under kill -9, seed {seed}", ["", ""], rows)


# ---- many, through the api ----
async def send_all(port, requests):
    """Sends (method, path, body) over some connections in order; 2xx is expected. Each answer."""
    answers = [None] * len(requests)
    turn = iter(enumerate(requests))

    async def work():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, (method, path, body) in turn:
            text = json.dumps(body)
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(text)}\r\n\r\n{text}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
            answers[number] = await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 20"), (path, head, answers[number])
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return answers


def send(kedge, requests):
    return asyncio.run(send_all(kedge.port, requests))


def register(kedge, workspaces):
    kedge.put("/api/v1/projects/many", {"repository": "acme/many", "type": "Git", "ref": "main"})
    send(kedge, [("PUT", f"/api/v1/projects/many/workspaces/w{number}", {"directory": f"d{number}"}) for number in range(workspaces)])


def schedule(workspace, cron, **more):
    return ("POST", "/api/v1/drift/schedule", {
        "projectId": "many", "workspaceId": f"w{workspace}", "scheduleType": "drift", "cron": cron, "enabled": True,
        "timezone": "Europe/Berlin", **more})


def used_memory(kedge):
    kedge.redis_cli("memory", "purge")
    return int(re.search(r"used_memory:(\d+)", kedge.redis_cli("info", "memory")).group(1))


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def share_of_core(pids, seconds=60):
    before = [processor_seconds(pid) for pid in pids]
    time.sleep(seconds)
    return [f"{(processor_seconds(pid) - spent) / seconds * 100:.2f} %" for pid, spent in zip(pids, before)]


def idle(each, rows):
    """IDLE schedules, that many of a workspace: their memory and, once, what they cost a scheduler."""
    with Stack(log_level="info", unsafe_redis="true") as kedge:
        kedge.appendfsync = "everysec"
        kedge.start_redis()
        kedge.start_api()
        until(lambda: kedge.get("/readyz").status == 200, 20, "the api is ready")
        register(kedge, IDLE // each)
        before = used_memory(kedge)
        answers = send(kedge, [schedule(number // each, NEVER_SOON, jitterSeconds=600, label="nightly check") for number in range(IDLE)])
        bytes_each = (used_memory(kedge) - before) / IDLE
        example = f"{{kedge}}:schedule:{json.loads(answers[0])['id']}"
        rows.append([f"Redis, {each} of a workspace: all, each", f"{bytes_each * IDLE / 1e6:.1f} MB, {bytes_each:.0f} bytes"])
        rows.append(["one hash: MEMORY USAGE, encoding", f"{kedge.redis_cli('memory', 'usage', example).strip()} bytes, "
                     f"{kedge.redis_cli('object', 'encoding', example).strip()}"])
        if each > 1:
            return
        scheduler = kedge.start_scheduler()
        until(lambda: scheduler.events("started"), 20, "the scheduler has started")
        started = time.monotonic()
        spent = processor_seconds(scheduler.pid)
        pids = [scheduler.pid, kedge.processes["redis"].pid]
        rows.append(["scheduler, redis during the first review, 60 s", ", ".join(share_of_core(pids))])
        until(lambda: scheduler.events("review_done"), 600, "the first review is over")
        rows.append(["the first review: took, processor time of the scheduler in all",
                     f"{time.monotonic() - started:.0f} s, {processor_seconds(scheduler.pid) - spent:.2f} s"])
        rows.append(["scheduler, redis without a review, 60 s", ", ".join(share_of_core(pids))])
        rows.append(["scheduler, RSS", f"{scheduler.rss_bytes() / 1e6:.1f} MB"])


def bench_schedule_idle():
    """What schedules cost that do nothing."""
    rows = []
    idle(10, rows)
    idle(1, rows)
    table(f"{IDLE} idle schedules", ["", ""], rows)


def fullest(offsets_ms, minutes=60):
    counts = [0] * minutes
    for offset in offsets_ms:
        counts[offset // 60000] += 1
    return max(counts) * minutes / len(offsets_ms)


def bench_schedule_burst(count=10000):
    """As many schedules that all tick at once, three schedulers, appendfsync always."""
    with Stack(log_level="info") as kedge:
        kedge.start_redis()
        kedge.start_api()
        until(lambda: kedge.get("/readyz").status == 200, 20, "the api is ready")
        register(kedge, count)
        for number in range(3):
            kedge.start_scheduler(f"scheduler{number}")
        now = time.gmtime(time.time() + 120)
        send(kedge, [schedule(number, f"{now.tm_min} {now.tm_hour} * * *", timezone="UTC") for number in range(count)])
        until(lambda: int(kedge.redis_cli("zcard", "{kedge}:runs")) == count, 150, "all have ticked")
        queued = kedge.redis_cli("zrange", "{kedge}:runs", 0, -1, "withscores").split()[1::2]
        late = sorted(int(at) % 60000 for at in queued)
    table(f"{count} schedules with the same tick, 3 schedulers: from the due time to the run, ms", ["p50", "p90", "p99", "last"],
          [[share(late, 0.5), share(late, 0.9), share(late, 0.99), late[-1]]])


def bench_schedule_jitter(count=1000):
    """How evenly equal schedules with an hour of jitter fall, made one after the other and in part."""
    with Stack(log_level="info") as kedge:
        kedge.start_redis()
        kedge.start_api()
        until(lambda: kedge.get("/readyz").status == 200, 20, "the api is ready")
        register(kedge, count * 10)
        offsets = []
        for number in range(count * 10):
            method, path, body = schedule(number, "0 3 * * *", jitterSeconds=3600)
            made = kedge.request(method, path, body).json["id"]
            if number < 5 or number >= count * 10 - 5:  # in the order of their making
                assert int(kedge.redis_cli("hget", f"{{kedge}}:schedule:{made}", "spread")) == number + 1
            offsets.append(made)
        text = "".join(f"hmget {{kedge}}:schedule:{made} tick due\n" for made in offsets)
        lines = subprocess.run(["redis-cli", "-s", kedge.socket], input=text, capture_output=True, text=True, check=True).stdout.split()
        offsets = [int(due) - int(tick) for tick, due in zip(lines[::2], lines[1::2])]
    rows = [[f"{count} in a row", f"{fullest(offsets[:count]):.2f}"]]
    for every in (2, 3, 10):
        rows.append([f"{count}, every {every}.", f"{fullest(offsets[::every][:count]):.2f}"])
    table("Jitter of one hour: the fullest minute as a multiple of the mean", ["schedules", ""], rows)
