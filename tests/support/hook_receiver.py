#!/usr/bin/env python3
"""A receiver of hooks that is as nasty as real ones are.

    hook_receiver.py [--seed N]

Binds 127.0.0.1 on a free port and prints it as the first line. The first part of a path says what
becomes of the request; what follows it is free, so that every hook of a test has its own path:

    /ok          200
    /status/404  that status; ?body=text is the body, ?after=seconds or a date the Retry-After
    /once/500    that status for the first request of this very path, then 200 (same options)
    /once/hang   does not answer the first one, then 200
    /redirect    302 to ?to=URL
    /chunked     200 in chunks
    /huge        200 and 64 MiB of body
    /endless     200 and a body without end
    /slow        200, a byte every 50 ms
    /cut         200, promises more bytes than it sends
    /drop        closes the connection
    /garbage     answers, but not HTTP
    /heads       200 and header fields without end
    /continue    100 without end
    /hang        never answers
    /slack       200 "ok", or 400 when Slack would refuse the payload; ?body=… as above
    /teams       200, or 400 when Teams would
    /nasty       at random 200 (half of them), 429 or 503 with Retry-After 0 or 1, 500, hang, drop;
                 200 when it failed the same webhook-id four times before
    /echo        200 and the request's head as body

GET /_log answers a JSON array of all requests so far, without those to /_log: {"path", "method",
"headers" (lower-case names), "body", "at" (seconds), "did" (a status, "hang", "drop" …), "wrong"
(what Slack or Teams would not take), "connection" (its number)}. GET /_taken?path=/x: how many webhook-ids were
answered 200 on that path. GET /_peak: how many requests were open at once, at most.
When standard input is a pipe the server ends with it. The rules of Slack and Teams are from their
published references.
"""
import argparse
import asyncio
import json
import os
import random
import re
import stat
import sys
import time
import urllib.parse

