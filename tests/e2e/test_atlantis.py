"""The Atlantis family with two workers and the real terraform: many projects of one request, in their order; batches that are
waited for, polled, left alone and cancelled; pull requests; applies; and input that is refused."""
import concurrent.futures
import re
import socket
import time

import pytest

from conftest import needs_terraform
from stack import ROOT, TOKEN, VARIANT, Stack, until

pytestmark = needs_terraform

ENDED = ("success", "partial", "failed", "error", "cancelled")
GITHUB_TOKEN = "github-token-0123456789"
BROKEN = 'output "x" {\n  value = nothing.like.that\n}\n'


@pytest.fixture(scope="module")
def two():
    """Two workers. Repositories of type Git come from files, those of type Github over HTTP."""
    with Stack(cancel_grace="500ms", github_token=GITHUB_TOKEN) as stack:
        server = stack.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", stack.dir / "git")
        port = until(lambda: server.log.read_text().split("\n")[0] if "\n" in server.log.read_text() else None)
        stack.settings["github_url"] = stack.settings["gitlab_url"] = f"http://127.0.0.1:{port}"
        stack.settings["github_api_url"] = f"http://127.0.0.1:{port}/status/500"
        yield stack.start(workers=2)


def order(repository, *names, paths=(), **more):
    """A body for plan and apply."""
    body = {"Repository": repository, "Ref": "main", "Type": "Git", **more}
    if names:
        body["Projects"] = list(names)
    if paths:
        body["Paths"] = [{"Directory": path} for path in paths]
    return body


def drift(repository, *names, **more):
    """A body for detect and remediate."""
    return {"repository": repository, "ref": "main", "type": "Git", **({"projects": list(names)} if names else {}), **more}


def at_once(stack, path, body, **options):
    """The id of the batch."""
    headers = {"Prefer": "respond-async", **options.pop("headers", {})}
    answer = stack.post(path, body, headers=headers, **options)
    assert answer.status == 202, answer
    run_id = answer.json["data"]["runId"]
    assert answer.headers["Location"] == f"/api/v1/runs/{run_id}"
    return run_id


def batch_ended(stack, batch_id, seconds=60):
    return until(lambda: (lambda batch: batch["status"] in ENDED and batch)(stack.run(batch_id)), seconds, f"batch {batch_id} ends")


def projects_yaml(*lines, head=""):
    return "version: 3\n" + head + "projects:\n" + "".join(f"- {{{line}}}\n" for line in lines)


def outcome(data):
    return [(project["project_name"], project["status"]) for project in data["projects"]]


# ---- many projects ----
def test_many_projects_by_name_and_by_path_are_planned_by_all_workers_and_answered_in_order(two):
    count = 6 if VARIANT == "asan" else 20
    half = count // 2
    names = [f"n{number:02}" for number in range(count)]
    two.change_world(many="1\n")
    two.repository("acme/many", {
        "atlantis.yaml": projects_yaml(*(f"name: {name}, dir: d/{name}" for name in names[:half])),
        **{f"d/{name}/main.tf": two.root(f"many-{name}", "many") for name in names}})
    named, by_path = names[:half][::-1], names[half:][::-1]
    batch_id = at_once(two, "/api/plan", order("acme/many", *named, paths=[f"d/{name}" for name in by_path]))
    batch = batch_ended(two, batch_id, 120)
    assert batch["status"] == "success" and batch["kind"] == "plan" and batch["error"] is None
    data = batch["result"]
    assert [project["directory"] for project in data["projects"]] == [f"d/{name}" for name in named + by_path]
    assert [project["project_name"] for project in data["projects"]] == named + [""] * (count - half)
    assert {project["plan"]["summary"] for project in data["projects"]} == {"Plan: 1 to add, 0 to change, 0 to destroy."}
    assert (data["total_projects"], data["success_count"], data["failure_count"]) == (count, count, 0)
    runs = [two.run(run_id) for run_id in batch["runs"]]
    assert {run["commit"] for run in runs} == {batch["commit"]} and {run["kind"] for run in runs} == {"plan"}
    assert len({two.redis_cli("hget", "{kedge}:run:" + run["id"], "worker") for run in runs}) == 2


