"""What dies, hangs or is cut off, and what is left of it."""
import os
import re
import signal
import time

import pytest

from conftest import needs_terraform, once
from stack import BUILD, ENDED, FOLLOWS_FILE, Stack, until

pytestmark = needs_terraform

# A module whose plan takes as long as somebody wants: `file` blocks on a FIFO until it is written.
SLOW = """
terraform {
  backend "local" {}
}
variable "world" { type = string }
variable "gate" { type = string }
resource "terraform_data" "it" {
  input = [file("${var.world}/it"), file(var.gate)]
}
"""


def gated(stack, project="p", workspace="w"):
    """A workspace whose plan blocks until open_gate; returns the gate."""
    gate = stack.world / f"gate-{project}-{workspace}"
    os.mkfifo(gate)
    stack.repository(f"acme/slow-{project}-{workspace}".lower(), {"main.tf": SLOW})
    stack.register(f"acme/slow-{project}-{workspace}".lower(), project, workspace,
                   variables={"world": str(stack.world), "gate": str(gate)})
    return gate


def plan_blocks(stack, gate):
    """terraform has opened the gate for reading: a writer does not block any more."""
    def open_for_writing():
        try:
            return os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    descriptor = until(open_for_writing, 30, "the plan reads the gate")
    return descriptor


def open_gate(gate, writer):
    """Also for a reader whose open(2) was interrupted meanwhile, and who comes again."""
    opened = gate.with_name("opened")
    opened.write_text("open\n")
    opened.rename(gate)
    os.write(writer, b"open\n")
    os.close(writer)


def terraforms(stack):
    return [pid for pid, command in stack.strays() if "terraform" in command.split(" ")[0]]


def kill_worker_and_all_it_started(stack):
    stack.processes["worker"].kill()
    stack.kill_strays()
    until(lambda: not stack.strays(), 10, "they are gone, and hold no gate open")


def test_a_cancelled_queued_run_never_starts(bare):
    bare.start_redis()
    bare.start_api()
    bare.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    bare.register("acme/net")
    run_id = bare.trigger()
    answer = bare.post(f"/api/v1/drift/{run_id}/cancel")
    assert answer.status == 200 and answer.json == {"success": True}
    assert bare.run(run_id)["status"] == "cancelled"
    worker = bare.start_worker()
    bare.register("acme/net", "p", "other")
    bare.check("p", "other")
    run = bare.run(run_id)
    assert run["status"] == "cancelled" and run["startedAt"] is None and run["attempts"] == 0
    assert not [e for e in worker.events() if e.get("run_id") == run_id]
    assert bare.post(f"/api/v1/drift/{run_id}/cancel").status == 409


def test_a_cancelled_running_check_stops_terraform_itself(bare):
    kedge = bare
    kedge.settings["cancel_grace"] = "1s"  # a plan that blocks in a system call needs the second SIGINT
    kedge.start()
    gate = gated(kedge)
    run_id = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    assert len(terraforms(kedge)) >= 1
    assert kedge.post(f"/api/v1/drift/{run_id}/cancel").status == 200
    shown = kedge.run(run_id)
    assert shown["status"] == "cancelled" or shown["metadata"]["cancelRequested"] is True
    run = kedge.ended(run_id, 20)
    os.close(writer)
    assert run["status"] == "cancelled", run
    until(lambda: not terraforms(kedge), 5, "no terraform is left")


def test_a_terraform_that_never_ends_times_out():
    with Stack(run_timeout="3s", cancel_grace="1s") as kedge:
        kedge.start()
        gate = gated(kedge)
        run_id = kedge.trigger()
        writer = plan_blocks(kedge, gate)
        run = kedge.ended(run_id, 40)
        os.close(writer)
        assert run["status"] == "error" and run["error"]["code"] == "TIMEOUT", run
        until(lambda: not terraforms(kedge), 5, "no terraform is left")


def test_a_terraform_that_ignores_sigint_is_killed_after_the_grace(bare):
    script = bare.dir / "terraform"
    script.write_text("#!/bin/sh\ntrap '' INT TERM\n"
                      'case "$1" in version) echo \'{"terraform_version": "1.11.4"}\'; exit 0;; esac\n'
                      "while :; do sleep 1; done\n")
    script.chmod(0o755)
    bare.settings.update(terraform=script, cancel_grace="500ms", sandbox_read=f"/usr:/lib:/lib64:/bin:/etc:{bare.dir}/terraform")
    bare.start()
    bare.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    bare.register("acme/net")
    run_id = bare.trigger()
    kedge = bare
    until(lambda: any(str(script) in command for _, command in kedge.strays()), 20, "it runs")
    kedge.post(f"/api/v1/drift/{run_id}/cancel")
    assert kedge.ended(run_id, 20)["status"] == "cancelled"
    until(lambda: not any(str(script) in command for _, command in kedge.strays()), 5, "nothing is left")


def test_a_killed_terraform_is_named_with_its_signal(kedge):
    gate = gated(kedge)
    run_id = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    for pid in terraforms(kedge):
        os.kill(pid, signal.SIGKILL)
    run = kedge.ended(run_id)
    os.close(writer)
    assert run["error"]["code"] == "TERRAFORM_KILLED" and "SIGKILL" in run["error"]["message"], run


