"""Clients of the Atlantis family: batches of plans, applies, detections and remediations,
waited for, polled, repeated and cancelled; and the person who looks after orphans."""
import collections
import contextlib
import heapq
import threading
import time
import uuid

from clients import Client
from cluster import TARGETS
from stack import PATIENCE

OPEN_MAX = 4  # unfinished batches of one client
DOOMED = 0.15
DOOMED_S = (0, 6)
BEAR_S = 5  # how long a client waits for an answer
BATCH_ENDED = ("success", "partial", "failed", "error", "cancelled")

# An order that was given: where, what, under which key.
Order = collections.namedtuple("Order", "path body key")


class BatchClient(Client):
    def __init__(self, cluster, seed):
        super().__init__(cluster, seed)
        self.batches = {}  # id -> Order
        self.over_with = {}  # batch id -> the end status that it was seen with first
        self.answers = collections.defaultdict(list)  # batch id -> each `data` that was waited for
        self.forced = set()  # ids whose cancel was forced

    def step(self):
        unfinished = list(self.batches.keys() - self.over_with.keys())
        if self.doomed and self.doomed[0][0] <= time.monotonic():
            self.cancel(heapq.heappop(self.doomed)[1])
        elif len(unfinished) < OPEN_MAX and self.random.random() < 0.4:
            self.place(self.make_order())
        elif self.batches and self.random.random() < 0.1:
            self.repeat()
        elif unfinished:
            self.poll(self.random.choice(unfinished))

    # ---- what is asked for ----
    def make_order(self):
        path = self.random.choices(("/api/plan", "/api/apply", "/api/drift/detect", "/api/drift/remediate"), (2, 6, 1, 1))[0]
        chosen = self.random.sample(range(TARGETS), self.random.randrange(1, 5))
        body = {"repository": "acme/chaos", "ref": "main", "type": "Git"}
        if path == "/api/drift/remediate":
            body.update(action=self.random.choice(("plan", "apply")), projects=[f"p{n}" for n in chosen])
        elif self.random.random() < 0.5:
            body["projects"] = [f"p{n}" for n in chosen]
        else:
            body["paths"] = [{"directory": f"d{n}"} for n in chosen]
        return Order(path, body, str(uuid.uuid4()))

    def place(self, order):
        """Some wait for the answer first, for as long as they can bear; the same request with the same key
        then tells which batch that was."""
        data = self.wait_for(order) if self.random.random() < 0.3 else None
        batch_id = self.post(order)
        if batch_id is None:
            return
        self.batches[batch_id] = order
        if data is not None:
            self.answers[batch_id].append(data)
        if self.random.random() < DOOMED:
            heapq.heappush(self.doomed, (time.monotonic() + self.random.uniform(*DOOMED_S), batch_id))
        self.counts[order.path] += 1

    def post(self, order):
        """The batch's id; None when it is over before, or applies are frozen."""
        answer = self.ask("POST", order.path, (202, 409), body=order.body,
                          headers={"Idempotency-Key": order.key, "Prefer": "respond-async"})
        if answer and answer.status == 409:
            self.counts["frozen"] += 1
            if answer.json["error"]["code"] != "FROZEN":
                self.complaints.append(f"POST {order.path}: {answer}")
            return None
        return answer and answer.json["data"]["runId"]

    def wait_for(self, order):
        """`data`, or None when none came in time."""
        headers = {"Idempotency-Key": order.key}
        if self.random.random() < 0.5:
            headers["Prefer"] = f"wait={self.random.randrange(BEAR_S)}"
        with contextlib.suppress(OSError, ValueError):
            answer = self.cluster.request("POST", order.path, body=order.body, headers=headers, timeout=BEAR_S)
            self.counts[f"waited: {answer.status}"] += 1
            if answer.status == 200:
                return answer.json["data"]
            if answer.status not in (202, 409, 429, 502, 503):
                self.complaints.append(f"POST {order.path} {order.body}: {answer}")
        return None

    # ---- what becomes of it ----
    def repeat(self):
        batch_id = self.random.choice(list(self.batches))
        order = self.batches[batch_id]
        again = self.post(order)
        if again not in (None, batch_id):
            self.complaints.append(f"one Idempotency-Key, two batches: {batch_id} and {again}")
        if batch_id in self.over_with and self.random.random() < 0.5:
            data = self.wait_for(order)
            if data is not None:
                self.answers[batch_id].append(data)
        self.counts["repeats"] += 1

    def cancel(self, run_id):
        force = self.random.random() < 0.2
        if force:
            self.forced.add(run_id)
        answer = self.ask("POST", f"/api/v1/runs/{run_id}/cancel", (200, 409), body={"force": force})
        if answer and answer.status == 200:
            self.counts["cancels"] += 1

    def poll(self, batch_id):
        answer = self.ask("GET", f"/api/v1/runs/{batch_id}", (200,))
        if not answer:
            return
        batch = answer.json
        if batch["status"] in BATCH_ENDED:
            self.over_with[batch_id] = batch["status"]
        elif batch["runs"] and self.random.random() < 0.03:
            self.cancel(self.random.choice(batch["runs"]))