def test_names_that_the_file_has_not_are_refused_with_those_it_has(two):
    two.repository("acme/names", {"atlantis.yaml": projects_yaml("name: one, dir: .", "name: two, dir: b"), "main.tf": ""})
    for path in ("/api/plan", "/api/apply"):
        error = two.ask(path, order("acme/names", "one", "three"), 400)
        assert error["code"] == "VALIDATION_ERROR"
        assert all(name in error["message"] for name in ("three", "one", "two")), error
    error = two.ask("/api/drift/detect", drift("acme/names", "three"), 400)
    assert "three" in error["message"] and "two" in error["message"]
    two.repository("acme/nameless", {"main.tf": ""})
    assert "atlantis.yaml" in two.ask("/api/plan", order("acme/nameless", "one"), 400)["message"]


def test_execution_groups_and_dependencies_apply_one_after_the_other(two):
    two.change_world(order="1\n")
    two.repository("acme/order", {
        "atlantis.yaml": projects_yaml(
            "name: last, dir: last, execution_order_group: 2", "name: a, dir: a", "name: b, dir: b, depends_on: [a]",
            "name: mid, dir: mid, execution_order_group: 1"),
        **{f"{name}/main.tf": two.root(f"order-{name}", "order") for name in ("last", "a", "b", "mid")}})
    batch = batch_ended(two, at_once(two, "/api/apply", order("acme/order", "last", "a", "b", "mid")))
    assert outcome(batch["result"]) == [("last", "success"), ("a", "success"), ("b", "success"), ("mid", "success")]
    last, a, b, mid = (two.run(run_id) for run_id in batch["runs"])
    assert {run["status"] for run in (last, a, b, mid)} == {"applied"}
    assert a["endedAt"] <= b["startedAt"] and b["endedAt"] <= mid["startedAt"] and mid["endedAt"] <= last["startedAt"]


@pytest.mark.parametrize("path,abort,statuses", [
    ("/api/apply", True, ["error", "cancelled", "cancelled"]),
    ("/api/apply", False, ["error", "cancelled", "applied"]),
    # Who only looks depends on nobody.
    ("/api/plan", True, ["error", "drift_detected", "cancelled"]),
])
def test_a_failure_stops_what_depends_on_it_and_the_later_groups_only_when_asked(two, path, abort, statuses):
    name = f"abort-{path[5:]}-{abort}".lower()
    two.change_world(abort="1\n")
    two.repository("acme/abort", {
        "atlantis.yaml": projects_yaml(
            "name: bad, dir: bad", "name: needs, dir: needs, depends_on: [bad]", "name: later, dir: later, execution_order_group: 1",
            head=f"abort_on_execution_order_fail: {str(abort).lower()}\n"),
        "bad/main.tf": BROKEN, "needs/main.tf": two.root(name + "-needs", "abort"), "later/main.tf": two.root(name + "-later", "abort")})
    batch = batch_ended(two, at_once(two, path, order("acme/abort", "bad", "needs", "later")))
    runs = [two.run(run_id) for run_id in batch["runs"]]
    assert [run["status"] for run in runs] == statuses
    assert [status for _, status in outcome(batch["result"])] == [
        "error" if status in ("error", "cancelled") else "success" for status in statuses]
    assert all((run["startedAt"] is None) == (run["status"] == "cancelled") for run in runs)
    assert batch["status"] == ("failed" if set(statuses) <= {"error", "cancelled"} else "partial")


# ---- what cannot be found ----
def test_a_repository_or_ref_that_is_gone_is_named(two):
    for body in (order("acme/gone", paths=["a", "b"]), order("acme/names", paths=["a", "b"], Ref="no-such-branch")):
        wanted = "no-such-branch" if body["Ref"] != "main" else "acme/gone"
        data = two.ask("/api/plan", body)
        assert outcome(data) == [("", "error")] * 2 and data["failure_count"] == 2
        assert all(wanted in project["error"] for project in data["projects"]), data
    for body in (order("acme/gone", "a"), order("acme/names", "one", Ref="no-such-branch")):
        wanted = "no-such-branch" if body["Ref"] != "main" else "acme/gone"
        error = two.ask("/api/plan", body, 404)
        assert error["code"] == "NOT_FOUND" and wanted in error["message"]
    assert two.ask("/api/drift/detect", drift("acme/gone"), 404)["code"] == "NOT_FOUND"


def test_a_directory_that_is_gone_is_the_error_of_its_project(two):
    data = two.ask("/api/plan", order("acme/names", paths=["nowhere"]))
    assert data["projects"][0]["status"] == "error" and "nowhere" in data["projects"][0]["error"]


