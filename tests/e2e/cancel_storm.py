"""Cancels at random moments of runs that work with the real terraform: for a test and for a
benchmark.

Planning computes, applying sleeps, and every apply replaces all there is. Between terraform and
the worker stands a witness (tests/support/terraform_witness.py), which notes each signal when it
arrives and passes it on.
"""
import collections
import json
import os
import random
import shutil
import socket
import time

from stack import ROOT, Stack, until

KINDS = ("drift_check", "apply", "plan", "reconcile")
THINKING = {"drift_check": "plan", "plan": "plan", "apply": "apply", "reconcile": "apply"}
# What a plan computes, and how long each of the resources sleeps when it is made.
MODULE = """
terraform {
  backend "local" {
    path = "@STATE@"
  }
}
variable "cost" { default = @COST@ }
variable "sleep" { default = @SLEEP@ }
resource "terraform_data" "thought" {
  count = 6
  input = sum([for a in range(var.cost) : sum([for b in range(1000) : a * b + count.index])])
}
resource "terraform_data" "work" {
  count            = 4
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = "sleep ${var.sleep}"
  }
}
resource "terraform_data" "more" {
  count            = 4
  triggers_replace = timestamp()
  depends_on       = [terraform_data.work]
  provisioner "local-exec" {
    command = "sleep ${var.sleep}"
  }
}
"""

# One cancel: `asked` are seconds on CLOCK_REALTIME, before the request; `run` is the record at its end.
Cancelled = collections.namedtuple("Cancelled", "kind asked run")
Note = collections.namedtuple("Note", "what pid run command at more")


def witness(stack):
    """The terraform of a stack, with the witness before it; its notes are in the world."""
    path = stack.dir / "terraform"
    text = (ROOT / "tests/support/terraform_witness.py").read_text()
    path.write_text(text.replace("@TERRAFORM@", shutil.which("terraform")).replace("@NOTES@", str(stack.world / "notes")))
    path.chmod(0o755)
    (stack.world / "notes").touch()
    return path


def notes(stack, run_id=None):
    """In the order of their times; of that run, or of all."""
    found = []
    for line in (stack.world / "notes").read_text().splitlines():
        what, pid, run, command, at, more = line.split(" ")
        found.append(Note(what, int(pid), run, command, int(at) / 1e9, int(more)))
    return sorted((one for one in found if run_id in (None, one.run)), key=lambda one: one.at)


