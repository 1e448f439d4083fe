"""What must hold of news when all is quiet again: what is told follows from the ends of the runs,
in their order. Each check yields sentences: what does not."""
import collections
import json
import re

from cluster import RECONCILED_PROJECT
from gardener import is_guest
from receiver import signature
from subscribers import HOOKS, SECRET

TOLD_OF = {("drift_check", "clean"), ("drift_check", "drift_detected"), ("drift_check", "error"), ("apply", "orphaned")}
# What an end may tell, whatever was told before.
POSSIBLE = {"clean": {"drift.resolved", "check.recovered"},
            "drift_detected": {"drift.detected", "drift.changed", "check.recovered"},
            "error": {"check.failed"}, "orphaned": {"run.orphaned"}}
# Of a workspace that is reconciled, whatever ends there.
RECONCILING = {"drift.detected", "drift.changed", "drift.resolved", "check.failed", "check.recovered", "reconcile.succeeded",
               "reconcile.failed"}
# Of each run: what it is, and, when it has drift, its metadata.
READ_RUNS = """
local out = {}
for i, id in ipairs(ARGV) do
    local run = redis.call('HMGET', KEYS[1] .. 'run:' .. id, 'kind', 'status', 'project', 'workspace', 'target', 'ref')
    for n = 1, 6 do
        run[n] = run[n] or ''
    end
    run[7] = run[2] == 'drift_detected' and redis.call('HGET', KEYS[1] .. 'result:' .. id, 'metadata') or ''
    out[i] = run
end
return out
"""
SCRIPT_RUNS = 200
LINKED_RUN = re.compile(r"/runs/([0-9a-f-]{36})")


def read_runs(cluster, ids):
    runs, ids = {}, list(ids)
    for start in range(0, len(ids), SCRIPT_RUNS):
        some = ids[start:start + SCRIPT_RUNS]
        for run, row in zip(some, cluster.script(READ_RUNS, *some)):
            runs[run] = dict(zip(("kind", "status", "project", "workspace", "target", "ref", "metadata"), row))
    return runs


def drift_of(run):
    """The set of what drifted and how."""
    if not run["metadata"]:
        return None
    return frozenset((one["address"], one["action"]) for one in json.loads(run["metadata"])["driftedResources"])


def subject_of(run):
    if run["project"]:
        return run["project"], run["workspace"]
    return run["target"], run["ref"]


class News:
    """As scheduler/news.c says it, from the events stream."""

    def __init__(self, cluster, events):
        self.runs = read_runs(cluster, {run for _, run, _ in events})
        self.expected = {}  # (run, type) -> its run, in the order of the ends
        self.possible = set()  # the same, of guests: what was told of them goes when they do
        self.drift, self.failing = {}, collections.Counter()
        for _, run_id, status in events:
            run = self.runs[run_id]
            if (run["kind"], status) in TOLD_OF and is_guest(run["workspace"]):
                self.possible |= {(run_id, kind) for kind in POSSIBLE[status]}
            elif run["project"] == RECONCILED_PROJECT and status == "orphaned":
                self.expected[run_id, "run.orphaned"] = run
            elif run["project"] == RECONCILED_PROJECT:
                self.possible |= {(run_id, kind) for kind in RECONCILING}
            elif (run["kind"], status) in TOLD_OF:
                for kind in self.news(run, status):
                    self.expected[run_id, kind] = run

    def news(self, run, status):
        subject = subject_of(run)
        if status == "orphaned":
            return ["run.orphaned"]
        was_failing, self.failing[subject] = self.failing[subject], status == "error"
        if status == "error":
            return [] if was_failing else ["check.failed"]
        return (["check.recovered"] if was_failing else []) + self.follow(subject, drift_of(run))

    def follow(self, subject, drift):
        before = self.drift.get(subject)
        self.drift[subject] = drift
        if before == drift:
            return []
        if drift is None:
            return ["drift.resolved"]
        return ["drift.detected" if before is None else "drift.changed"]

    def wanted(self, subscribers, path):
        return {key for key, run in self.expected.items() if subscribers.wants(path, run, key[1])}


def key_of(event):
    return event["data"].get("runId"), event["type"]


def news_is_delivered(news, subscribers):
    taken = collections.defaultdict(set)
    for path, event, request in subscribers.told():
        if request["did"] == 200:
            taken[path].add(key_of(event))
    for path in HOOKS:
        if path.startswith("/slack"):
            continue
        for run, kind in news.wanted(subscribers, path) - taken[path]:
            yield f"{path} was not told {kind} of run {run}: {news.runs[run]}"


def people_are_told(news, subscribers):
    """Each event is in a message that was sent."""
    path = "/slack/people"
    ids = {key_of(event): request["headers"]["webhook-id"] for _, event, request in subscribers.told()}
    sent = {delivery.event for delivery in subscribers.deliveries(path) if delivery.state == "sent"}
    for run, kind in news.wanted(subscribers, path):
        if ids.get((run, kind)) not in sent:
            yield f"{path} was not told {kind} of run {run}"


def nothing_else_is_told(news, subscribers):
    for path, event, _ in subscribers.told():
        key = key_of(event)
        if event["type"] == "test" and "passing" in path:
            continue
        if key not in news.expected and key not in news.possible:
            yield f"{path} was told {key[1]} of run {key[0]}: {news.runs.get(key[0])}"
        elif path in HOOKS and key in news.expected and key not in news.wanted(subscribers, path):
            yield f"{path} was told {key[1]} of run {key[0]}, which it does not want"
    for request in subscribers.requests:
        if request["path"].startswith(("/slack", "/teams")):
            for run in set(LINKED_RUN.findall(request["body"])) - {run for run, _ in {*news.expected, *news.possible}}:
                yield f"{request['path']} was told of run {run}: {news.runs.get(run)}"


def ids_are_stable(subscribers):
    """An event has one id and one body, wherever and however often it is sent."""
    ids, bodies = collections.defaultdict(set), collections.defaultdict(set)
    for _, event, request in subscribers.told():
        if event["type"] != "test":
            ids[key_of(event)].add(request["headers"]["webhook-id"])
        bodies[request["headers"]["webhook-id"]].add(request["body"])
    for key, found in ids.items():
        if len(found) > 1:
            yield f"{key} has the ids {found}"
    for event, found in bodies.items():
        if len(found) > 1:
            yield f"event {event} was told in {len(found)} ways: {found}"


def requests_are_signed(subscribers):
    for path, _, request in subscribers.told():
        if HOOKS.get(path, {}).get("secret") and signature(SECRET, request) not in request["headers"]["webhook-signature"].split():
            yield f"{path} got a wrong signature: {request['headers']}"


def messages_are_sound(subscribers):
    for request in subscribers.requests:
        if request["wrong"]:
            yield f"{request['path']}: {request['wrong']}: {request['body'][:500]}"


def everything_is_sent(subscribers):
    left = subscribers.left()
    if left != [0, 0]:
        yield f"entries, hooks to look at, what waits: {left}"
    for path in HOOKS:
        for delivery in subscribers.deliveries(path):
            if delivery.state != "sent":
                yield f"{path}: {delivery}"


def told_again(subscribers):
    """How many deliveries were taken more than once: after a crash, or a freeze."""
    counts = collections.Counter((path, request["headers"]["webhook-id"]) for path, _, request in subscribers.told()
                                 if request["did"] == 200)
    return sum(count > 1 for count in counts.values())
