"""Many ends of runs, told to hooks of which one is nasty: for a test and for a benchmark.

A workspace goes through four checks: drifted, still drifted, failed, clean. That makes 0 to 2
events each, known beforehand: drift.detected, nothing, check.failed, check.recovered and
drift.resolved. The checks are ended by a stand-in for a worker, which sends the scripts that a
worker sends.
"""
import collections
import json
import re
import socket
import time
import uuid

from receiver import Receiver, add_hook
from stack import BUILD, until

METADATA = json.dumps({"driftedCount": 1, "driftedResources": [
    {"address": "aws_instance.a", "type": "aws_instance", "action": "update", "severity": "warning",
     "origin": "outside", "changes": []}]})
ROUNDS = [("drift_detected", METADATA, ["drift.detected"]), ("drift_detected", METADATA, []),
          ("error", "", ["check.failed"]), ("clean", "", ["check.recovered", "drift.resolved"])]


class Worker:
    """Claims runs and ends them."""

    def __init__(self, kedge):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(kedge.socket))
        self.replies = self.socket.makefile("rb")
        made = (BUILD / "gen/lua_scripts.h").read_text()
        self.scripts = dict(re.findall(r'"(\w+)", lua_text_\w+, sizeof\(lua_text_\w+\), "([0-9a-f]{40})"', made))

    def script(self, name, *arguments):
        words = [str(word).encode() for word in ("EVALSHA", self.scripts[name], 1, "{kedge}:", *arguments)]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.replies.readline()[:-2]
        kind, rest = line[:1], line[1:]
        assert kind != b"-", line
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.replies.read(int(rest) + 2)[:-2].decode()
        return int(rest) if kind == b":" else rest.decode()

    def end_one(self, status, metadata):
        """The id of the run that was ended, and when (monotonic seconds)."""
        nonce = uuid.uuid4().hex
        claimed = self.script("claim", "stand-in", nonce, 15000)
        assert claimed[0] == "run", claimed
        failed = status == "error"
        done = self.script("finish", claimed[1], claimed[2], nonce, status, -1, "TIMEOUT" if failed else "",
                           "It took too long." if failed else "", "", "", 0, "", "", "", "", metadata, "", "", "", 0, "", "")
        assert done == "done", done
        return claimed[1], time.monotonic()


class Storm:
    def __init__(self, kedge, workspaces, nasty, pause=0.0):
        """Ends 4 runs of each workspace; `pause` seconds between two ends."""
        self.kedge, self.receiver = kedge, Receiver(kedge)
        self.paths = ["/ok/healthy"] + (["/nasty"] if nasty else [])
        for path in self.paths:
            add_hook(kedge, self.receiver.url(path))
        kedge.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
        for number in range(workspaces):
            kedge.put(f"/api/v1/projects/p/workspaces/w{number}", {"directory": f"d{number}"})
        self.expected, self.ended = set(), {}
        worker = Worker(kedge)
        for status, metadata, types in ROUNDS:
            for number in range(workspaces):
                kedge.trigger("p", f"w{number}")
            for _ in range(workspaces):
                run_id, at = worker.end_one(status, metadata)
                self.ended[run_id] = at
                self.expected |= {(run_id, kind) for kind in types}
                time.sleep(pause)

    def told(self, path):
        """Event -> its requests, in their order."""
        found = collections.defaultdict(list)
        for request in self.receiver.requests(path):
            event = json.loads(request["body"])
            found[event["data"]["runId"], event["type"]].append(request)
        return found

    def wait(self, seconds):
        def all_of_them():
            return all(self.receiver.ask(f"/_taken?path={path}") >= len(self.expected) for path in self.paths)
        until(all_of_them, seconds, "every event is taken")

    def latencies(self):
        """Of the healthy hook: seconds from the end of a run to the request."""
        return sorted(requests[0]["at"] - self.ended[run_id] for (run_id, _), requests in self.told(self.paths[0]).items())

    def check(self):
        """Everything was told, nothing else, and under one id of its own. Requests a path."""
        counts = {}
        for path in self.paths:
            told = self.told(path)
            assert set(told) == self.expected
            ids = {event: {one["headers"]["webhook-id"] for one in requests} for event, requests in told.items()}
            assert all(len(found) == 1 for found in ids.values())
            assert len(set().union(*ids.values())) == len(ids)
            assert all(any(one["did"] == 200 for one in requests) for requests in told.values())
            counts[path] = [one["did"] for requests in told.values() for one in requests]
        return counts
