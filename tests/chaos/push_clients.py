"""Pushes: commits to a repository whose pushes are told by signed webhooks, delivered until there
is an answer, and once more after that."""
import hashlib
import hmac
import json
import uuid

from clients import Client
from cluster import PUSHED, PUSHED_REPOSITORY, WEBHOOK_SECRET

PATH = "/api/v1/webhooks/github"


class Pusher(Client):
    def __init__(self, cluster, seed):
        super().__init__(cluster, seed)
        self.commits = set()
        self.told = {}  # (commit, workspace) -> the run that the answers named
        self.pushes = []  # (body, delivery, commit, the workspace it touches)

    def step(self):
        if self.pushes and self.random.random() < 0.5:
            self.replay(*self.random.choice(self.pushes))
        else:
            self.push()
        self.over.wait(self.random.uniform(0, 1))

    def push(self):
        n = self.random.randrange(PUSHED)
        file = f"e{n}/main.tf"
        commit = self.cluster.repository(PUSHED_REPOSITORY, {file: f"terraform {{}}\n# {uuid.uuid4()}\n"})
        self.commits.add(commit)
        body = json.dumps({
            "ref": "refs/heads/main", "before": "1" * 40, "after": commit, "created": False, "deleted": False, "forced": False,
            "repository": {"full_name": PUSHED_REPOSITORY, "default_branch": "main"},
            "commits": [{"id": commit, "added": [], "removed": [], "modified": [file]}]}).encode()
        delivery = str(uuid.uuid4())
        answer = self.deliver(body, delivery)
        if answer:
            self.pushes.append((body, delivery, commit, f"v{n}"))
            self.heed(answer, commit)
            self.counts["pushes"] += 1

    def deliver(self, body, delivery, good=(202, 409)):
        """409: it was dealt with, and the answer was lost."""
        signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.ask("POST", PATH, good, body=body, token=None, headers={
            "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={signature}"})

    def replay(self, body, delivery, commit, _):
        """The same delivery, the same push as another one, or one that somebody has forged."""
        what = self.random.choice(("delivery", "push", "forgery"))
        if what == "delivery":
            self.deliver(body, delivery, good=(409,))
        elif what == "push":
            answer = self.deliver(body, str(uuid.uuid4()))
            if answer:
                self.heed(answer, commit)
        else:
            forged = body.replace(commit.encode(), commit[::-1].encode())
            self.ask("POST", PATH, (401,), body=forged, token=None, headers={
                "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": str(uuid.uuid4()),
                "X-Hub-Signature-256": "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()})
        self.counts[f"replays: {what}"] += 1

    def heed(self, answer, commit):
        for queued in answer.json.get("queued", []) if answer.status == 202 else []:
            key = commit, queued["workspaceId"]
            if self.told.setdefault(key, queued["runId"]) != queued["runId"]:
                self.complaints.append(f"{key} is run {self.told[key]} and {queued['runId']}")
