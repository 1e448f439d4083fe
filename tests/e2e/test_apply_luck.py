"""What dies in the middle of an apply, and what is known of it afterwards. The apply is the
real terraform's; a provisioner tells the world each time it ran, and waits at a gate."""
import http.server
import os
import signal
import threading

import pytest

from conftest import needs_terraform
from stack import Stack, until
from test_bad_luck import kill_worker_and_all_it_started

pytestmark = needs_terraform

BODY = {"repository": "acme/apply", "ref": "main", "type": "Git", "paths": [{"directory": "."}]}
ASYNC = {"Prefer": "respond-async"}


def slow(stack):
    """A module whose one provisioner notes its beginning and its end in `applies`, and waits at the gate between."""
    script = f"echo begin >> {stack.world}/applies; read x < {stack.world}/gate; echo end >> {stack.world}/applies"
    return stack.root("apply", more=f'resource "terraform_data" "it" {{\n  provisioner "local-exec" {{\n    command = "{script}"\n  }}\n}}\n')


@pytest.fixture
def applying():
    """A stack with one worker, whose apply of acme/apply waits at the gate; .batch, .run_id, .gate."""
    with Stack() as stack:
        stack.start()
        stack.gate("gate")
        stack.repository("acme/apply", {"main.tf": slow(stack)})
        stack.batch = begin(stack)
        stack.reader = stack.waits_at_gate("gate")
        stack.run_id, = stack.run(stack.batch)["runs"]
        yield stack


def begin(stack, body=BODY, **headers):
    answer = stack.post("/api/apply", body, headers=ASYNC | headers)
    assert answer.status == 202, answer
    return answer.json["data"]["runId"]


def let_go(stack):
    stack.open_gate("gate", stack.reader)


def world(stack):
    return (stack.world / "applies").read_text().split()


def batch_ended(stack, batch_id=None, seconds=20):
    return until(lambda: (lambda batch: batch["endedAt"] and batch)(stack.run(batch_id or stack.batch)), seconds, "the batch ends")


def runner(stack):
    return next(pid for pid, command in stack.strays() if " --runner " in command)


def terraform_applies(stack):
    return [pid for pid, command in stack.strays() if " apply " in command]


def locks(stack):
    return [lock["id"] for lock in stack.get("/api/locks").json["data"]["locks"]]


def is_applied_once(stack):
    run = stack.ended(stack.run_id)
    assert run["status"] == "applied" and run["attempts"] == 1 and run["error"] is None, run
    assert world(stack) == ["begin", "end"]
    assert batch_ended(stack)["status"] == "success"
    assert locks(stack) == []


def is_an_orphan(stack):
    run = stack.ended(stack.run_id, 20)
    assert (run["status"], run["error"]["code"]) == ("error", "INTERRUPTED"), run
    assert [entry["id"] for entry in stack.get("/api/v1/runs?state=orphaned").json] == [stack.run_id]
    batch = batch_ended(stack)
    assert batch["status"] == "failed" and batch["result"]["projects"][0]["status"] == "error", batch
    assert locks(stack) == ["acme/apply/./default"]


def resolve(stack, status, force):
    return stack.post(f"/api/v1/runs/{stack.run_id}/resolve", {"status": status, "reason": "looked", "force": force})


def test_a_worker_killed_during_an_apply_and_started_again_has_its_result(applying):
    applying.processes["worker"].kill()
    second = applying.start_worker("second")
    until(lambda: second.events("adopted"), 10, "the run is adopted")
    assert second.events("adopted")[0]["state"] == "applying"
    let_go(applying)
    is_applied_once(applying)


def test_an_apply_whose_runner_is_killed_goes_on_and_needs_a_person(applying):
    os.kill(runner(applying), signal.SIGKILL)
    until(lambda: not any(" --runner " in command for _, command in applying.strays()), 10, "it is gone")
    assert terraform_applies(applying) and applying.run(applying.run_id)["status"] == "running"
    let_go(applying)
    is_an_orphan(applying)
    assert world(applying) == ["begin", "end"]
    waiting = begin(applying)  # of the same target: a person comes first
    plan, = until(lambda: applying.run(waiting)["runs"], 20, "it is resolved")
    assert resolve(applying, "applied", False).status == 409  # its worker lives
    assert applying.run(plan)["status"] == "queued"
    answer = resolve(applying, "applied", True)
    assert answer.status == 200, answer
    assert applying.run(applying.run_id)["status"] == "applied"
    assert applying.ended(plan)["status"] == "clean"  # terraform did come to its end
    assert locks(applying) == [] and world(applying) == ["begin", "end"]
    assert resolve(applying, "applied", True).status == 409


def test_redis_killed_during_an_apply_loses_nothing(applying):
    applying.processes["redis"].kill()
    until(lambda: applying.get("/readyz").status == 503, 10, "not ready")
    let_go(applying)
    until(lambda: world(applying) == ["begin", "end"], 10, "the apply ends while Redis is away")
    applying.start_redis()
    until(lambda: applying.get("/readyz").status == 200, 10, "ready again")
    is_applied_once(applying)