def test_a_directory_that_leaves_the_repository_by_a_link_is_refused_and_one_that_stays_is_not(two):
    two.repository("acme/links", {"inside/main.tf": BROKEN})
    for name, target in (("outside", "/etc"), ("up", "../.."), ("good", "inside")):
        (two.dir / "copies/acme/links" / name).symlink_to(target)
    two.repository("acme/links", {"more": ""})
    outside, up, good = two.ask("/api/plan", order("acme/links", paths=["outside", "up", "good"]))["projects"]
    assert "leaves the repository" in outside["error"] and "leaves the repository" in up["error"]
    assert "terraform plan failed" in good["error"]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh"))


@pytest.mark.parametrize("text,line", [
    ("version: 3\n" + BOMB, 2),
    ("version: 3\nprojects: " + "[" * 100 + "]" * 100 + "\n", 2),
    ("version: 3\nprojects:\n- dir: .\n  colour: red\n", 4),
    ("version: 3\nprojects:\n- dir: .\n  name: x\n  workflow: mine\n", 5),
    ("version: 3\nprojects:\n- dir: ../..\n  name: x\n", 3),
    ("version: 2\n", 1),
    ("version: 3\nprojects: [\n", None),
    ("version: 3\nprojects:\n- !!python/object:os.system x\n", 3),
])
def test_an_atlantis_yaml_that_cannot_be_used_is_told_with_line_and_column(two, text, line):
    two.repository("acme/bomb", {"atlantis.yaml": text, "main.tf": ""})
    error = two.ask("/api/plan", order("acme/bomb", "x"), 400)
    assert error["code"] == "VALIDATION_ERROR"
    place = re.search(r"line (\d+), column \d+|:(\d+):\d+", error["message"])
    assert place and "atlantis.yaml" in error["message"], error
    assert line is None or line <= int(place[1] or place[2]) <= line + 1, error
    project, = two.ask("/api/plan", order("acme/bomb", paths=["."]))["projects"]
    assert project["status"] == "error" and "atlantis.yaml" in project["error"]


# ---- waiting ----
@pytest.fixture
def gated(two, request):
    """A repository whose plan blocks until it is let go; (name of the gate, body)."""
    name = "gate-" + re.sub(r"\W+", "-", request.node.name)[:60]
    two.gate(name)
    two.repository(f"acme/{name}", {"main.tf": two.root(name, name)})
    return name, order(f"acme/{name}", paths=["."])


def test_who_polls_gets_what_who_waits_gets(two, gated):
    name, body = gated
    key = {"Idempotency-Key": name}
    batch_id = at_once(two, "/api/plan", body, headers=key)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(two.ask, "/api/plan", body, headers=key)
        reader = two.waits_at_gate(name)
        assert two.run(batch_id)["status"] == "running" and two.run(batch_id)["result"] is None
        assert at_once(two, "/api/plan", body, headers=key) == batch_id
        two.open_gate(name, reader)
        data = waiting.result()
    assert outcome(data) == [("", "success")]
    batch = batch_ended(two, batch_id)
    assert batch["status"] == "success" and batch["result"] == data and len(batch["runs"]) == 1
    assert two.ask("/api/plan", body, headers=key) == data  # and so does who asks once more
    assert two.ask("/api/plan", {**body, "Paths": [{"Directory": "x"}]}, 422, headers=key)["code"] == "IDEMPOTENCY_MISMATCH"


def test_a_client_says_how_long_it_waits(two, gated):
    name, body = gated
    start = time.monotonic()
    answer = two.post("/api/plan", body, headers={"Prefer": "wait=1"})
    assert answer.status == 202 and 0.9 < time.monotonic() - start < 10, answer
    batch_id = answer.json["data"]["runId"]
    two.open_gate(name, two.waits_at_gate(name))
    polled = two.get(f"/api/v1/runs/{batch_id}?wait=30")
    assert polled.json["status"] == "success" and polled.headers["ETag"]
    again = two.get(f"/api/v1/runs/{batch_id}", headers={"If-None-Match": polled.headers["ETag"]})
    assert again.status == 304 and again.body == b""


