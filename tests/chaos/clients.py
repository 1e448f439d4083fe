"""Clients: they trigger, repeat, cancel and poll, try again on every error, and remember
what they were told."""
import collections
import contextlib
import heapq
import random
import threading
import time
import uuid

from cluster import PROJECT, WORKSPACES
from stack import ENDED

OPEN_MAX = 15  # unfinished runs of one client
DOOMED = 0.1  # share of the runs that are cancelled, and how long after their trigger
DOOMED_S = (0, 6)


class Client(threading.Thread):
    def __init__(self, cluster, seed):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.random = random.Random(seed)
        self.over = threading.Event()
        self.accepted = set()  # run ids of a 202
        self.doomed = []  # heap of (when, run id): to be cancelled
        self.keys = []  # (Idempotency-Key, workspace, run id)
        self.ended = {}  # run id -> the end status that it was seen with first
        self.complaints = []
        self.counts = collections.Counter()

    def run(self):
        try:
            while not self.over.is_set():
                self.step()
                self.over.wait(self.random.uniform(0, 0.1))
        except Exception as problem:  # a client that died proves nothing
            self.complaints.append(f"a client died: {problem!r}")

    def stop(self):
        self.over.set()

    def step(self):
        unfinished = list(self.accepted - self.ended.keys())
        if self.doomed and self.doomed[0][0] <= time.monotonic():
            self.cancel(heapq.heappop(self.doomed)[1])
        elif len(unfinished) < OPEN_MAX and self.random.random() < 0.4:
            self.trigger()
        elif self.keys and self.random.random() < 0.1:
            self.repeat()
        elif unfinished:
            self.poll(self.random.choice(unfinished))

    def ask(self, method, path, good, **options):
        """Until there is an answer of that kind; None when it is over before."""
        while not self.over.is_set():
            with contextlib.suppress(OSError, ValueError):
                answer = self.cluster.request(method, path, timeout=5, **options)
                if answer.status in good:
                    return answer
                self.counts[f"http {answer.status}"] += 1
                if answer.status not in (429, 503):
                    self.complaints.append(f"{method} {path}: {answer}")
                    return None
            self.counts["retries"] += 1
            self.over.wait(0.2)
        return None

    def post_check(self, workspace, key):
        answer = self.ask("POST", "/api/v1/drift", (202,), headers={"Idempotency-Key": key},
                          body={"projectId": PROJECT, "workspaceId": workspace})
        return answer and answer.json["runId"]

    def trigger(self):
        workspace, key = f"w{self.random.randrange(WORKSPACES)}", str(uuid.uuid4())
        run_id = self.post_check(workspace, key)
        if run_id is None:
            return
        self.accepted.add(run_id)
        self.keys.append((key, workspace, run_id))
        if self.random.random() < DOOMED:
            heapq.heappush(self.doomed, (time.monotonic() + self.random.uniform(*DOOMED_S), run_id))
        self.counts["triggers"] += 1

    def repeat(self):
        """An earlier request once more, as after an answer that was lost."""
        key, workspace, run_id = self.random.choice(self.keys)
        again = self.post_check(workspace, key)
        if again not in (None, run_id):
            self.complaints.append(f"one Idempotency-Key, two runs: {run_id} and {again}")
        self.counts["repeats"] += 1

    def cancel(self, run_id):
        force = self.random.random() < 0.2
        answer = self.ask("POST", f"/api/v1/runs/{run_id}/cancel", (200, 409), body={"force": force})
        if answer and answer.status == 200:
            self.counts["cancels"] += 1

    def poll(self, run_id):
        answer = self.ask("GET", f"/api/v1/runs/{run_id}", (200,))
        if answer and answer.json["status"] in ENDED:
            self.ended[run_id] = answer.json["status"]


class Witness(threading.Thread):
    """Follows the events stream from its start, over every restart of Redis."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.events = []  # (id, run, status)
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            self.read()

    def read(self):
        since = f"({self.events[-1][0]}" if self.events else "-"
        entries = self.cluster.redis_json("xrange", "{kedge}:events", since, "+", "count", "5000")
        for entry_id, fields in entries or []:
            pairs = dict(zip(fields[::2], fields[1::2]))
            self.events.append((entry_id, pairs["run"], pairs["status"]))

    def stop(self):
        self.over.set()
        self.join()
        self.read()
