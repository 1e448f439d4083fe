"""Suggestions: many streams at once, the memory of the api, and how late its first bytes are."""
import asyncio
import json
import os
import time

from model import STOP, Model
from stack import TOKEN, Stack, until
from tables import table

STREAMS = int(os.environ.get("BENCH_STREAMS", "500"))
WORDS, PAUSE = 50, 0.1


def body():
    changes = [{"attribute": f"a{n}", "before": "x" * 100, "after": "y" * 100, "sensitive": False} for n in range(10)]
    return json.dumps({"resources": [{"address": f"aws_instance.i{n}", "type": "aws_instance", "severity": "warning",
                                      "action": "update", "changes": changes} for n in range(10)]}).encode()


async def one(port, path, headers, data, seen):
    """Reads one answer; notes when its first word came and how many bytes in all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head, head
    first, total = None, b""
    while not total.endswith(b"0\r\n\r\n"):
        some = await reader.read(65536)
        if not some:
            break
        total += some
        if first is None and b"<" in total:
            first = time.time()
            sent = float(total.split(b"<")[1].split(b">")[0])
            seen.append((first - sent) * 1000)
    writer.close()
    return total.count(b".") >= WORDS


async def all_at_once(port, path, headers, data, peak, ramp):
    seen, tasks = [], []
    for _ in range(STREAMS):
        tasks.append(asyncio.ensure_future(one(port, path, headers, data, seen)))
        if ramp:
            await asyncio.sleep(ramp / STREAMS)
    while not all(task.done() for task in tasks):
        peak()
        await asyncio.sleep(0.05)
    results = await asyncio.gather(*tasks)
    return seen, results.count(True)


def bench_ai_streams():
    with Stack(log_level="info", ai_model="m", ai_max_streams=str(STREAMS)) as stack:
        stack.start_redis()
        model = Model(stack)
        stack.settings.update(ai_url=model.url + "/v1")
        api = stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        before, largest = api.rss_bytes(), [0]
        model.says(["clock"], ["repeat", ".", WORDS, PAUSE], *STOP)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        rows = []
        ours, theirs = (stack.port, "/api/v1/drift/ai-suggest"), (model.port, "/v1/chat/completions")
        for label, (port, path), ramp in (("through kedge-api, asked within 3 s", ours, 3), ("from the model itself, the same", theirs, 3),
                                          ("through kedge-api, asked in one moment", ours, 0), ("from the model itself, the same", theirs, 0)):
            begun = time.monotonic()
            data = body() if port == stack.port else b"{}"
            seen, good = asyncio.run(all_at_once(port, path, headers, data, lambda: largest.append(api.rss_bytes()), ramp))
            seen.sort()
            rows.append([label, STREAMS, good, *(f"{seen[int(len(seen) * part)]:.1f}" for part in (0.5, 0.99)), f"{seen[-1]:.1f}",
                         f"{time.monotonic() - begun:.1f}", f"{before / 1e6:.1f}", f"{max(largest) / 1e6:.1f}"])
    table(f"{STREAMS} suggestions at once, {WORDS} words each: ms from the model's writing of its first word to the client's reading of it",
          ["", "streams", "whole", "median", "p99", "max", "seconds in all", "RSS before, MB", "largest RSS, MB"], rows)
