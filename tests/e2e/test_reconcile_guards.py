"""What a reconcile by schedule may not do: destroy more than maxDestroy, touch what is protected."""
import time

import pytest

from conftest import needs_terraform
from stack import FOLLOWS_FILE, until

pytestmark = needs_terraform

MORE = FOLLOWS_FILE + '\nresource "terraform_data" "more" {\n  input = "as the code says"\n}\n'


@pytest.fixture
def owned(kedge):
    """A workspace that may be reconciled; its state is as its code says."""
    kedge.repository("acme/net", {"main.tf": MORE})
    kedge.apply("acme/net")
    kedge.register("acme/net", autoReconcile=True)
    return kedge


def state(kedge):
    return (kedge.dir / "state" / "p-w.tfstate").read_bytes()


def reconcile(kedge):
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


def refused(kedge, code, words):
    before = state(kedge)
    run = reconcile(kedge)
    assert (run["kind"], run["trigger"], run["status"]) == ("reconcile", "schedule", "error")
    assert run["error"]["code"] == code and words in run["error"]["message"], run["error"]
    assert "Nothing was applied" in run["error"]["message"] and "driftAfter" not in run["metadata"]
    assert state(kedge) == before
    return run


def test_what_the_code_has_lost_is_not_destroyed(owned):
    owned.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    run = refused(owned, "DESTROY_REFUSED", "destroys 1 resource, and maxDestroy of the workspace is 0")
    assert run["metadata"]["toDestroy"] == 1
    assert [one["address"] for one in run["metadata"]["driftedResources"]] == ["terraform_data.more"]
    assert "terraform_data.more will be destroyed" in run["output"]
    owned.register("acme/net", autoReconcile=True, maxDestroy=1, protected=["terraform_data.m*"])
    refused(owned, "PROTECTED", "touches terraform_data.more, which the workspace protects")
    owned.register("acme/net", autoReconcile=True, maxDestroy=1)
    assert reconcile(owned)["status"] == "applied"
    assert b'"more"' not in state(owned) and owned.check()["status"] == "clean"


def test_an_update_is_applied_unless_it_is_protected(owned):
    owned.register("acme/net", autoReconcile=True, protected=["*"])
    owned.change_world(it="otherwise\n")
    refused(owned, "PROTECTED", "touches terraform_data.it, which the workspace protects")
    owned.register("acme/net", autoReconcile=True, protected=["terraform_data.more"])
    run = reconcile(owned)
    assert (run["status"], run["error"]) == ("applied", None), run["error"]
    assert run["metadata"]["driftAfter"]["driftedCount"] == 0
    assert b"otherwise" in state(owned) and owned.check()["status"] == "clean"