def test_a_client_that_leaves_stops_nothing(two, gated):
    name, _ = gated
    body = f'{{"Repository": "acme/{name}", "Ref": "main", "Type": "git", "Paths": [{{"Directory": "."}}]}}'
    with socket.create_connection(("127.0.0.1", two.port)) as link:
        link.sendall(f"POST /api/plan HTTP/1.1\r\nHost: x\r\nX-Atlantis-Token: {TOKEN}\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        reader = two.waits_at_gate(name)
    lock, = two.get("/api/locks").json["data"]["locks"]
    assert lock["id"] == f"acme/{name}/./default"
    two.open_gate(name, reader)
    until(lambda: two.get("/api/locks").json["data"]["locks"] == [], 30, "the plan ends")
    run = two.get("/api/v1/runs?kind=plan&limit=1").json[0]
    assert run["status"] == "drift_detected"
    assert two.get(f"/api/drift/status?repository=acme/{name}").json["data"]["projects"][0]["has_drift"] is True


# ---- cancel ----
def cancelled(stack, batch_id):
    answer = stack.post(f"/api/v1/runs/{batch_id}/cancel")
    assert answer.status == 200 and answer.json == {"success": True}, answer
    batch = batch_ended(stack, batch_id, 30)
    assert batch["status"] == "cancelled", batch
    assert stack.post(f"/api/v1/runs/{batch_id}/cancel").status == 409
    return batch


def test_a_batch_is_cancelled_before_anybody_looked_at_it(two):
    two.put("/api/v1/pause", {"paused": True, "reason": "test"})
    try:
        batch_id = at_once(two, "/api/plan", order("acme/names", paths=["."]))
        assert two.run(batch_id)["status"] == "queued"
        batch = cancelled(two, batch_id)
    finally:
        two.put("/api/v1/pause", {"paused": False})
    assert batch["runs"] == [] and batch["startedAt"] is None


def test_a_batch_is_cancelled_while_its_repository_is_looked_at(two):
    # The git server never answers for a repository of that owner.
    body = order("hang/net", "a", Type="Github")
    batch_id = at_once(two, "/api/plan", body, headers={"Idempotency-Key": "hang"})
    until(lambda: two.run(batch_id)["status"] == "running", 20, "it is looked at")
    assert two.get("/api/locks").json["data"]["locks"] == []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(two.ask, "/api/plan", body, 409, headers={"Idempotency-Key": "hang"})
        assert cancelled(two, batch_id)["runs"] == []
        assert waiting.result()["code"] == "CONFLICT"


def test_a_batch_is_cancelled_while_its_runs_go_on(two, gated):
    name, _ = gated
    two.repository(f"acme/{name}", {"other/main.tf": two.root(name + "-2", "many")})
    two.repository(f"acme/{name}", {"atlantis.yaml": projects_yaml("name: one, dir: .", "name: two, dir: other, depends_on: [one]")})
    batch_id = at_once(two, "/api/apply", order(f"acme/{name}", "one", "two"))
    two.waits_at_gate(name)
    batch = cancelled(two, batch_id)
    assert [two.run(run_id)["status"] for run_id in batch["runs"]] == ["cancelled", "cancelled"]
    assert outcome(batch["result"]) == [("one", "error"), ("two", "error")]
    assert two.get("/api/locks").json["data"] == {"locks": [], "total_count": 0}


# ---- applies ----
def test_an_apply_changes_the_world_once_and_then_there_is_no_drift(two):
    script = f'  provisioner "local-exec" {{\n    command = "echo applied >>{two.world}/log"\n  }}\n'
    text = two.root("once").rstrip() + f'\nresource "terraform_data" "x" {{\n  input = 1\n{script}}}\n'
    two.repository("acme/once", {"main.tf": text})
    body = order("acme/once", paths=["."])
    plan = two.ask("/api/plan", body)["projects"][0]["plan"]
    assert plan == {"has_changes": True, "to_add": 1, "to_change": 0, "to_destroy": 0, "to_import": 0,
                    "summary": "Plan: 1 to add, 0 to change, 0 to destroy."}
    assert two.get("/api/drift/status?repository=acme/once").json["data"]["summary"]["projects_with_drift"] == 1
    project, = two.ask("/api/apply", body)["projects"]
    assert project["status"] == "success" and "Apply complete! Resources: 1 added, 0 changed, 0 destroyed." in project["output"]
    # The plan after the apply says so, before anybody asks.
    status = two.get("/api/drift/status?repository=acme/once").json["data"]
    assert [entry["has_drift"] for entry in status["projects"]] == [False]
    again, = two.ask("/api/apply", body)["projects"]
    assert again["status"] == "success" and "No changes" in again["output"]
    assert (two.world / "log").read_text() == "applied\n"
    assert [run["status"] for run in two.get("/api/v1/runs?kind=apply&limit=2").json] == ["clean", "applied"]
    assert [entry["has_drift"] for entry in two.ask("/api/drift/detect", drift("acme/once", paths=[{"directory": "."}]))["projects"]] == [False]


def test_applies_of_one_target_come_one_after_the_other(two):
    two.change_world(turn="1\n")
    two.repository("acme/turn", {"main.tf": two.root("turn", "turn")})
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: two.ask("/api/apply", order("acme/turn", paths=["."]))["projects"][0], range(3)))
    assert {project["status"] for project in answers} == {"success"}
    assert sorted("Apply complete! Resources: 1 added" in project["output"] for project in answers) == [False, False, True]


