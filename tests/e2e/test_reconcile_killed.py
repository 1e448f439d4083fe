"""A reconcile that is killed in the middle: it is never started again by itself, and a person
has the last word. Terraform is the real one; a provisioner tells the world each time it ran,
and waits at a gate."""
import http.server
import json
import os
import signal
import threading

import pytest

from conftest import needs_terraform, once
from receiver import Receiver, add_hook
from stack import Stack, until
from test_apply_luck import end_leases, locks, runner, terraform_applies, world

pytestmark = [needs_terraform, once]

ASYNC = {"Prefer": "respond-async"}


def slow(stack, backend):
    """One provisioner that notes its beginning and its end, and waits at the gate between."""
    script = f"echo begin >> {stack.world}/applies; read x < {stack.world}/gate; echo end >> {stack.world}/applies"
    return (f'terraform {{\n  backend "{backend}" {{}}\n}}\nvariable "world" {{ type = string }}\n'
            f'resource "terraform_data" "it" {{\n  provisioner "local-exec" {{\n    command = "{script}"\n  }}\n}}\n')


def start(stack):
    answer = stack.post("/api/v1/drift/reconcile", {"projectId": "p", "workspaceId": "w"}, headers=ASYNC)
    assert answer.status == 202, answer
    return answer.json["runId"]


def begin(stack, backend="local", **fields):
    stack.gate("gate")
    stack.repository("acme/net", {"main.tf": slow(stack, backend)})
    stack.register("acme/net", **fields)
    stack.run_id = start(stack)
    stack.reader = stack.waits_at_gate("gate")
    return stack


@pytest.fixture
def reconciling():
    """A stack with one worker, whose reconcile waits at the gate; .run_id, .reader, and .receiver of a hook."""
    with Stack(hook_allow_private="true", hook_retry="50ms") as stack:
        stack.start()
        stack.receiver = Receiver(stack)
        add_hook(stack, stack.receiver.url("/ok/program"), events=["run.orphaned"])
        yield begin(stack)


def is_an_orphan(stack):
    run = stack.ended(stack.run_id, 30)
    assert (run["status"], run["error"]["code"], run["attempts"]) == ("error", "INTERRUPTED", 1), run
    assert [entry["id"] for entry in stack.get("/api/v1/runs?state=orphaned").json] == [stack.run_id]
    assert len(locks(stack)) == 1
    told = until(lambda: stack.receiver.events("/ok/program"), 20, "it is told")
    assert [(event["type"], event["data"]["runId"]) for event in told] == [("run.orphaned", stack.run_id)]
    return run


def waits_for_a_person(stack):
    """The next run of the target; nothing starts it before `resolve`."""
    waiting = start(stack)
    assert stack.run(waiting)["status"] == "queued"
    return waiting


def resolve(stack, status="error"):
    answer = stack.post(f"/api/v1/runs/{stack.run_id}/resolve", {"status": status, "reason": "looked", "force": True})
    assert answer.status == 200, answer


def gone(stack, pid):
    until(lambda: pid not in [stray for stray, _ in stack.strays()], 20, "it is gone")


def kill(stack, pid):
    os.kill(pid, signal.SIGKILL)
    gone(stack, pid)


def test_a_runner_that_is_killed_leaves_an_orphan_when_terraform_has_ended(reconciling):
    kill(reconciling, runner(reconciling))
    assert terraform_applies(reconciling) and reconciling.run(reconciling.run_id)["status"] == "running"
    reconciling.open_gate("gate", reconciling.reader)
    run = is_an_orphan(reconciling)
    assert "The runner died while it applied" in run["error"]["message"] and "lock" not in run["error"]["message"]
    waiting = waits_for_a_person(reconciling)
    assert world(reconciling) == ["begin", "end"]
    resolve(reconciling, "applied")
    assert reconciling.ended(waiting)["status"] == "clean" and locks(reconciling) == []
    assert world(reconciling) == ["begin", "end"]
    # What the runner had said is all that is left of its log, and stays with the run.
    log = f"/api/v1/runs/{reconciling.run_id}/log"
    assert "terraform_data.it" in reconciling.get(log).text and reconciling.get(log + "?follow=1").text == reconciling.get(log).text
    assert reconciling.redis_cli("ttl", "{kedge}:log:" + reconciling.run_id).strip() == "-1"


