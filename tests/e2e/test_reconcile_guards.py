"""What a reconcile may not do: destroy more than maxDestroy, touch what is protected, make a
lost state anew, apply another drift than the one that was seen. And what it is when it did
not help. The plan of each would be applied without its guard."""
import time

import pytest

from conftest import needs_terraform, once
from stack import FOLLOWS_FILE, until

pytestmark = [needs_terraform, once]

MORE = FOLLOWS_FILE + '\nresource "terraform_data" "more" {\n  input = "as the code says"\n}\n'


@pytest.fixture
def owned(kedge):
    """A workspace that may be reconciled; its state is as its code says."""
    kedge.repository("acme/net", {"main.tf": MORE})
    kedge.apply("acme/net")
    kedge.register("acme/net", autoReconcile=True)
    return kedge


def state_file(kedge):
    return kedge.dir / "state" / "p-w.tfstate"


def state(kedge):
    return state_file(kedge).read_bytes() if state_file(kedge).exists() else None


def reconcile(kedge, **fields):
    """The run that a person starts, at its end."""
    answer = kedge.post("/api/v1/drift/reconcile", {"projectId": "p", "workspaceId": "w", **fields},
                        headers={"Prefer": "respond-async"})
    assert answer.status == 202, answer
    return kedge.ended(answer.json["runId"])


def reconcile_by_schedule(kedge):
    """The run of a new schedule's first tick, at its end. The tick is that of the minute that is: nobody waits for the next."""
    answer = kedge.post("/api/v1/drift/schedule", {
        "projectId": "p", "workspaceId": "w", "scheduleType": "reconcile", "cron": "* * * * *", "enabled": True})
    assert answer.status == 201, answer
    schedule, minute = answer.json["id"], int(time.time()) // 60 * 60000
    kedge.redis_cli("hset", "{kedge}:schedule:" + schedule, "tick", minute, "due", minute)
    kedge.redis_cli("zadd", "{kedge}:due", minute, schedule)
    until(lambda: kedge.get(f"/api/v1/drift/schedule/{schedule}").json["lastRunAt"], 20, "it fires")
    assert kedge.request("DELETE", f"/api/v1/drift/schedule/{schedule}").status == 200
    runs = kedge.get("/api/v1/runs?kind=reconcile").json
    return kedge.ended(next(run["id"] for run in runs if run["scheduleId"] == schedule))


def refused(kedge, code, words, start=reconcile, **fields):
    before = state(kedge)
    run = start(kedge, **fields)
    assert (run["kind"], run["status"]) == ("reconcile", "error")
    assert run["error"]["code"] == code and words in run["error"]["message"], run["error"]
    assert "Nothing was applied" in run["error"]["message"] and "driftAfter" not in run["metadata"]
    assert state(kedge) == before
    return run


@pytest.mark.parametrize("start", [reconcile, reconcile_by_schedule])
def test_what_the_code_has_lost_is_not_destroyed(owned, start):
    owned.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    run = refused(owned, "DESTROY_REFUSED", "destroys 1 resource, and maxDestroy of this reconcile is 0", start)
    assert run["trigger"] == ("api" if start == reconcile else "schedule")
    assert run["metadata"]["toDestroy"] == 1
    assert [one["address"] for one in run["metadata"]["driftedResources"]] == ["terraform_data.more"]
    assert "terraform_data.more will be destroyed" in run["output"]
    owned.register("acme/net", autoReconcile=True, maxDestroy=1, protected=["terraform_data.m*"])
    refused(owned, "PROTECTED", "touches terraform_data.more, which the workspace protects", start)
    owned.register("acme/net", autoReconcile=True, maxDestroy=1)
    assert start(owned)["status"] == "applied"
    assert b'"more"' not in state(owned) and owned.check()["status"] == "clean"


def test_a_person_may_lift_what_limits_destruction_and_no_other_limit(owned):
    owned.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    owned.register("acme/net", protected=["terraform_data.more"])
    refused(owned, "PROTECTED", "touches terraform_data.more", allowDestroy=True)
    owned.register("acme/net")
    refused(owned, "DESTROY_REFUSED", "destroys 1 resource")
    assert reconcile(owned, allowDestroy=True)["status"] == "applied"
    assert b'"more"' not in state(owned)