def test_a_plan_that_changes_outputs_alone_has_changes_and_is_no_drift(two):
    two.repository("acme/outputs", {"main.tf": two.root("outputs", more='output "x" {\n  value = 1\n}\n')})
    plan = two.ask("/api/plan", order("acme/outputs", paths=["."]))["projects"][0]["plan"]
    assert plan["has_changes"] is True and plan["to_add"] + plan["to_change"] + plan["to_destroy"] == 0
    entry, = two.get("/api/drift/status?repository=acme/outputs").json["data"]["projects"]
    assert entry["has_drift"] is False


def test_an_unmet_requirement_is_a_failure_and_nothing_is_applied(two):
    two.change_world(policy="1\n")
    two.repository("acme/policy", {
        "atlantis.yaml": projects_yaml("name: p, dir: ., apply_requirements: [approved, policies_passed]"),
        "main.tf": two.root("policy", "policy")})
    project, = two.ask("/api/apply", order("acme/policy", "p"))["projects"]
    assert project["status"] == "failed" and "polic" in project["failure"] and "error" not in project
    assert two.ask("/api/plan", order("acme/policy", "p"))["projects"][0]["plan"]["to_add"] == 1


def test_a_missing_terraform_workspace_is_made_by_a_plan_and_never_by_a_detection(two):
    two.change_world(ws="1\n")
    two.repository("acme/ws", {"main.tf": two.root("ws", "ws")})
    path = {"directory": ".", "workspace": "production"}
    project, = two.ask("/api/drift/detect", drift("acme/ws", paths=[path]))["projects"]
    assert project["has_drift"] is False and "production" in project["error"]
    plan = order("acme/ws", Paths=[{"Directory": ".", "Workspace": "production"}])
    assert two.ask("/api/plan", plan)["projects"][0]["status"] == "success"
    project, = two.ask("/api/drift/detect", drift("acme/ws", paths=[path]))["projects"]
    assert project["has_drift"] is True and "error" not in project


# ---- pull requests ----
def test_a_pull_request_is_planned_at_its_head_and_leaves_no_trace_of_drift(two):
    two.change_world(pr="1\n")
    main = two.repository("acme/pulls", {"main.tf": two.root("pulls", "pr")})
    head = two.pull_request("acme/pulls", 7, {"main.tf": two.root("pulls", "pr", more='resource "terraform_data" "more" {}\n')})
    body = order("acme/pulls", paths=["."], Type="Github", PR=7)
    batch = batch_ended(two, at_once(two, "/api/plan", body))
    assert batch["commit"] == head != main
    assert batch["result"]["projects"][0]["plan"]["to_add"] == 2
    assert two.get("/api/drift/status?repository=acme/pulls").json["data"]["projects"] == []
    assert two.ask("/api/plan", {**body, "PR": 0})["projects"][0]["plan"]["to_add"] == 1
    assert len(two.get("/api/drift/status?repository=acme/pulls").json["data"]["projects"]) == 1
    missing = two.ask("/api/plan", {**body, "PR": 8})
    assert missing["projects"][0]["status"] == "error" and "8" in missing["projects"][0]["error"]


def test_a_merge_request_is_found_by_gitlabs_name(two):
    two.change_world(mr="1\n")
    two.repository("acme/group/mr", {"main.tf": two.root("mr", "mr")})
    head = two.pull_request("acme/group/mr", 5, {"more": ""}, "refs/merge-requests/{}/head")
    batch = batch_ended(two, at_once(two, "/api/apply", order("acme/group/mr", paths=["."], Type="gitlab", PR=5)))
    assert batch["status"] == "success" and batch["commit"] == head


def test_a_vcs_that_does_not_answer_is_the_error_of_the_project_and_gets_nothing_applied(two):
    two.change_world(vcs="1\n")
    two.repository("acme/vcs", {"main.tf": two.root("vcs", "vcs"),
                                "atlantis.yaml": projects_yaml("name: p, dir: ., apply_requirements: [mergeable]")})
    two.pull_request("acme/vcs", 3, {})
    data = two.ask("/api/apply", order("acme/vcs", "p", Type="Github", PR=3))
    assert outcome(data) == [("p", "error")] and "500" in data["projects"][0]["error"], data
    # Without a pull request nobody is asked.
    assert outcome(two.ask("/api/apply", order("acme/vcs", "p", Type="Github"))) == [("p", "success")]
    assert GITHUB_TOKEN not in str(data) + "".join(path.read_text() for path in (two.dir / "log").iterdir())
    assert GITHUB_TOKEN.encode() not in two.redis_text()


