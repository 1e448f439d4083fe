"""The main job: a registered workspace, a check, drift reported attribute by attribute."""
import re

from conftest import needs_terraform
from stack import ENDED, FOLLOWS_FILE

pytestmark = needs_terraform


def test_a_check_of_an_unchanged_workspace_is_clean(applied):
    run = applied.check()
    assert run["status"] == "clean", run
    assert run["error"] is None
    assert run["metadata"]["totalResources"] == 1
    assert run["metadata"]["driftedCount"] == 0
    assert run["metadata"]["driftedResources"] == []
    assert "No changes" in run["output"]


def test_a_change_of_the_world_is_reported_attribute_by_attribute(applied):
    (applied.world / "it").write_text("changed by hand\n")
    run = applied.check()
    assert run["status"] == "drift_detected", run
    resource, = run["metadata"]["driftedResources"]
    assert (resource["address"], resource["type"], resource["name"], resource["action"]) == (
        "terraform_data.it", "terraform_data", "it", "update")
    assert resource["origin"] == "code" and resource["ignored"] is False
    change = next(c for c in resource["changes"] if c["attribute"] == "input")
    assert (change["before"], change["after"]) == ("as it should be\n", "changed by hand\n")
    assert run["metadata"]["toChange"] == 1 and run["metadata"]["driftedCount"] == 1
    assert run["metadata"]["summary"] == "Plan: 0 to add, 1 to change, 0 to destroy."


def test_the_object_of_a_run_has_every_field_of_the_contract(applied):
    run = applied.check()
    assert set(run) == {
        "id", "projectId", "workspaceId", "kind", "status", "trigger", "scheduleId", "ref", "commit", "output",
        "outputTruncated", "metadata", "error", "queuedAt", "startedAt", "endedAt", "attempts"}
    assert (run["projectId"], run["workspaceId"], run["kind"], run["trigger"]) == ("p", "w", "drift_check", "api")
    assert re.fullmatch(r"[0-9a-f]{40}", run["commit"]) and run["ref"] == "main"
    assert run["queuedAt"] <= run["startedAt"] <= run["endedAt"] and run["attempts"] == 1
    assert set(run["metadata"]["timings"]) == {"queued", "checkout", "init", "plan", "show"}
    assert run["metadata"]["terraformVersion"].count(".") == 2
    assert run["metadata"]["peakRssBytes"] > 1_000_000


def test_the_second_check_skips_init_and_show(applied):
    assert applied.check()["metadata"]["timings"]["init"] > 0
    timings = applied.check()["metadata"]["timings"]
    assert timings["init"] == 0 and timings["show"] == 0 and timings["plan"] > 0


def test_a_new_commit_is_what_the_next_check_sees(applied):
    first = applied.check()
    commit = applied.repository("acme/net", {"main.tf": FOLLOWS_FILE + 'resource "terraform_data" "new" {}\n'})
    run = applied.check()
    assert run["commit"] == commit != first["commit"]
    assert run["status"] == "drift_detected"
    assert [r["address"] for r in run["metadata"]["driftedResources"]] == ["terraform_data.new"]


def test_summary_tells_the_state_of_a_workspace(applied):
    query = "/api/v1/drift?projectId=p&workspaceId=w"
    summary = applied.get(query).json
    assert summary["status"] == "never_run" and summary["lastRun"] is None
    assert summary["schedule"] is None and summary["schedules"] == []
    applied.check()
    (applied.world / "it").write_text("changed by hand\n")
    run = applied.check()
    summary = applied.get(query).json
    assert summary["status"] == "drift_detected" and summary["driftedCount"] == 1
    assert summary["lastRun"]["id"] == run["id"] and summary["totalResources"] == 1
    assert [r["address"] for r in summary["driftedResources"]] == ["terraform_data.it"]


def test_an_ignored_resource_does_not_count_and_stays_ignored_while_its_drift_is_the_same(applied):
    (applied.world / "it").write_text("changed by hand\n")
    run = applied.check()
    answer = applied.post(f"/api/v1/drift/{run['id']}/ignore", {"resourceAddress": "terraform_data.it"})
    assert answer.status == 200, answer
    assert answer.json["driftedCount"] == 0 and answer.json["driftedResources"][0]["ignored"] is True
    assert applied.get("/api/v1/drift?projectId=p&workspaceId=w").json["status"] == "clean"
    again = applied.check()
    assert again["metadata"]["driftedResources"][0]["ignored"] is True
    (applied.world / "it").write_text("changed once more\n")
    moved = applied.check()
    assert moved["metadata"]["driftedResources"][0]["ignored"] is False
    assert applied.get("/api/v1/drift?projectId=p&workspaceId=w").json["driftedCount"] == 1


def test_ignoring_what_did_not_drift_is_404(applied):
    run = applied.check()
    answer = applied.post(f"/api/v1/drift/{run['id']}/ignore", {"resourceAddress": "terraform_data.it"})
    assert answer.status == 404 and answer.json["error"]["code"] == "NOT_FOUND"


def test_history_lists_the_newest_first_without_the_long_parts(applied):
    ids = [applied.check()["id"] for _ in range(3)]
    history = applied.get("/api/v1/drift/history?projectId=p&workspaceId=w").json
    assert [run["id"] for run in history] == ids[::-1]
    assert all("driftedResources" not in run["metadata"] for run in history)
    page = applied.get("/api/v1/drift/history?projectId=p&workspaceId=w&limit=2")
    assert [run["id"] for run in page.json] == ids[:0:-1] and 'rel="next"' in page.headers["Link"]
    following = page.headers["Link"].split(";")[0].strip("<>")
    assert [run["id"] for run in applied.get(following).json] == ids[:1]


def test_equal_checks_coalesce_while_one_is_queued(bare):
    bare.start_redis()
    bare.start_api()
    bare.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    bare.register("acme/net")
    first = bare.post("/api/v1/drift", {"projectId": "p", "workspaceId": "w"})
    second = bare.post("/api/v1/drift", {"projectId": "p", "workspaceId": "w"})
    assert "coalesced" not in first.json and second.json == {"runId": first.json["runId"], "coalesced": True}
    bare.start_worker()
    assert bare.ended(first.json["runId"])["status"] in ENDED


def test_the_log_is_text_while_it_runs_and_after(applied):
    run = applied.check()
    log = applied.get(f"/api/v1/runs/{run['id']}/log")
    assert log.status == 200 and log.headers["Content-Type"].startswith("text/plain")
    assert "No changes" in log.text


def test_a_long_poll_answers_when_the_run_changes(applied):
    run_id = applied.trigger()
    seen = []
    etag = None
    while not seen or seen[-1] not in ENDED:
        answer = applied.get(f"/api/v1/runs/{run_id}?wait=20", headers={"If-None-Match": etag} if etag else {})
        assert answer.status == 200, answer
        etag = answer.headers["ETag"]
        seen.append(answer.json["status"])
    assert seen[-1] == "clean"
    assert applied.get(f"/api/v1/runs/{applied.trigger()}?wait=30").json["status"] == "clean"  # without an ETag: the end
    unchanged = applied.get(f"/api/v1/runs/{run_id}?wait=1", headers={"If-None-Match": etag})
    assert unchanged.status == 304 and unchanged.body == b""


def test_git_over_http_works_like_git_by_file(applied, git_http):
    applied.start_api(git_url=git_http)
    applied.processes["worker"].stop()
    applied.start_worker("worker-http", git_url=git_http)
    (applied.world / "it").write_text("changed by hand\n")
    assert applied.check()["status"] == "drift_detected"