class Storm:
    def __init__(self, seed, kinds=KINDS, cost=12, sleep=0.5, **settings):
        """What a plan computes grows with the cost; `sleep` are seconds of each resource, of which four are made at a
        time, and then four more."""
        self.kedge = Stack(log_level="info", **settings)
        self.random, self.kinds = random.Random(seed), kinds
        self.words = {"@COST@": str(cost), "@SLEEP@": str(sleep)}
        self.cancelled, self.late = [], 0
        self.typical = collections.defaultdict(lambda: 0.7)  # (kind, command) -> how long it takes

    def __enter__(self):
        try:
            self.prepare()
        except BaseException:
            self.kedge.failed = True
            self.kedge.close()
            raise
        return self

    def prepare(self):
        kedge = self.kedge
        terraform = witness(kedge)
        kedge.settings.update(terraform=terraform, sandbox_read=f"/usr:/lib:/lib64:/bin:/etc:/opt:{terraform}")
        kedge.start()
        for kind in self.kinds:
            kedge.repository(f"acme/{kind}", {"main.tf": self.module(kind)})
            kedge.register(f"acme/{kind}", kind.replace("_", "-"), variables={}, backendConfig={}, maxDestroy=100)
            copy = kedge.dir / "copies/acme" / kind
            kedge.terraform("init", "-input=false", cwd=copy)
            kedge.terraform("apply", "-auto-approve", "-input=false", "-var=cost=1", "-var=sleep=0", cwd=copy)

    def __exit__(self, kind, value, trace):
        self.kedge.__exit__(kind, value, trace)

    def module(self, kind):
        text = MODULE.replace("@STATE@", str(self.state(kind)))
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text

    def state(self, kind):
        return self.kedge.dir / "state" / f"{kind}.tfstate"

    # ---- runs ----
    def begin(self, kind):
        """The id of a run that is there."""
        kedge, ids = self.kedge, {"projectId": kind.replace("_", "-"), "workspaceId": "w"}
        if kind == "drift_check":
            return kedge.trigger(*ids.values())
        headers = {"Prefer": "respond-async"}
        if kind == "reconcile":
            answer = kedge.post("/api/v1/drift/reconcile", ids, headers=headers)
            assert answer.status == 202, answer
            return answer.json["runId"]
        data = kedge.ask(f"/api/{kind}", {"repository": f"acme/{kind}", "ref": "main", "type": "Git",
                                          "paths": [{"directory": "."}]}, 202, headers=headers)
        run_id, = until(lambda: kedge.run(data["runId"])["runs"], 30, "the batch has its run")
        return run_id

    def learn(self, kind):
        """One run that nobody disturbs, for how long its commands take."""
        run_id = self.begin(kind)
        run = self.kedge.ended(run_id, 120)
        assert run["status"] in ("drift_detected", "applied") or run["error"]["code"] == "STILL_DRIFTED", run
        begun = {one.pid: one for one in notes(self.kedge, run_id) if one.what == "start"}
        for one in notes(self.kedge, run_id):
            if one.what == "end":
                self.typical[kind, one.command] = one.at - begun[one.pid].at

    def started(self, run_id, command):
        return next((one for one in notes(self.kedge, run_id) if (one.what, one.command) == ("start", command)), None)

    def cancel_at(self, kind, command, seconds, force=False):
        """So long after terraform has begun with that command. False: it came too late."""
        kedge, run_id = self.kedge, self.begin(kind)
        until(lambda: self.started(run_id, command) or kedge.run(run_id)["endedAt"], 60, f"{command} begins")
        time.sleep(seconds)
        asked = time.time()
        answer = kedge.post(f"/api/v1/runs/{run_id}/cancel", {"force": force})
        assert answer.status in (200, 409), answer
        run = kedge.ended(run_id, 90)
        if answer.status == 409:
            self.late += 1
            return False
        self.cancelled.append(Cancelled(kind, asked, run))
        self.must_be_whole(self.cancelled[-1])
        return True

    def cancel(self, count):
        for number in range(count):
            kind = self.kinds[number % len(self.kinds)]
            while not self.cancel_once(kind):
                pass

    def cancel_once(self, kind):
        command = self.random.choice(("plan", THINKING[kind]))
        return self.cancel_at(kind, command, self.random.uniform(0, self.typical[kind, command]))

    # ---- what must hold after each ----
    def must_be_whole(self, one):
        self.must_be_told(one)
        self.must_be_gone(one)
        self.must_be_readable(one.kind)
        assert self.kedge.get("/api/locks").json["data"]["locks"] == []

    def must_be_told(self, one):
        """An apply that has begun tells what it came to, all else that it was cancelled."""
        run = one.run
        applied = [each.more for each in self.notes_of(one, "end", "apply")]
        assert run["metadata"]["cancelRequested"] is True, run
        assert len(self.notes_of(one, "sigint", "apply")) <= 1
        if applied == [0]:
            assert run["status"] == "applied" or run["error"]["code"] == "STILL_DRIFTED", run
        elif applied or run["status"] != "cancelled":  # one that was stopped as it was started has no notes
            assert (run["status"], run["error"]["code"]) == ("error", "INTERRUPTED"), run
            assert applied or self.kedge.redis_cli("hget", "{kedge}:run:" + run["id"], "marked").strip() == "1", run
        else:
            assert run["error"] is None, run

    def must_be_gone(self, one):
        """No process of it, under whatever parent."""
        pids = {pid for each in self.notes_of(one, "start") for pid in (each.pid, each.more)}

        def left():
            strays = [command for _, command in self.kedge.strays() if " --sweep " not in command]
            return strays + [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        assert left() == [] or until(lambda: not left(), 5, f"nothing is left of run {one.run['id']}: {left()}")

    def must_be_readable(self, kind):
        """The state is whole and not locked: terraform, by hand, reads it, and plans with the lock."""
        copy = self.kedge.dir / "copies/acme" / kind
        assert not list(self.state(kind).parent.glob(".*.lock.info"))
        assert json.loads(self.state(kind).read_text())["version"] == 4
        assert json.loads(self.kedge.terraform("state", "pull", cwd=copy))["version"] == 4
        self.kedge.terraform("plan", "-input=false", "-lock-timeout=0s", "-var=cost=1", cwd=copy)

    # ---- how long it took ----
    def notes_of(self, one, what, command=None):
        return [each for each in notes(self.kedge, one.run["id"]) if each.what == what and command in (None, each.command)]

    def at_work(self, one, slack):
        """Was terraform at work from the cancel on, for longer than `slack` seconds?"""
        alive = {}
        for each in notes(self.kedge, one.run["id"]):
            if each.what == "start":
                alive[each.pid] = each.at
            elif each.what == "end" and alive[each.pid] <= one.asked and each.at > one.asked + slack:
                return True
        return False

    def latencies(self, slack=1.0):
        """Seconds from before the request to the SIGINT, of those that met terraform at work; it must have met
        whoever was at work for long enough."""
        found = []
        for one in self.cancelled:
            interrupts = self.notes_of(one, "sigint")
            assert interrupts or not self.at_work(one, slack), one.run["id"]
            found += [interrupts[0].at - one.asked] if interrupts else []
        return sorted(found)


class Thief:
    """Takes what is put on a worker's control list before the worker does: so many cancels are lost."""

    def __init__(self, kedge, count):
        self.kedge = kedge
        self.list = "{kedge}:ctl:" + until(lambda: kedge.redis_cli("zrange", "{kedge}:workers", 0, 0).strip(), 20, "the worker")
        self.hands = [self.hand() for _ in range(count)]
        until(lambda: len(self.waiting()) > count, 20, "all wait")
        kedge.redis_cli("rpush", self.list, "what makes the worker wait behind all others")
        until(lambda: kedge.redis_cli("exists", self.list).strip() == "0", 20, "it is taken")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for hand in self.hands:
            hand.close()

    def hand(self):
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(self.kedge.socket))
        words = ["BLPOP", self.list, "0"]
        link.sendall("".join([f"*{len(words)}\r\n"] + [f"${len(word)}\r\n{word}\r\n" for word in words]).encode())
        return link

    def loot(self, hand):
        """What it got, as Redis says it."""
        self.hands[hand].settimeout(20)
        return self.hands[hand].recv(4096).decode()

    def waiting(self):
        return [line for line in self.kedge.redis_cli("client", "list").splitlines() if " cmd=blpop " in line and " flags=b" in line]