def test_the_head_of_a_pull_request_has_no_name_of_its_own_as_a_ref(two):
    for ref in ("refs/pull/7/head", "pull/7/head", "refs/merge-requests/7/head"):
        error = two.ask("/api/plan", order("acme/pulls", paths=["."], Type="Github", Ref=ref), 400)
        assert error["details"][0]["field"].lower() == "ref"


# ---- one store for both families ----
def test_a_v1_check_shows_up_in_the_status_and_the_other_way_round(two):
    two.change_world(both="1\n")
    two.repository("acme/both", {"main.tf": two.root("both", "both")})
    two.ask("/api/apply", order("acme/both", paths=["."]))
    two.register("acme/both", "both", "w", variables=None, backendConfig=None)
    two.change_world(both="2\n")
    run = two.check("both", "w")
    assert run["status"] == "drift_detected"
    entry, = two.get("/api/drift/status?repository=ACME/both").json["data"]["projects"]
    assert entry["has_drift"] is True and entry["drift"]["to_change"] == 1 and entry["last_checked"] <= run["endedAt"]
    two.change_world(both="1\n")
    detected, = two.ask("/api/drift/detect", drift("acme/both", paths=[{"directory": "./"}]))["projects"]
    assert detected["has_drift"] is False
    row, = two.get("/api/v1/projects/both/drift").json["workspaces"]
    assert row["status"] == "clean" and row["lastCheckedAt"] >= run["endedAt"]
    assert two.get("/api/v1/drift?projectId=both&workspaceId=w").json["status"] == "clean"


def test_a_failed_check_keeps_the_last_good_record_and_adds_its_error(two):
    two.change_world(keeps="1\n")
    two.repository("acme/keeps", {"main.tf": two.root("keeps", "keeps")})
    assert two.ask("/api/drift/detect", drift("acme/keeps", paths=[{"directory": "."}]))["summary"]["projects_with_drift"] == 1
    two.repository("acme/keeps", {"bad.tf": BROKEN})
    data = two.ask("/api/drift/detect", drift("acme/keeps", paths=[{"directory": "."}]))
    assert data["summary"] == {"total_projects": 1, "projects_with_drift": 0, "projects_without_drift": 0, "projects_with_errors": 1}
    status = two.get("/api/drift/status?repository=acme/keeps").json["data"]
    assert status["summary"] == data["summary"]
    assert status["projects"][0]["drift"]["to_add"] == 1 and status["projects"][0]["error"] == data["projects"][0]["error"]


def test_a_check_of_a_project_is_a_batch_over_its_workspaces(two):
    two.change_world(fleet="1\n")
    two.repository("acme/fleet", {"a/main.tf": two.root("fleet-a", "fleet"), "b/main.tf": BROKEN})
    two.register("acme/fleet", "fleet", "a", directory="a", variables=None, backendConfig=None)
    two.register("acme/fleet", "fleet", "b", directory="b", variables=None, backendConfig=None)
    before = two.get("/api/v1/projects/fleet/drift").json
    assert before["summary"] == {"total": 2, "drifted": 0, "clean": 0, "errors": 0, "neverRun": 2, "running": 0}
    answer = two.post("/api/v1/projects/fleet/check")
    assert answer.status == 202 and answer.headers["Location"] == f"/api/v1/runs/{answer.json['runId']}", answer
    batch = batch_ended(two, answer.json["runId"])
    assert (batch["kind"], batch["status"], batch["projectId"]) == ("check", "partial", "fleet")
    assert [two.run(run_id)["workspaceId"] for run_id in batch["runs"]] == ["a", "b"]
    assert [(row["workspaceId"], row["status"]) for row in batch["result"]["workspaces"]] == [("a", "drift_detected"), ("b", "error")]
    after = two.get("/api/v1/projects/fleet/drift").json
    assert after["summary"] == {"total": 2, "drifted": 1, "clean": 0, "errors": 1, "neverRun": 0, "running": 0}
    assert [row["lastRunId"] for row in after["workspaces"]] == batch["runs"]
    assert two.post("/api/v1/projects/nobody/check").status == 404