SLACK_MENTION = re.compile(r"<[!@#]")
TEAMS_BYTES = 28 * 1024
WORDS = {200: "OK", 302: "Found", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error"}

log, seen, taken = [], {}, {}
state = {"open": 0, "peak": 0, "connections": 0}


# ---- what Slack and Teams take ----

def text_problems(text, limit, where):
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        return [f"{where}: no text object"]
    said = text.get("text")
    if not isinstance(said, str) or not 1 <= len(said) <= limit:
        return [f"{where}: 1 to {limit} characters, not {len(said or '')}"]
    if text["type"] == "mrkdwn" and SLACK_MENTION.search(re.sub(r"<!date\^", "", said)):
        return [f"{where}: a mention"]
    return []


def block_problems(block, where):
    kind = block.get("type")
    if kind == "header":
        plain = [] if block["text"]["type"] == "plain_text" else [f"{where}: a header is plain text"]
        return plain + text_problems(block["text"], 150, where)
    if kind == "section":
        fields = block.get("fields", [])
        problems = text_problems(block["text"], 3000, where) if "text" in block else []
        if "text" not in block and not fields or len(fields) > 10:
            problems.append(f"{where}: text or at most ten fields")
        return problems + [p for field in fields for p in text_problems(field, 2000, where)]
    if kind == "context":
        elements = block.get("elements", [])
        count = [] if 1 <= len(elements) <= 10 else [f"{where}: 1 to 10 elements"]
        return count + [p for element in elements for p in text_problems(element, 3000, where)]
    if kind == "divider":
        return []
    return [f"{where}: type {kind}"]


def slack_problems(body):
    payload = json.loads(body)
    blocks = payload.get("blocks", [])
    problems = [] if payload.get("text") else ["no fallback text"]
    if not 1 <= len(blocks) <= 50:
        problems.append(f"{len(blocks)} blocks")
    if SLACK_MENTION.search(payload.get("text", "")):
        problems.append("a mention in the fallback")
    return problems + [p for i, block in enumerate(blocks) for p in block_problems(block, f"block {i}")]


def teams_problems(body):
    payload = json.loads(body)
    problems = [] if len(body) <= TEAMS_BYTES else [f"{len(body)} bytes"]
    if payload.get("type") != "message" or len(payload.get("attachments", [])) != 1:
        return problems + ["no message with one attachment"]
    attachment = payload["attachments"][0]
    if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
        problems.append("contentType")
    card = attachment.get("content", {})
    if card.get("type") != "AdaptiveCard" or card.get("version") not in ("1.2", "1.3", "1.4") or not card.get("body"):
        problems.append("no card")
    return problems + [f"{item.get('type')} in the body" for item in card.get("body", [])
                       if item.get("type") not in ("TextBlock", "RichTextBlock", "FactSet", "Container")]


CHECKS = {"slack": slack_problems, "teams": teams_problems}


# ---- answers ----

class Exchange:
    def __init__(self, reader, writer, request):
        self.reader, self.writer, self.request = reader, writer, request
        parts = urllib.parse.urlsplit(request["path"])
        self.words = parts.path.strip("/").split("/")
        self.query = dict(urllib.parse.parse_qsl(parts.query))

    def head(self, status, **headers):
        self.request["did"] = status
        if status == 200 and "webhook-id" in self.request["headers"]:
            taken.setdefault(self.request["path"], set()).add(self.request["headers"]["webhook-id"])
        lines = [f"HTTP/1.1 {status} {WORDS.get(status, 'Status')}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, status, body="", **headers):
        data = body.encode()
        if "after" in self.query and status != 200:
            headers["Retry_After"] = self.query["after"]
        self.head(status, Content_Length=len(data), **headers)
        self.writer.write(data)
        return True

    async def hang(self):
        self.request["did"] = "hang"
        await self.reader.read()
        return False

    async def no_answer(self, word):
        """What looks like the beginning of one."""
        self.request["did"] = word
        if word == "garbage":
            return await self.pour(b"hello\r\n", 1)
        if word == "continue":
            return await self.pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 1 << 30)
        self.writer.write(b"HTTP/1.1 200 OK\r\n")
        return await self.pour(b"X-Field: " + b"x" * 1000 + b"\r\n", 1 << 30)

    async def pour(self, piece, count, pause=0.0):
        for _ in range(count):
            self.writer.write(piece)
            await self.writer.drain()
            if pause:
                await asyncio.sleep(pause)
        return False

    def drop(self):
        self.request["did"] = "drop"
        self.writer.transport.abort()
        return False

    def nasty(self):
        message = self.request["headers"].get("webhook-id")
        choice = random.choice(["ok"] * 5 + ["limited", "broken", "busy", "hang", "drop"])
        if choice == "ok" or seen.get(message, 0) == 4:
            return self.answer(200)
        seen[message] = seen.get(message, 0) + 1
        if choice in ("limited", "busy"):
            return self.answer(429 if choice == "limited" else 503, Retry_After=random.choice((0,) * 9 + (1,)))
        if choice == "broken":
            return self.answer(500, "it broke")
        return self.hang() if choice == "hang" else self.drop()

    def checked(self, kind):
        self.request["wrong"] = CHECKS[kind](self.request["body"].encode())
        if self.request["wrong"]:
            return self.answer(400, "invalid_blocks")
        return self.answer(200, self.query.get("body", "ok"))

    async def act(self):
        """True: the connection may be used again."""
        word = self.words[0]
        if word == "_log":
            return self.answer(200, json.dumps([one for one in log if one is not self.request]))
        if word == "_taken":
            return self.answer(200, str(len(taken.get(self.query["path"], ()))))
        if word == "_peak":
            return self.answer(200, str(state["peak"]))
        if word in ("status", "once"):
            first = seen.setdefault(self.request["path"], 0) == 0
            seen[self.request["path"]] += 1
            if self.words[1] == "hang":
                return await self.hang() if first else self.answer(200)
            status = int(self.words[1]) if word == "status" or first else 200
            return self.answer(status, self.query.get("body", ""))
        if word == "redirect":
            return self.answer(302, Location=self.query.get("to", "/ok"))
        if word in CHECKS:
            return self.checked(word)
        if word == "nasty":
            done = self.nasty()
            return await done if asyncio.iscoroutine(done) else done
        if word == "hang":
            return await self.hang()
        if word == "drop":
            return self.drop()
        if word in ("garbage", "heads", "continue"):
            return await self.no_answer(word)
        if word == "echo":
            return self.answer(200, json.dumps(self.request["headers"]))
        if word in ("huge", "endless", "slow", "cut", "chunked"):
            return await self.body(word)
        return self.answer(200)

    async def body(self, word):
        if word == "chunked":
            self.head(200, Transfer_Encoding="chunked")
            for piece in (b"first ", b"second"):
                self.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.writer.write(b"0\r\n\r\n")
            return True
        if word == "cut":
            self.head(200, Content_Length=100)
            return await self.pour(b"short", 1)
        if word == "slow":
            self.head(200, Content_Length=20)
            return await self.pour(b".", 20, 0.05)
        self.head(200)
        return await self.pour(b"x" * 65536, 1024 if word == "huge" else 1 << 30)


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return {"path": path, "method": method, "headers": headers, "body": body.decode("utf-8", "replace"),
            "at": time.monotonic(), "did": None, "wrong": []}


async def serve(reader, writer):
    state["connections"] += 1
    number = state["connections"]
    try:
        again = True
        while again:
            request = await read_request(reader)
            request["connection"] = number
            if not request["path"].startswith("/_"):
                log.append(request)
            state["open"] += 1
            state["peak"] = max(state["peak"], state["open"])
            try:
                again = await Exchange(reader, writer, request).act()
                await writer.drain()
            finally:
                state["open"] -= 1
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    random.seed(options.parse_args().seed)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop = asyncio.get_running_loop()
        loop.add_reader(0, lambda: os._exit(0) if not os.read(0, 1) else None)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
