"""Applies are frozen: nothing changes the world, by whichever way it is asked to; checks and plans go on."""
import threading
import time

from conftest import needs_terraform
from stack import until

pytestmark = needs_terraform

WHY = "the auditors are here"
ONE = {"projectId": "p", "workspaceId": "w"}


def freeze(kedge, frozen=True, reason=WHY):
    answer = kedge.put("/api/v1/freeze", {"frozen": frozen, "reason": reason if frozen else None})
    assert answer.status == 200, answer
    return answer.json


def state(kedge, name="p-w.tfstate"):
    return (kedge.dir / "state" / name).read_bytes()


def frozen(answer):
    assert answer.status == 409, answer
    error = answer.json["error"]
    assert error["code"] == "FROZEN" and WHY in error["message"], error
    assert answer.json["success"] is False and answer.json["data"] is None
    return answer


def test_it_is_kept_with_its_reason_until_somebody_lifts_it(shared):
    assert shared.get("/api/v1/freeze").json == {"frozen": False, "reason": None, "by": None, "since": None}
    first = freeze(shared)
    assert first == {**first, "frozen": True, "reason": WHY} and first["by"] and first["since"]
    again = freeze(shared, reason="still here")
    assert again == {**first, "reason": "still here"} == shared.get("/api/v1/freeze").json
    lifted = freeze(shared, False)
    assert lifted["frozen"] is False and lifted["reason"] is None and lifted["since"] > first["since"]
    assert shared.put("/api/v1/freeze", {"reason": WHY}).status == 400
    assert shared.put("/api/v1/pause", {"paused": False}).json.keys() == {"paused", "reason", "by", "since"}


def test_a_reconcile_is_refused_and_a_check_is_not(applied):
    applied.change_world(it="otherwise\n")
    before = state(applied)
    freeze(applied)
    frozen(applied.post("/api/v1/drift/reconcile", ONE))
    frozen(applied.post("/api/v1/drift/reconcile", ONE, headers={"Prefer": "respond-async", "Idempotency-Key": "k"}))
    assert applied.check()["status"] == "drift_detected"
    assert state(applied) == before and applied.get("/api/v1/runs?kind=reconcile").json == []
    freeze(applied, False)
    answer = applied.post("/api/v1/drift/reconcile", ONE, headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.json["status"]) == (200, "applied"), answer
    assert b"otherwise" in state(applied)
    # What was answered before a freeze is answered again.
    freeze(applied)
    again = applied.post("/api/v1/drift/reconcile", ONE, headers={"Idempotency-Key": "k"})
    assert (again.status, again.json) == (200, answer.json)


def test_applies_and_remediations_are_refused_and_plans_are_not(kedge):
    kedge.repository("acme/net", {"main.tf": kedge.root("net", "it")})
    order = {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": ".", "workspace": "default"}]}
    kedge.ask("/api/apply", order)
    kedge.change_world(it="otherwise\n")
    before = state(kedge, "net/default")
    assert [one["has_drift"] for one in kedge.ask("/api/drift/detect", order)["projects"]] == [True]
    freeze(kedge)
    named = {"repository": "acme/net", "ref": "main", "type": "Git", "workspaces": ["default"]}
    frozen(kedge.post("/api/apply", order))
    frozen(kedge.post("/api/drift/remediate", {**named, "action": "apply"}))
    assert [one["status"] for one in kedge.ask("/api/plan", order)["projects"]] == ["success"]
    assert [one["status"] for one in kedge.ask("/api/drift/remediate", {**named, "action": "plan"})["projects"]] == ["success"]
    assert state(kedge, "net/default") == before
    freeze(kedge, False)
    assert [one["status"] for one in kedge.ask("/api/apply", order)["projects"]] == ["success"]
    assert b"otherwise" in state(kedge, "net/default")


def test_a_run_that_plans_when_the_freeze_comes_applies_nothing(applied):
    (applied.world / "it").unlink()
    applied.gate("it")
    before, answers = state(applied), []
    thread = threading.Thread(target=lambda: answers.append(applied.post("/api/v1/drift/reconcile", ONE)))
    thread.start()
    gate = applied.waits_at_gate("it")
    freeze(applied)
    applied.open_gate("it", gate)
    thread.join(60)
    answer = frozen(answers[0])
    run = applied.run(answer.headers["Location"].rsplit("/", 1)[1])
    assert (run["kind"], run["status"], run["error"]["code"]) == ("reconcile", "error", "FROZEN")
    assert WHY in run["error"]["message"]
    assert state(applied) == before
    # Its plan is one to go by when the freeze is over.
    assert run["metadata"]["toAdd"] + run["metadata"]["toChange"] > 0
    freeze(applied, False)
    answer = applied.post("/api/v1/drift/reconcile", {**ONE, "planRunId": run["id"]})
    assert (answer.status, answer.json["status"]) == (200, "applied"), answer


def test_a_schedule_skips_its_reconcile_and_says_why(applied):
    applied.register("acme/net", autoReconcile=True)
    applied.change_world(it="otherwise\n")
    before = state(applied)
    freeze(applied)
    answer = applied.post("/api/v1/drift/schedule", {**ONE, "scheduleType": "reconcile", "cron": "* * * * *", "enabled": True})
    assert answer.status == 201, answer
    schedule, minute = answer.json["id"], int(time.time()) // 60 * 60000
    applied.redis_cli("hset", "{kedge}:schedule:" + schedule, "tick", minute, "due", minute)
    applied.redis_cli("zadd", "{kedge}:due", minute, schedule)
    run = until(lambda: applied.get("/api/v1/runs?kind=reconcile").json, 20, "the tick is recorded")[0]
    assert (run["status"], run["scheduleId"]) == ("skipped", schedule)
    assert run["metadata"]["summary"] == f"Applies are frozen: {WHY}"
    assert state(applied) == before