def test_an_apply_that_is_cancelled_gets_one_sigint_and_tells_what_it_did(applying):
    """It makes terraform kill its provisioner and tell the truth: that is no cancelled run."""
    assert applying.post(f"/api/v1/runs/{applying.batch}/cancel").status == 200
    run = applying.ended(applying.run_id)
    os.close(applying.reader)
    assert (run["status"], run["error"]["code"]) == ("error", "INTERRUPTED"), run
    assert run["metadata"]["cancelRequested"] is True
    log = applying.get(f"/api/v1/runs/{applying.run_id}/log").text
    assert log.count("Interrupt received") == 1 and "Two interrupts received" not in log, log
    assert world(applying) == ["begin"]
    assert batch_ended(applying)["status"] == "cancelled"
    assert locks(applying) == [] and terraform_applies(applying) == []


def test_a_client_whose_api_is_killed_asks_again_and_gets_that_very_answer(applying):
    key = {"Idempotency-Key": "again"}
    applying.repository("acme/apply", {"README": "the same once more\n"})
    answers = []
    applying.batch = begin(applying, **key)  # waits behind the apply that is under way

    def wait():
        try:
            answers.append(applying.post("/api/apply", BODY, headers=key))
        except OSError as problem:
            answers.append(problem)

    client = threading.Thread(target=wait)
    client.start()
    applying.processes["api"].kill()
    client.join(20)
    assert isinstance(answers[0], OSError), answers
    applying.start_api("second")
    let_go(applying)
    data = applying.ask("/api/apply", BODY, headers=key)
    assert begin(applying, **key) == applying.batch
    assert batch_ended(applying)["result"] == data and data["success_count"] == 1
    assert applying.ended(applying.run_id)["status"] == "applied" and world(applying) == ["begin", "end"]


def test_a_host_that_is_lost_leaves_an_orphan_of_an_apply_and_what_only_looks_is_done_elsewhere(applying):
    applying.repository("acme/other", {"main.tf": applying.root("other")})
    looking = begin(applying, {**BODY, "repository": "acme/other"})
    stop_while_it_looks(applying)
    kill_worker_and_all_it_started(applying)
    os.close(applying.reader)
    assert applying.run(looking)["status"] == "running" and applying.run(looking)["runs"] == []
    end_leases(applying)
    applying.start_worker("elsewhere", data_dir=applying.dir / "elsewhere")
    batch = batch_ended(applying, looking, 30)
    assert batch["status"] == "success" and len(batch["runs"]) == 1, batch
    is_an_orphan(applying)
    assert resolve(applying, "error", True).status == 200
    assert applying.run(applying.run_id)["error"] == {"code": "INTERRUPTED", "message": "looked"}
    assert locks(applying) == [] and world(applying) == ["begin"]


def stop_while_it_looks(stack):
    """The runner that resolves a batch stands still before it can say what it found."""
    ours = stack.run_id
    pid = until(lambda: next((pid for pid, command in stack.strays() if " --runner " in command and ours not in command), None),
                20, "a second runner")
    os.kill(pid, signal.SIGSTOP)


def end_leases(stack):
    """As if the time of a lease had passed; the grace after it is waited for."""
    for run_id in stack.redis_cli("zrange", "{kedge}:leases", 0, -1).split():
        stack.redis_cli("zadd", "{kedge}:leases", 1, run_id)


class States(http.server.BaseHTTPRequestHandler):
    """Terraform's http backend: holds back the state until `open` is set, and notes the requests."""
    def answer(self):
        self.server.asked.append(self.command)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "GET" and "LOCK" in self.server.asked:
            self.server.open.wait(20)
        self.send_response(404 if self.command == "GET" else 200)
        self.end_headers()

    do_GET = do_POST = do_LOCK = do_UNLOCK = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def states():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), States) as server:
        server.asked, server.open = [], threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.open.set()
        server.shutdown()


def test_a_plan_whose_runner_is_killed_gives_the_state_back(kedge, states):
    url = f"http://127.0.0.1:{states.server_port}/state"
    kedge.repository("acme/apply", {
        "main.tf": f'terraform {{\n  backend "http" {{\n    address = "{url}"\n    lock_address = "{url}"\n    unlock_address = "{url}"\n  }}\n}}\n'})
    kedge.batch = begin(kedge)
    until(lambda: states.asked[-2:] == ["LOCK", "GET"], 20, "the plan has locked the state")
    os.kill(runner(kedge), signal.SIGKILL)
    until(lambda: not any(" --runner " in command for _, command in kedge.strays()), 10, "it is gone")
    states.open.set()
    until(lambda: "UNLOCK" in states.asked, 20, "the state is unlocked")
    batch = batch_ended(kedge)
    assert kedge.run(batch["runs"][0])["error"]["code"] == "TERRAFORM_KILLED", batch