def test_a_restarted_worker_has_the_result_of_the_run_it_was_killed_in(kedge):
    gate = gated(kedge)
    run_id = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    kedge.processes["worker"].kill()
    kedge.start_worker("second")
    until(lambda: kedge.processes["second"].events("adopted"), 10, "the run is adopted")
    open_gate(gate, writer)
    run = kedge.ended(run_id)
    assert run["status"] == "drift_detected" and run["attempts"] == 1, run


@once
def test_a_run_whose_worker_and_runner_are_gone_is_started_again_within_24_s(kedge):
    gate = gated(kedge)
    run_id = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    kill_worker_and_all_it_started(kedge)
    os.close(writer)
    start = time.monotonic()
    kedge.start_worker("elsewhere", data_dir=kedge.dir / "elsewhere")
    writer = until(lambda: plan_blocks(kedge, gate), 45, "it is started again")
    assert time.monotonic() - start < 30 * 3
    open_gate(gate, writer)
    run = kedge.ended(run_id)
    assert run["status"] == "drift_detected" and run["attempts"] == 2, run


def test_redis_killed_loses_nothing_and_everything_reconnects(kedge):
    gate = gated(kedge)
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    running = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    for name in ("a", "b", "c"):
        kedge.register("acme/net", "q", name)
    queued = [kedge.trigger("q", name) for name in ("a", "b", "c")]
    kedge.processes["redis"].kill()
    until(lambda: kedge.get("/readyz").status == 503, 10, "not ready")
    refused = kedge.post("/api/v1/drift", {"projectId": "q", "workspaceId": "a"})
    assert refused.status == 503 and refused.headers["Retry-After"]
    assert kedge.get("/healthz").status == 200
    open_gate(gate, writer)  # ends while Redis is away: spooled
    kedge.start_redis()
    until(lambda: kedge.get("/readyz").status == 200, 10, "ready again")
    assert kedge.ended(running)["status"] == "drift_detected"
    for run_id in queued:
        assert kedge.ended(run_id)["status"] in ("clean", "drift_detected", "error")


def test_a_scheduler_says_once_that_redis_takes_no_writes(bare):
    def refused():
        found = re.search(r"errorstat_NOREPLICAS:count=(\d+)", bare.redis_cli("info", "errorstats"))
        return int(found[1]) if found else 0
    bare.start_redis()
    scheduler = bare.start_scheduler()
    until(lambda: scheduler.events("started"), 20, "it has started")
    bare.redis_cli("config", "set", "min-replicas-to-write", 1)
    until(lambda: refused() >= 5, 20, "it goes on trying")
    assert len(scheduler.events("redis_away")) == 1
    assert scheduler.events("redis_connected") == []
    bare.redis_cli("config", "set", "min-replicas-to-write", 0)
    until(lambda: scheduler.events("redis_connected"), 20, "it has worked again")


def test_a_killed_check_leaves_no_state_lock(kedge):
    gate = gated(kedge)
    run_id = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    kill_worker_and_all_it_started(kedge)
    os.close(writer)
    assert not list(kedge.dir.rglob("*.lock.info"))


def test_two_runs_of_one_workspace_never_overlap_and_a_busy_one_delays_nobody(kedge):
    gate = gated(kedge)
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    kedge.register("acme/net", "q")
    first = kedge.trigger()
    writer = plan_blocks(kedge, gate)
    second = kedge.trigger()
    assert second != first
    assert kedge.check("q")["status"] in ENDED
    assert kedge.run(first)["status"] == "running" and kedge.run(second)["status"] == "queued"
    os.write(writer, b"open\n")
    os.close(writer)
    done = kedge.ended(first)
    writer = plan_blocks(kedge, gate)
    os.write(writer, b"open\n")
    os.close(writer)
    assert kedge.ended(second)["startedAt"] >= done["endedAt"]


def test_sigterm_drains_a_worker_and_what_it_ran_is_done_by_another():
    with Stack(stop_timeout="1s", cancel_grace="1s") as kedge:
        kedge.start()
        gate = gated(kedge)
        run_id = kedge.trigger()
        writer = plan_blocks(kedge, gate)
        kedge.processes["worker"].signal(signal.SIGTERM)
        assert kedge.processes["worker"].popen.wait(40) == 0
        os.close(writer)  # only now: a closed gate would let the plan end well
        assert kedge.run(run_id)["status"] == "queued"
        kedge.start_worker("second")
        writer = plan_blocks(kedge, gate)
        open_gate(gate, writer)
        run = kedge.ended(run_id)
        assert run["status"] == "drift_detected", run


@pytest.mark.parametrize("name", ["api", "worker", "scheduler"])
def test_each_program_stops_with_status_0(kedge, name):
    process = kedge.processes[name]
    until(lambda: process.events("listening") or process.events("started"), 10, "it has started")
    assert process.stop() == 0


@pytest.mark.parametrize("program", ["api", "worker", "scheduler"])
def test_an_unsafe_redis_is_refused(bare, program):
    bare.start_redis()
    bare.redis_cli("config", "set", "maxmemory-policy", "allkeys-lru")
    process = bare.spawn(program, BUILD / f"kedge-{program}")
    assert process.popen.wait(20) != 0
    assert "maxmemory-policy" in process.log.read_text() or "evict" in process.log.read_text()
    allowed = bare.spawn(program + "-unsafe", BUILD / f"kedge-{program}", unsafe_redis="true")
    until(lambda: allowed.events(), 10)
    assert allowed.running()