def test_detecting_without_names_means_every_project(two):
    two.change_world(every="1\n")
    two.repository("acme/every", {
        "atlantis.yaml": projects_yaml("name: a, dir: a", "name: only, dir: b, branch: /release/"),
        "a/main.tf": two.root("every-a", "every"), "b/main.tf": two.root("every-b", "every")})
    assert [entry["directory"] for entry in two.ask("/api/drift/detect", drift("acme/every"))["projects"]] == ["a"]
    two.repository("acme/every", {"atlantis.yaml": None, "module/main.tf": 'variable "x" {}\n'})
    data = two.ask("/api/drift/detect", drift("acme/every"))
    assert [entry["directory"] for entry in data["projects"]] == ["a", "b"]
    assert {entry["project_name"] for entry in data["projects"]} == {""}


# ---- remediation ----
def test_a_remediation_is_seen_while_it_runs(two, gated):
    name, _ = gated
    two.change_world(easy="1\n")
    two.repository(f"acme/{name}", {"main.tf": two.root(name, "easy")})
    two.ask("/api/drift/detect", drift(f"acme/{name}", paths=[{"directory": "."}]))
    two.repository(f"acme/{name}", {"main.tf": two.root(name, "easy", name)})
    batch_id = at_once(two, "/api/drift/remediate", drift(f"acme/{name}", action="apply"))
    reader = two.waits_at_gate(name)
    running = two.get(f"/api/drift/remediate/{batch_id}").json["data"]
    assert running["status"] == "running" and running["completed_at"] is None
    listed = two.get(f"/api/drift/remediate?repository=acme/{name}").json["data"]
    assert listed["count"] == 1 and listed["results"][0]["status"] == "running"
    two.open_gate(name, reader)
    batch_ended(two, batch_id)
    done = two.get(f"/api/drift/remediate/{batch_id}").json["data"]
    assert done["status"] == "success" and done["projects"][0]["drift_after"]["total_changes"] == 0
    # Nothing has drifted any more: a success without projects.
    nothing = two.ask("/api/drift/remediate", drift(f"acme/{name}", drift_only=True))
    assert (nothing["status"], nothing["projects"]) == ("success", [])
    assert nothing["summary"] == {"total_projects": 0, "success_count": 0, "failure_count": 0}


# ---- input that is refused before anything is done ----
LONG = "x" * 300


@pytest.mark.parametrize("path", ["/api/plan", "/api/apply"])
@pytest.mark.parametrize("change,field", [
    ({"Repository": "repo-name"}, "repository"), ({"Repository": "owner/../repo"}, "repository"), ({"Repository": "owner//repo"}, "repository"),
    ({"Repository": "/owner/repo"}, "repository"), ({"Repository": "owner/re po"}, "repository"), ({"Repository": ["owner/repo"]}, "repository"),
    ({"Repository": "https://elsewhere/owner/repo"}, "repository"), ({"Repository": ""}, "repository"),
    ({"Ref": "-x"}, "ref"), ({"Ref": "+x"}, "ref"), ({"Ref": "a:b"}, "ref"), ({"Ref": "a..b"}, "ref"), ({"Ref": "a b"}, "ref"),
    ({"Ref": "pull/1/head"}, "ref"), ({"Ref": "refs/pull/1/merge"}, "ref"), ({"Ref": "refs/notes/x"}, "ref"), ({"Ref": LONG}, "ref"),
    ({"Ref": 1}, "ref"), ({"Ref": ""}, "ref"),
    ({"Type": "Svn"}, "type"), ({"Type": True}, "type"),
    ({"PR": "2"}, "pr"), ({"PR": -1}, "pr"), ({"PR": 1.5}, "pr"), ({"PR": []}, "pr"),
    ({"Projects": "vpc"}, "projects"), ({"Projects": [1]}, "projects"), ({"Projects": [""]}, "projects"), ({"Projects": ["a", "a"]}, "projects"),
    ({"Projects": [LONG]}, "projects"), ({"Projects": [str(n) for n in range(501)]}, "projects"),
    ({"repository": "owner/other"}, None),
    ({"Paths": {}, "Projects": ["a"]}, "paths"), ({"Paths": ["."]}, "paths"), ({"Paths": [{}]}, "paths"), ({"Paths": [{"Directory": 1}]}, "paths"),
    ({"Paths": [{"Directory": "../x"}]}, "paths"), ({"Paths": [{"Directory": "/etc"}]}, "paths"), ({"Paths": [{"Directory": "a/../../b"}]}, "paths"),
    ({"Paths": [{"Workspace": "../x"}]}, "paths"), ({"Paths": [{"Workspace": ".."}]}, "paths"), ({"Paths": [{"Workspace": "-x"}]}, "paths"),
    ({"Paths": [{"Workspace": "a b"}]}, "paths"), ({"Paths": [{"Workspace": "x" * 91}]}, "paths"),
    ({"Paths": [{"Directory": "a"}, {"Directory": "./a/"}]}, "paths"),
    ({"Paths": [{"Directory": "."}, {"Workspace": "default"}]}, "paths"),
    ({"Paths": [], "Projects": []}, "projects"), ({"Paths": None}, "projects"),
])
def test_a_body_that_is_refused_names_the_field(two, path, change, field):
    error = two.ask(path, {**order("owner/repo", paths=["."]), **change}, 400)
    assert error["code"] == "VALIDATION_ERROR"
    fields = {re.split(r"[.\[]", detail["field"].lower())[0] for detail in error.get("details", [])}
    assert fields == ({field} if field else set()), error  # None: a key that comes twice, in two spellings


