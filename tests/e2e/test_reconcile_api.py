"""POST /api/v1/drift/reconcile: what a person does about drift, and what keeps it from doing more."""
import http.client
import json
import uuid

from conftest import needs_terraform, once
from stack import FOLLOWS_FILE, TOKEN, until

pytestmark = needs_terraform

ONE = {"projectId": "p", "workspaceId": "w"}
MORE = FOLLOWS_FILE + '\nresource "terraform_data" "more" {\n  input = "as the code says"\n}\n'
MOST = MORE.replace("as the code says", "as the code says now")


def state(kedge):
    return (kedge.dir / "state" / "p-w.tfstate").read_bytes()


def reconcile(kedge, status=200, headers=None, **more):
    answer = kedge.post("/api/v1/drift/reconcile", {**ONE, **more}, headers=headers)
    assert answer.status == status, answer
    return answer


def stands(kedge):
    return kedge.get("/api/v1/drift?projectId=p&workspaceId=w").json


def test_drift_is_reconciled_and_the_workspace_shows_it(applied):
    applied.change_world(it="otherwise\n")
    check = applied.check()
    assert stands(applied)["driftedCount"] == 1
    answer = reconcile(applied)
    run = answer.json
    assert (run["kind"], run["status"], run["error"], run["trigger"]) == ("reconcile", "applied", None, "api")
    assert run["metadata"]["driftAfter"]["driftedCount"] == 0 and run["metadata"]["driftedCount"] == 1
    assert "1 to change" in run["output"] and "Apply complete!" in run["output"]
    assert b"otherwise" in state(applied)
    shown = applied.get(f"/api/v1/runs/{run['id']}")
    assert (shown.json, shown.headers["ETag"]) == (run, answer.headers["ETag"])
    # Not the old drift: the plan after the apply is as good as a check.
    now = stands(applied)
    assert (now["status"], now["driftedCount"], now["driftedResources"], now["totalResources"]) == ("clean", 0, [], 1)
    assert now["lastRun"]["id"] == check["id"]
    row, = applied.get("/api/v1/projects/p/drift").json["workspaces"]
    assert (row["status"], row["driftedCount"], row["toChange"], row["error"]) == ("clean", 0, 0, None)
    # And nothing is left to do; what drifts afterwards is seen.
    assert reconcile(applied).json["status"] == "clean"
    applied.change_world(it="once more\n")
    assert applied.check()["status"] == "drift_detected"
    assert (stands(applied)["status"], stands(applied)["driftedCount"]) == ("drift_detected", 1)


@once
def test_only_who_asks_for_it_has_something_destroyed(kedge):
    kedge.repository("acme/net", {"main.tf": MORE})
    kedge.apply("acme/net")
    kedge.register("acme/net")
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    before = state(kedge)
    for terms in ({}, {"allowDestroy": False}, {"maxDestroy": 0}, {"allowDestroy": False, "maxDestroy": 0}):
        run = reconcile(kedge, **terms).json
        assert (run["status"], run["error"]["code"]) == ("error", "DESTROY_REFUSED"), run
        assert state(kedge) == before
    # maxDestroy is in place of the workspace's, also below it.
    kedge.register("acme/net", maxDestroy=5)
    assert reconcile(kedge, maxDestroy=0).json["error"]["code"] == "DESTROY_REFUSED"
    kedge.register("acme/net", protected=["terraform_data.more"])
    assert reconcile(kedge, allowDestroy=True).json["error"]["code"] == "PROTECTED"
    assert state(kedge) == before
    kedge.register("acme/net")
    refused = reconcile(kedge).json
    run = reconcile(kedge, allowDestroy=True, planRunId=refused["id"]).json
    assert (run["status"], run["error"]) == ("applied", None), run
    assert b'"more"' not in state(kedge)
    kedge.repository("acme/net", {"main.tf": MORE})
    assert reconcile(kedge).json["status"] == "applied"
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    assert reconcile(kedge, maxDestroy=1).json["status"] == "applied"
    assert b'"more"' not in state(kedge)