def test_a_terraform_that_is_killed_after_its_runner_has_left_a_lock_and_that_is_named(reconciling):
    left = json.loads((reconciling.dir / "state" / ".p-w.tfstate.lock.info").read_text())
    terraform, = terraform_applies(reconciling)
    kill(reconciling, runner(reconciling))
    os.kill(terraform, signal.SIGKILL)
    run = is_an_orphan(reconciling)
    os.close(reconciling.reader)
    assert left["ID"] in run["error"]["message"], run["error"]
    waiting = waits_for_a_person(reconciling)
    assert world(reconciling) == ["begin"]
    resolve(reconciling)
    reconciling.open_gate("gate", reconciling.waits_at_gate("gate"))
    assert reconciling.ended(waiting)["status"] == "applied"


def test_a_terraform_whose_run_a_person_has_ended_gets_one_sigint(reconciling):
    """Its worker and its runner are gone; it lives. The next worker of the directory finds it."""
    terraform, = terraform_applies(reconciling)
    reconciling.processes["worker"].kill()
    kill(reconciling, runner(reconciling))
    end_leases(reconciling)
    scheduler_sees = is_an_orphan(reconciling)
    assert "The worker was lost" in scheduler_sees["error"]["message"]
    resolve(reconciling)
    waiting = start(reconciling)
    assert terraform_applies(reconciling) == [terraform]
    second = reconciling.start_worker("second")
    gone(reconciling, terraform)
    os.close(reconciling.reader)
    assert [event["run_id"] for event in second.events("terraform_interrupted")] == [reconciling.run_id]
    run = reconciling.ended(waiting)  # waited for it, and finds the resource that was broken off: to be replaced
    assert run["error"]["code"] == "DESTROY_REFUSED" and world(reconciling) == ["begin"], run
    note = until(lambda: reconciling.redis_cli("hget", "{kedge}:run:" + reconciling.run_id, "note").strip(), 20, "a note")
    assert note.startswith("error ") and reconciling.run(reconciling.run_id)["error"]["message"] == "looked"


def test_a_cancel_reaches_a_terraform_that_has_outlived_its_runner(reconciling):
    terraform, = terraform_applies(reconciling)
    kill(reconciling, runner(reconciling))
    assert reconciling.post(f"/api/v1/runs/{reconciling.run_id}/cancel").status == 200
    gone(reconciling, terraform)
    os.close(reconciling.reader)
    assert is_an_orphan(reconciling)["metadata"]["cancelRequested"] is True and world(reconciling) == ["begin"]


def test_a_reconcile_that_is_cancelled_says_what_it_did(reconciling):
    assert reconciling.post(f"/api/v1/runs/{reconciling.run_id}/cancel").status == 200
    run = reconciling.ended(reconciling.run_id)
    os.close(reconciling.reader)
    assert (run["status"], run["error"]["code"]) == ("error", "INTERRUPTED"), run
    assert run["metadata"]["cancelRequested"] is True and run["metadata"]["driftAfter"] is None
    assert locks(reconciling) == [] and terraform_applies(reconciling) == [] and world(reconciling) == ["begin"]


class States(http.server.BaseHTTPRequestHandler):
    """Terraform's http backend: one state, and who has locked it."""
    def do_GET(self):
        self.answer(200 if self.server.state else 404, self.server.state)

    def do_POST(self):
        self.server.state = self.body()
        self.answer(200)

    def do_LOCK(self):
        wanted = self.body()
        if self.server.lock:
            self.answer(423, self.server.lock)
            return
        self.server.lock = wanted
        self.answer(200)

    def do_UNLOCK(self):
        self.body()
        self.server.lock = b""
        self.answer(200)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def states():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), States) as server:
        server.state = server.lock = b""
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_lock_that_a_killed_terraform_has_left_is_named(kedge, states):
    url = f"http://127.0.0.1:{states.server_port}/state"
    begin(kedge, "http", backendConfig={"address": url, "lock_address": url, "unlock_address": url})
    lock = json.loads(states.lock)["ID"]
    terraform, = terraform_applies(kedge)
    os.kill(terraform, signal.SIGKILL)
    run = kedge.ended(kedge.run_id)
    os.close(kedge.reader)
    assert (run["status"], run["error"]["code"], run["attempts"]) == ("error", "TERRAFORM_KILLED", 1), run
    assert lock in run["error"]["message"] and run["metadata"]["stateLock"]["id"] == lock
    assert json.loads(states.lock)["ID"] == lock  # nobody took it away
    assert "cancelRequested" not in run["metadata"] and world(kedge) == ["begin"]