def test_a_request_that_names_too_much_is_refused(two):
    error = two.ask("/api/plan", order("owner/repo", paths=[f"{'d' * 200}{number}" for number in range(400)]), 413)
    assert error["code"] == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize("path,change,field", [
    ("/api/drift/detect", {"repository": "repo-name"}, "repository"), ("/api/drift/detect", {"ref": "-x"}, "ref"),
    ("/api/drift/detect", {"paths": [{"directory": "../x"}]}, "paths"), ("/api/drift/detect", {"projects": {}}, "projects"),
    ("/api/drift/remediate", {"repository": "repo-name"}, "repository"), ("/api/drift/remediate", {"ref": "a:b"}, "ref"),
    ("/api/drift/remediate", {"action": "destroy"}, "action"), ("/api/drift/remediate", {"action": 1}, "action"),
    ("/api/drift/remediate", {"workspaces": ["../x"]}, "workspaces"), ("/api/drift/remediate", {"drift_only": "yes"}, "drift_only"),
])
def test_a_drift_body_that_is_refused_names_the_field(two, path, change, field):
    error = two.ask(path, {**drift("owner/repo"), **change}, 400)
    assert {re.split(r"[.\[]", detail["field"])[0] for detail in error["details"]} == {field}, error


def test_keys_have_no_letter_case_and_unknown_ones_are_passed_over(two):
    body = {"repository": "acme/names", "REF": "main", "tYpE": "GIT", "paths": [{"DIRECTORY": "nowhere"}], "Colour": "red", "pr": 0}
    assert two.ask("/api/plan", body)["projects"][0]["directory"] == "nowhere"


@pytest.mark.parametrize("query", ["", "?repository=", "?repository=repo-name", "?repository=a/../b"])
def test_queries_without_a_repository_are_refused(two, query):
    for path in ("/api/drift/status", "/api/drift/remediate"):
        answer = two.get(path + query)
        assert answer.status == 400 and answer.json["error"]["details"][0]["field"] == "repository", answer


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1", ""])
def test_a_limit_that_is_none_is_refused(two, limit):
    assert two.get(f"/api/drift/remediate?repository=a/b&limit={limit}").status == 400


def test_looking_at_a_repository_is_no_kind_of_run_that_one_asks_for(two):
    assert two.get("/api/v1/runs?kind=resolve").status == 400


# ---- last: everything is stopped and started again ----
def test_results_survive_a_restart_of_everything(two):
    two.change_world(stays="1\n")
    two.repository("acme/stays", {"main.tf": two.root("stays", "stays")})
    two.ask("/api/drift/detect", drift("acme/stays", paths=[{"directory": "."}]))
    batch_id = at_once(two, "/api/drift/remediate", drift("acme/stays", action="apply"))
    batch = batch_ended(two, batch_id)
    paths = (f"/api/v1/runs/{batch_id}", f"/api/v1/runs/{batch['runs'][0]}", f"/api/drift/remediate/{batch_id}",
             "/api/drift/remediate?repository=acme/stays", "/api/drift/status?repository=acme/stays")

    def answers():
        found = [two.get(path) for path in paths]
        assert {answer.status for answer in found} == {200}
        bodies = [answer.json if "/v1/" in path else answer.json["data"] for path, answer in zip(paths, found)]
        return [{key: value for key, value in body.items() if key != "checked_at"} for body in bodies]

    before = answers()
    for name in ("worker", "worker1", "scheduler", "api", "redis"):
        assert two.processes[name].stop() == 0
    two.start(workers=2)
    assert answers() == before
    assert two.ask("/api/plan", order("acme/stays", paths=["."]))["projects"][0]["plan"]["has_changes"] is False