def test_a_destroy_is_found_where_it_hides(owned):
    new = 'resource "terraform_data" "more" {\n  input = "as the code says"\n  triggers_replace = "new"\n%s}\n'
    keyed = 'resource "terraform_data" "keyed" {\n  for_each = toset(["a*[b]"])\n  input = %s\n}\n'
    before_it = "  lifecycle {\n    create_before_destroy = true\n  }\n"
    removed = "removed {\n  from = terraform_data.more\n  lifecycle {\n    destroy = %s\n  }\n}\n"
    moved = 'moved {\n  from = terraform_data.more\n  to   = terraform_data.other\n}\nresource "terraform_data" "other" {\n  input = "new"\n}\n'
    for code in (new % "", new % before_it, removed % "true"):
        owned.repository("acme/net", {"main.tf": FOLLOWS_FILE + "\n" + code})
        refused(owned, "DESTROY_REFUSED", "destroys 1 resource")
    # What is only forgotten, or has another name by now, is protected as well.
    owned.register("acme/net", protected=["terraform_data.more"])
    for code in (removed % "false", moved):
        owned.repository("acme/net", {"main.tf": FOLLOWS_FILE + "\n" + code})
        refused(owned, "PROTECTED", "touches terraform_data.more,", allowDestroy=True)
    owned.repository("acme/net", {"main.tf": MORE + keyed % '"old"'})
    assert reconcile(owned)["status"] == "applied"
    owned.repository("acme/net", {"main.tf": MORE + keyed % '"new"'})
    for glob in ('terraform_data.keyed["a*[b]"]', 'terraform_data.keyed[*', "*.keyed*"):
        owned.register("acme/net", protected=[glob])
        refused(owned, "PROTECTED", 'touches terraform_data.keyed["a*[b]"],')


def test_an_update_is_applied_unless_it_is_protected(owned):
    owned.register("acme/net", autoReconcile=True, protected=["*"])
    owned.change_world(it="otherwise\n")
    refused(owned, "PROTECTED", "touches terraform_data.it, which the workspace protects")
    owned.register("acme/net", autoReconcile=True, protected=["terraform_data.more"])
    run = reconcile(owned)
    assert (run["status"], run["error"]) == ("applied", None), run["error"]
    assert run["metadata"]["driftAfter"]["driftedCount"] == 0
    assert b"otherwise" in state(owned) and owned.check()["status"] == "clean"


def test_a_state_that_was_lost_is_not_made_anew(owned):
    assert owned.check()["status"] == "clean"
    state_file(owned).unlink()
    refused(owned, "EMPTY_STATE", "is empty, and had 2 resources before")
    assert owned.check()["metadata"]["toAdd"] == 2  # who looks sees an empty state, and that changes nothing:
    refused(owned, "EMPTY_STATE", "is empty, and had 2 resources before", reconcile_by_schedule)
    assert owned.request("DELETE", "/api/v1/projects/p/workspaces/w").status == 200
    owned.register("acme/net")
    assert reconcile(owned)["status"] == "applied"
    assert owned.check()["status"] == "clean"
    state_file(owned).unlink()  # what the reconcile has made is remembered, too
    refused(owned, "EMPTY_STATE", "is empty, and had 2 resources before")


def test_what_was_removed_by_a_reconcile_may_come_back(owned):
    owned.repository("acme/net", {"main.tf": 'terraform {\n  backend "local" {}\n}\nvariable "world" { type = string }\n'})
    assert reconcile(owned, allowDestroy=True)["status"] == "applied"
    owned.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    assert reconcile(owned)["status"] == "applied"
    assert b'"it"' in state(owned)


def test_another_drift_than_the_one_that_was_seen_is_not_applied(owned):
    owned.change_world(it="otherwise\n")
    seen = owned.check()
    before = state(owned)
    owned.change_world(it="and again\n")
    run = refused(owned, "DRIFT_MOVED", "another drift", planRunId=seen["id"])
    assert len(seen["metadata"]["driftFingerprint"]) == 32
    assert run["metadata"]["driftFingerprint"] not in (None, seen["metadata"]["driftFingerprint"])
    owned.change_world(it="as it should be\n")
    refused(owned, "DRIFT_MOVED", "finds no drift", planRunId=seen["id"])
    owned.change_world(it="otherwise\n")
    owned.repository("acme/net", {"README": "a commit that changes nothing\n"})
    run = refused(owned, "DRIFT_MOVED", "is at commit", planRunId=seen["id"])
    assert run["output"] == "" and state(owned) == before
    seen = owned.check()
    assert reconcile(owned, planRunId=seen["id"])["status"] == "applied"
    assert b"otherwise" in state(owned)


def test_a_reconcile_that_did_not_help_says_so(owned):
    owned.repository("acme/net", {"main.tf": MORE + 'resource "terraform_data" "clock" {\n  input = timestamp()\n}\n'})
    run = reconcile(owned)
    assert (run["status"], run["error"]["code"]) == ("error", "STILL_DRIFTED"), run
    assert "0 to add, 1 to change, 0 to destroy" in run["error"]["message"]
    assert (run["metadata"]["toAdd"], run["metadata"]["driftAfter"]["toChange"]) == (1, 1)
    assert run["output"].index("Plan: 1 to add") < run["output"].index("Apply complete!")
    assert b'"clock"' in state(owned) and owned.check()["status"] == "drift_detected"
    status = owned.get("/api/v1/projects/p/drift").json
    assert [one["status"] for one in status["workspaces"]] == ["drift_detected"], status