def moved(kedge, plan_run, started):
    """Is what that run found refused as moved, and nothing changed? `started`: by a run."""
    before, runs = state(kedge), len(kedge.get("/api/v1/runs?kind=reconcile").json)
    answer = reconcile(kedge, 409, planRunId=plan_run["id"])
    assert answer.json["error"]["code"] == "DRIFT_MOVED", answer
    assert state(kedge) == before
    assert len(kedge.get("/api/v1/runs?kind=reconcile").json) == runs + started
    assert ("Location" in answer.headers) == bool(started)
    if started:
        run = kedge.run(answer.headers["Location"].rsplit("/", 1)[1])
        assert (run["status"], run["error"]["code"]) == ("error", "DRIFT_MOVED")
        assert run["error"]["message"] == answer.json["error"]["message"]
    return answer.json["error"]["message"]


def test_drift_that_is_not_what_was_looked_at_is_left_alone(applied):
    applied.change_world(it="otherwise\n")
    seen = applied.check()
    applied.change_world(it="quite otherwise\n")
    moved(applied, seen, started=1)
    newer = applied.check()
    assert newer["id"] in moved(applied, seen, started=0)
    run = reconcile(applied, planRunId=newer["id"]).json
    assert (run["status"], run["commit"]) == ("applied", newer["commit"])
    assert b"quite otherwise" in state(applied)
    # What one reconcile has mended another one does not find any more.
    assert run["id"] in moved(applied, newer, started=0)


@once
def test_another_commit_is_not_what_was_looked_at(kedge):
    kedge.repository("acme/net", {"main.tf": MORE})
    kedge.apply("acme/net")
    kedge.register("acme/net")
    kedge.change_world(it="otherwise\n")
    seen = kedge.check()
    kedge.repository("acme/net", {"README": "says nothing of it\n"})
    moved(kedge, seen, started=1)
    kedge.repository("acme/net", {"main.tf": MOST})
    moved(kedge, seen, started=1)
    newer = kedge.check()
    assert newer["id"] in moved(kedge, seen, started=0)
    kedge.repository("acme/net", {"main.tf": MORE}, branch="other")
    kedge.register("acme/net", ref="other")
    assert "follows other now" in moved(kedge, newer, started=0)
    assert b"otherwise" not in state(kedge)


def test_a_plan_that_is_none_is_refused(applied):
    applied.register("acme/net", workspace="v")
    clean = applied.check()
    other = applied.check(workspace="v")
    assert (clean["status"], other["status"]) == ("clean", "drift_detected")
    reconcile(applied, 404, planRunId=str(uuid.uuid4()))
    reconcile(applied, 404, planRunId=other["id"])
    answer = reconcile(applied, 409, planRunId=clean["id"])
    assert answer.json["error"]["code"] == "CONFLICT" and "nothing to reconcile" in answer.json["error"]["message"]
    for wrong, field in (({"planRunId": "../../x"}, "planRunId"), ({"allowDestroy": True, "maxDestroy": 3}, "maxDestroy"),
                         ({"maxDestroy": -1}, "maxDestroy"), ({"maxdestroy": 1}, "maxdestroy")):
        answer = reconcile(applied, 400, **wrong)
        assert [one["field"] for one in answer.json["error"]["details"]] == [field]
    assert applied.post("/api/v1/drift/reconcile", {**ONE, "workspaceId": "none"}).status == 404
    assert applied.get("/api/v1/runs?kind=reconcile").json == []


def test_who_does_not_wait_finds_the_run_by_its_id(applied):
    (applied.world / "it").unlink()
    applied.gate("it")
    answer = reconcile(applied, 202, {"Prefer": "respond-async"})
    run = answer.json["runId"]
    assert answer.headers["Location"].endswith(f"/api/v1/runs/{run}")
    gate = applied.waits_at_gate("it")
    # One that leaves does not stop its run, which waits for its turn.
    connection = http.client.HTTPConnection("127.0.0.1", applied.port, timeout=60)
    connection.request("POST", "/api/v1/drift/reconcile", json.dumps({**ONE, "maxDestroy": 7}),
                       {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
    until(lambda: len(applied.get("/api/v1/runs?kind=reconcile").json) == 2, 20, "it waits")
    connection.close()
    assert reconcile(applied, 202, {"Prefer": "wait=1", "Idempotency-Key": "k"}).json["runId"] != run
    applied.open_gate("it", gate)
    last = reconcile(applied, 200, {"Idempotency-Key": "k"}).json
    assert applied.ended(run)["status"] == "applied" and last["status"] == "clean"
    assert [one["status"] for one in applied.get("/api/v1/runs?kind=reconcile").json] == ["clean", "clean", "applied"]