class Person(threading.Thread):
    """Looks at each orphan when nothing of it lives any more, finds its target locked, says what the world shows
    of it, and finds the target free."""
    PATIENCE_S = 5 * PATIENCE  # a worker that is back takes its applies back first

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.over = threading.Event()
        self.known = {}  # orphan -> since when
        self.resolved = {}  # run id -> the status that was given to it
        self.locked = set()  # found in GET /api/locks
        self.complaints = []

    def run(self):
        try:
            while not self.over.wait(0.5):
                self.look()
        except Exception as problem:
            self.complaints.append(f"the person died: {problem!r}")

    def stop(self):
        self.over.set()
        self.join()

    def look(self):
        orphans = self.cluster.redis_json("zrange", "{kedge}:orphans", "0", "-1")
        if orphans is None:
            return
        now = time.monotonic()
        self.known = {run: self.known.get(run, now) for run in orphans}
        for run_id, since in self.known.items():
            if now - since > self.PATIENCE_S and self.is_dead(run_id):
                self.settle(run_id)

    def is_dead(self, run_id):
        return not any(run_id in command for _, command in self.cluster.strays())

    def settle(self, run_id):
        run = self.cluster.get(f"/api/v1/runs/{run_id}", timeout=5)
        locks = self.cluster.get("/api/locks", timeout=5)
        if run.status != 200 or locks.status != 200:
            return
        was_locked = self.is_locked(run_id)
        status = "applied" if f"applied 0 {run_id}" in self.applied() else "error"
        answer = self.post(run_id, status)
        if not answer or answer.status not in (200, 409):
            return
        if answer.status == 409:  # its owner was faster
            return
        self.resolved[run_id] = status
        if (run.json["status"], (run.json["error"] or {}).get("code")) != ("error", "INTERRUPTED"):
            self.complaints.append(f"orphan {run_id} was shown as {run.json['status']}, {run.json['error']}")
        if was_locked is False:
            self.complaints.append(f"the target of orphan {run_id} was not locked")
        if self.is_locked(run_id):
            self.complaints.append(f"orphan {run_id} is resolved, and its target locked")
        if locks.json["data"]["total_count"] == 0:
            self.complaints.append(f"GET /api/locks does not show that of orphan {run_id}: {locks}")

    def is_locked(self, run_id):
        """None: Redis does not answer."""
        active = self.cluster.redis_json("hvals", "{kedge}:active")
        return None if active is None else run_id in active

    def applied(self):
        return {f"{what} {rest[0]} {rest[1]}" for what, _, _, _, *rest in
                (line.split(" ") for line in self.cluster.witness.read_text().splitlines()) if what == "applied"}

    def post(self, run_id, status):
        with contextlib.suppress(OSError, ValueError):
            return self.cluster.request("POST", f"/api/v1/runs/{run_id}/resolve", timeout=5,
                                        body={"status": status, "reason": "chaos", "force": True})
        return None
