"""Clients that reconcile: on terms of their own or of the workspace, now and then only what a
person has seen; repeated, polled and cancelled."""
import collections
import heapq
import time
import uuid

from clients import DOOMED, DOOMED_S, Client
from cluster import RECONCILED, RECONCILED_PROJECT, max_destroy, protects

# What a run was asked for: at most so many are destroyed (None: any number), is `guarded`
# protected, and the run that found what may be reconciled (None: whatever there is).
Terms = collections.namedtuple("Terms", "limit protected seen")


class ReconcileClient(Client):
    def __init__(self, cluster, seed):
        super().__init__(cluster, seed)
        self.terms = {}  # run id -> Terms
        self.drifted = collections.defaultdict(list)  # workspace -> checks that found drift
        self.checks = {}  # check -> workspace
        self.forced = set()

    def trigger(self):
        n = self.random.randrange(RECONCILED)
        if self.random.random() < 0.3:
            self.check(f"c{n}")
            return
        body, terms = self.make_terms(n)
        key = str(uuid.uuid4())
        run_id = self.post_reconcile(body, key)
        if run_id is None:
            return
        self.accepted.add(run_id)
        self.terms[run_id] = terms
        self.keys.append((key, body, run_id))
        if self.random.random() < 2 * DOOMED:
            heapq.heappush(self.doomed, (time.monotonic() + self.random.uniform(*DOOMED_S), run_id))
        self.counts["reconciles"] += 1

    def make_terms(self, n):
        body, limit, seen = {"projectId": RECONCILED_PROJECT, "workspaceId": f"c{n}"}, max_destroy(n), None
        choice = self.random.random()
        if choice < 0.2:
            body["allowDestroy"], limit = True, None
        elif choice < 0.4:
            body["maxDestroy"] = limit = self.random.randrange(3)
        if self.drifted[f"c{n}"] and self.random.random() < 0.5:
            body["planRunId"] = seen = self.random.choice(self.drifted[f"c{n}"])
        return body, Terms(limit, protects(n), seen)

    def check(self, workspace):
        answer = self.ask("POST", "/api/v1/drift", (202,), headers={"Idempotency-Key": str(uuid.uuid4())},
                          body={"projectId": RECONCILED_PROJECT, "workspaceId": workspace})
        if answer:
            self.accepted.add(answer.json["runId"])
            self.checks[answer.json["runId"]] = workspace

    def post_reconcile(self, body, key):
        """None when it is over before, applies are frozen, or something else has drifted by now."""
        answer = self.ask("POST", "/api/v1/drift/reconcile", (202, 409), body=body,
                          headers={"Idempotency-Key": key, "Prefer": "respond-async"})
        if answer and answer.status == 409:
            code = answer.json["error"]["code"]
            self.counts[code] += 1
            if code not in ("FROZEN", "DRIFT_MOVED"):
                self.complaints.append(f"POST /api/v1/drift/reconcile {body}: {answer}")
            return None
        return answer and answer.json["runId"]

    def repeat(self):
        key, body, run_id = self.random.choice(self.keys)
        again = self.post_reconcile(body, key)
        if again not in (None, run_id):
            self.complaints.append(f"one Idempotency-Key, two reconciles: {run_id} and {again}")
        self.counts["repeats"] += 1

    def cancel(self, run_id):
        force = self.random.random() < 0.2
        if force:
            self.forced.add(run_id)
        answer = self.ask("POST", f"/api/v1/runs/{run_id}/cancel", (200, 409), body={"force": force})
        if answer and answer.status == 200:
            self.counts["cancels"] += 1

    def poll(self, run_id):
        super().poll(run_id)
        if self.ended.get(run_id) == "drift_detected" and run_id in self.checks:
            self.drifted[self.checks.pop(run_id)].append(run_id)
