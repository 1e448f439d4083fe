"""Cancels at random moments, with the real terraform: the state stays whole, nothing is left behind,
and the run tells the truth. The long form is a benchmark (tests/bench/cancels.py)."""
import os
import random
import signal
import time

import pytest

from cancel_storm import Storm, Thief, notes
from conftest import needs_terraform, once
from stack import until

pytestmark = needs_terraform


@once
def test_cancels_at_random_moments_leave_whole_states_and_nothing_else():
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    with Storm(seed, cost=4, sleep=0.2) as storm:
        storm.cancel(8)
        assert storm.latencies(slack=10)


@pytest.fixture
def slow():
    """A storm with one apply at work whose terraform stands still: it hears, and does not get on; .run_id, .real."""
    with Storm(0, kinds=("apply",), cost=1, sleep=0.1, cancel_grace="200ms") as storm:
        storm.run_id = storm.begin("apply")
        storm.real = until(lambda: storm.started(storm.run_id, "apply"), 30, "it applies").more
        os.kill(storm.real, signal.SIGSTOP)
        yield storm


def interrupts(storm):
    return [one for one in notes(storm.kedge, storm.run_id) if one.what == "sigint"]


def cancel(storm, **body):
    assert storm.kedge.post(f"/api/v1/runs/{storm.run_id}/cancel", body).status == 200
    return time.time()


def test_an_apply_that_does_not_stop_gets_one_sigint_however_long_that_takes(slow):
    asked = cancel(slow)
    until(lambda: interrupts(slow), 20, "it is interrupted")
    until(lambda: time.time() > asked + 1.5, 20, "the ladder's time is over, three times")
    assert len(interrupts(slow)) == 1 and slow.kedge.run(slow.run_id)["status"] == "running"
    os.kill(slow.real, signal.SIGCONT)
    run = slow.kedge.ended(slow.run_id)
    assert len(interrupts(slow)) == 1 and run["metadata"]["cancelRequested"] is True, run
    assert run["status"] == "applied" or run["error"]["code"] == "INTERRUPTED", run
    slow.must_be_readable("apply")


def test_with_force_it_gets_the_rest_of_the_ladder(slow):
    cancel(slow)
    until(lambda: interrupts(slow), 20, "it is interrupted")
    cancel(slow, force=True)
    run = slow.kedge.ended(slow.run_id)
    assert len(interrupts(slow)) == 2
    assert run["error"]["code"] == "INTERRUPTED" and "killed" in run["error"]["message"], run
    assert not os.path.exists(f"/proc/{slow.real}")
    assert slow.kedge.get("/api/locks").json["data"]["locks"] == []


@once
def test_a_forced_cancel_of_a_plan_that_holds_the_state_gives_it_back():
    with Storm(0, kinds=("apply",), cost=20, sleep=0.1) as storm:
        assert storm.cancel_at("apply", "plan", 0.3, force=True)
        assert storm.cancelled[0].run["status"] == "cancelled"
        assert len(storm.notes_of(storm.cancelled[0], "sigint", "plan")) == 1


@once
def test_a_cancel_whose_message_is_lost_comes_with_the_heartbeat():
    with Storm(0, kinds=("apply",), cost=1, sleep=30) as storm:
        run_id = storm.begin("apply")
        until(lambda: storm.started(run_id, "apply"), 30, "it applies")
        with Thief(storm.kedge, 1) as thief:
            assert storm.kedge.post(f"/api/v1/runs/{run_id}/cancel").status == 200
            assert f"cancel {run_id} 1" in thief.loot(0)
        run = storm.kedge.ended(run_id)
        assert (run["status"], run["error"]["code"]) == ("error", "INTERRUPTED"), run
