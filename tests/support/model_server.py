#!/usr/bin/env python3
"""A server of chat completions that behaves as the published ones do, and as they fail.

    model_server.py

Binds 127.0.0.1 on a free port and prints it as the first line; ends with its standard input when that is
a pipe. Every POST whose path ends in /chat/completions is answered as the last PUT to /_script said:

    {"steps": [step, ...]}     each step a list, carried out in turn:
        ["status", 429, {"retry-after": "7"}, "body"]   a whole answer (headers and body may be left out)
        ["head"]                        200, text/event-stream, chunked; the first of the others does it too
        ["head", {"name": "value"}]     with these headers as well, or instead
        ["words", "text", ...]          an event for each
        ["event", {...}]                an event with that JSON
        ["raw", "text"]                 these bytes, one chunk (latin-1, so that any byte can be told)
        ["split", "text", n]            these bytes in chunks of n, each in a write of its own
        ["repeat", "text", count, s]    an event each, count times, with s seconds in between
        ["wait", s]                     nothing for so long
        ["gate"]                        nothing until somebody asks for GET /_open
        ["finish", reason]              the last choice, with its finish_reason
        ["done"]                        [DONE], the last chunk
        ["close"]                       closes the connection where it stands
        ["hang"]                        nothing more, for as long as the client stays
        ["azure"]                       Azure's first event: the verdict on the prompt, no choice
        ["clock"]                       an event with the time.time() of its writing, as <1700000000.123456>

GET /_log answers a JSON array of the requests so far: {"path", "headers" (lower-case names), "body", "connection",
"said" (time.time() at which the first word was written), "left" (time.time() at which the client was seen to be
gone, or null), "ended"}. GET /_open opens all gates that wait now or come later until the next script.
"""
import asyncio
import json
import os
import stat
import sys
import time

CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}
SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}

log, connections = [], 0
script, gate = {"steps": [["words", "hello"], ["finish", "stop"], ["done"]]}, asyncio.Event()


def choice(delta, reason=None, index=0):
    return {**CHUNK, "choices": [{"index": index, "delta": delta, "finish_reason": reason, "logprobs": None}]}


class Answer:
    def __init__(self, writer, request):
        self.writer, self.request, self.begun, self.again = writer, request, False, False

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, headers=None):
        self.begun = True
        fields = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked", **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.write(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode())

    async def chunk(self, data):
        if not self.begun:
            await self.head()
        await self.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, document):
        await self.chunk(b"data: " + json.dumps(document).encode() + b"\n\n")

    async def word(self, text):
        self.request["said"] = self.request["said"] or time.time()
        await self.event(choice({"content": text}))

    async def do_status(self, status, headers=None, body=""):
        data = body.encode()
        fields = {"content-type": "application/json", "content-length": len(data), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.write(f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n{lines}\r\n".encode() + data)
        self.again = True

    async def do_head(self, headers=None):
        await self.head(headers)

    async def do_words(self, *words):
        for word in words:
            await self.word(word)

    async def do_event(self, document):
        await self.event(document)

    async def do_raw(self, text):
        await self.chunk(text.encode("latin-1"))

    async def do_split(self, text, size):
        data = text.encode("latin-1")
        for at in range(0, len(data), size):
            await self.chunk(data[at:at + size])
            await asyncio.sleep(0)

    async def do_repeat(self, text, count, seconds):
        for _ in range(count):
            await self.word(text)
            if seconds:
                await asyncio.sleep(seconds)

    async def do_wait(self, seconds):
        await asyncio.sleep(seconds)

    async def do_gate(self):
        await gate.wait()

    async def do_finish(self, reason):
        await self.event(choice({}, reason))

    async def do_done(self):
        await self.chunk(b"data: [DONE]\n\n")
        await self.write(b"0\r\n\r\n")
        self.again = True

    async def do_close(self):
        self.writer.transport.abort()

    async def do_hang(self):
        await asyncio.Event().wait()

    async def do_azure(self):
        await self.event({**CHUNK, "id": "", "object": "", "created": 0, "model": "", "choices": [],
                          "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]})

    async def do_clock(self):
        await self.word(f"<{time.time():.6f}>")

    async def act(self):
        for name, *arguments in script["steps"]:
            await getattr(self, "do_" + name)(*arguments)
        return self.again


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return {"method": method, "path": path, "headers": headers, "body": body.decode(), "said": None, "left": None, "ended": False}


async def control(request, writer):
    global script
    data = b""
    if request["method"] == "PUT":
        script = json.loads(request["body"])
        gate.clear()
    elif request["path"] == "/_open":
        gate.set()
    else:
        data = json.dumps(log).encode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))
    await writer.drain()
    return True


async def answer(reader, writer, request):
    """The steps, or until the client leaves: a client sends nothing more before its answer."""
    log.append(request)
    acting = asyncio.ensure_future(Answer(writer, request).act())
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({acting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not acting.done():
            request["left"] = time.time()
            return False
        return acting.result()
    except ConnectionError:
        request["left"] = time.time()
        return False
    finally:
        request["ended"] = True
        for task in (acting, leaving):
            task.cancel()
        await asyncio.gather(acting, leaving, return_exceptions=True)


async def serve(reader, writer):
    global connections
    connections += 1
    number = connections
    try:
        again = True
        while again:
            request = await read_request(reader)
            request["connection"] = number
            again = await (control(request, writer) if request["path"].startswith("/_") else answer(reader, writer, request))
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop = asyncio.get_running_loop()
        loop.add_reader(0, lambda: os._exit(0) if not os.read(0, 1) else None)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
