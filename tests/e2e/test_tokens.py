"""Named tokens: each scope against each route, tokens that are limited to projects, and SIGHUP."""
import concurrent.futures
import hashlib
import json
import signal
import subprocess
import uuid

import pytest

import openapi_check
from stack import BUILD, TOKEN, Stack, until

SCOPES = ("read", "check", "apply", "admin")
# What each operation needs that a token must be given for; the rest of them only read.
NEEDS = {
    "check": {"queueCheck", "checkProject", "ignoreResource", "removeIgnoreRule", "cancelDriftRun", "cancelRun", "plan", "detectDrift", "suggest"},
    "apply": {"apply", "remediate", "resolveRun", "reconcile"},
    "admin": {"putProject", "deleteProject", "putWorkspace", "deleteWorkspace", "createSchedule", "updateSchedule", "deleteSchedule",
              "createHook", "updateHook", "deleteHook", "testHook", "replayDelivery", "putPause", "putFreeze", "listAudit"},
}
NOWHERE = "0194890e-2f00-7000-8000-000000000001"


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def entry(name, scope, projects=None, token=None):
    return {"name": name, "sha256": digest(token or f"token-of-{name}"), "scopes": [scope], **({"projects": projects} if projects else {})}


def write(stack, *entries, text=None):
    path = stack.dir / "tokens.json"
    path.write_text(text if text is not None else json.dumps({"tokens": entries}))
    return path


TEAM = [entry(scope, scope) for scope in ("check", "apply", "admin")] + [
    entry("reader", "read"), entry("mine", "admin", ["net-*", "exact"]), entry("watch", "check", ["net-*"])]


@pytest.fixture(scope="module")
def api():
    """Redis and the api alone: what is queued stays queued."""
    with Stack() as stack:
        stack.start_redis()
        stack.start_api(tokens_file=write(stack, *TEAM), hook_allow_private="true", ai_url="http://127.0.0.1:9/v1", ai_model="none")
        until(lambda: stack.get("/readyz").status == 200)
        for project in ("net-a", "other"):
            assert stack.put(f"/api/v1/projects/{project}", {"repository": "acme/net", "type": "Git", "ref": "main"}).status == 201
            assert stack.put(f"/api/v1/projects/{project}/workspaces/w", {"directory": project}).status == 201
        yield stack


def as_(name):
    return {"token": f"token-of-{name}"}


def error_of(answer, status):
    assert answer.status == status, answer
    return answer.json["error"]["message"]


# ---- scopes ----
def operations():
    for path, method, operation in openapi_check.operations():
        if "security" not in operation and "pprof" not in path and "webhooks" not in path:
            yield method.upper(), path, operation["operationId"]


def needed(name):
    return next((scope for scope, names in NEEDS.items() if name in names), "read")


@pytest.mark.skipif(not openapi_check.available(), reason="the document cannot be read here")
def test_every_operation_that_writes_has_its_scope_in_the_table():
    named = set().union(*NEEDS.values())
    unnamed = [name for method, _, name in operations() if method != "GET" and name not in named]
    assert not unnamed


def concrete(path):
    for name, value in (("{projectId}", "nowhere"), ("{workspaceId}", "w")):
        path = path.replace(name, value)
    while "{" in path:
        path = path[:path.index("{")] + NOWHERE + path[path.index("}") + 1:]
    return path


@pytest.mark.skipif(not openapi_check.available(), reason="the document cannot be read here")
@pytest.mark.parametrize("scope,name", [("read", "reader"), ("check", "check"), ("apply", "apply"), ("admin", "admin")])
def test_a_scope_lets_in_to_what_it_includes_and_nowhere_else(api, scope, name):
    for method, path, operation in operations():
        needs = needed(operation)
        # A body that no route takes: who is let in is told so, and nothing happens.
        answer = api.request(method, concrete(path), ["no object"] if method in ("POST", "PUT") else None, **as_(name))
        if SCOPES.index(scope) >= SCOPES.index(needs):
            assert answer.status not in (401, 403), (operation, answer)
        else:
            assert error_of(answer, 403) == f"this needs a token of scope {needs}", operation


def test_a_cancel_of_what_applies_needs_scope_apply(api):
    body = {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "net-a"}]}
    for kind, status in (("plan", 200), ("apply", 403)):
        answer = api.post(f"/api/{kind}", body, headers={"Prefer": "respond-async"})
        assert answer.status == 202, answer
        batch = answer.json["data"]["runId"]
        assert api.post(f"/api/v1/runs/{batch}/cancel", {}, **as_("check")).status == status
        if status == 403:
            assert api.get(f"/api/v1/runs/{batch}").json["status"] == "queued"
            assert api.post(f"/api/v1/runs/{batch}/cancel", {}, **as_("apply")).status == 200
    assert api.post(f"/api/v1/runs/{NOWHERE}/cancel", {}, **as_("check")).status == 404


def test_who_asked_is_told_by_name(api):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"projectId": "net-a", "workspaceId": "w"}
    first = api.post("/api/v1/drift", body, headers=key, **as_("check"))
    assert api.post("/api/v1/drift", body, headers=key, **as_("check")).json == first.json
    # Another token's key of the same text is another key: nothing is mismatched.
    assert api.post("/api/v1/drift", {**body, "projectId": "other"}, headers=key, **as_("apply")).status == 202
    assert api.post("/api/v1/drift", {**body, "projectId": "other"}, headers=key, **as_("check")).status == 422


def test_a_token_nobody_has_is_401(api):
    for token in (digest("token-of-admin"), "token-of-nobody", "token-of-admi", "token-of-admin x"):
        assert api.get("/api/v1/projects", token=token).status == 401


# ---- limits to projects ----
@pytest.fixture(scope="module")
def objects(api):
    """A run, a batch, a schedule and a hook of the other project."""
    made = {}
    for project in ("net-a", "other"):
        schedule = api.post("/api/v1/drift/schedule", {
            "projectId": project, "workspaceId": "w", "enabled": True, "cron": "0 4 * * *", "scheduleType": "drift"})
        hook = api.post("/api/v1/hooks", {"url": "http://127.0.0.1:9/x", "kind": "slack", "projectId": project})
        batch = api.post(f"/api/v1/projects/{project}/check", {})
        assert (schedule.status, hook.status, batch.status) == (201, 201, 202), (schedule, hook, batch)
        made[project] = {"run": api.trigger(project, "w"), "batch": batch.json["runId"], "schedule": schedule.json["id"], "hook": hook.json["id"]}
    made["none"] = {"hook": api.post("/api/v1/hooks", {"url": "http://127.0.0.1:9/x", "kind": "slack"}).json["id"], "batch": api.post(
        "/api/plan", {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "x"}]},
        headers={"Prefer": "respond-async"}).json["data"]["runId"]}
    return made


CANCEL, EMPTY = {}, {}
FOUND = [
    ("GET", "/api/v1/drift/{run}", None), ("GET", "/api/v1/runs/{run}", None), ("GET", "/api/v1/runs/{run}/log", None),
    ("GET", "/api/v1/runs/{batch}", None), ("GET", "/api/v1/drift/{batch}", None),
    ("POST", "/api/v1/drift/{run}/ignore", {"resourceAddress": "a.b"}),
    ("POST", "/api/v1/drift/{run}/cancel", CANCEL), ("POST", "/api/v1/runs/{run}/cancel", CANCEL), ("POST", "/api/v1/runs/{batch}/cancel", CANCEL),
    ("POST", "/api/v1/runs/{run}/resolve", {"status": "error", "reason": "r"}),
    ("GET", "/api/v1/drift/schedule/{schedule}", None), ("PUT", "/api/v1/drift/schedule/{schedule}", {"enabled": False}),
    ("DELETE", "/api/v1/drift/schedule/{schedule}", None),
    ("GET", "/api/v1/hooks/{hook}", None), ("PUT", "/api/v1/hooks/{hook}", {"enabled": False}), ("DELETE", "/api/v1/hooks/{hook}", None),
    ("POST", "/api/v1/hooks/{hook}/test", EMPTY), ("GET", "/api/v1/hooks/{hook}/deliveries", None),
    ("POST", "/api/v1/hooks/{hook}/deliveries/" + NOWHERE + "/replay", EMPTY),
]


def fill(path, values):
    for key, value in values.items():
        path = path.replace("{" + key + "}", value)
    return path


@pytest.mark.parametrize("method,path,body", FOUND, ids=[f"{method} {path}" for method, path, _ in FOUND])
def test_what_is_somebody_elses_is_as_if_it_were_not_there(api, objects, method, path, body):
    kind = path[path.index("{") + 1:path.index("}")]
    for owner in ("other", "none"):
        if kind not in objects[owner]:
            continue
        theirs = fill(path, objects[owner])
        hidden = api.request(method, theirs, body, **as_("mine"))
        unknown = api.request(method, fill(path, {kind: NOWHERE}), body, **as_("mine"))
        assert error_of(hidden, 404).replace(objects[owner][kind], "X") == error_of(unknown, 404).replace(NOWHERE, "X")
        # It is there, and unchanged, for who may see it.
        if method == "GET":
            assert api.get(theirs).status == 200
    for name, values in objects["other"].items():
        where = {"run": "/api/v1/runs/", "batch": "/api/v1/runs/", "schedule": "/api/v1/drift/schedule/", "hook": "/api/v1/hooks/"}[name]
        answer = api.get(where + values)
        assert answer.status == 200 and answer.json.get("enabled", True) and answer.json.get("status", "queued") == "queued"


def test_a_model_is_not_asked_about_somebody_elses_run(api, objects):
    ask = lambda run_id, **token: api.post("/api/v1/drift/ai-suggest", {"runId": run_id}, **token)
    theirs = objects["other"]["run"]
    assert error_of(ask(theirs, **as_("mine")), 404).replace(theirs, "X") == error_of(ask(NOWHERE, **as_("mine")), 404).replace(NOWHERE, "X")
    assert ask(theirs).status == ask(objects["net-a"]["run"], **as_("mine")).status == 409  # nothing has drifted there


def test_a_poll_that_was_answered_before_is_hidden_too(api, objects):
    for _ in range(3):
        assert api.get("/api/v1/runs/" + objects["other"]["run"]).status == 200
        assert api.get("/api/v1/runs/" + objects["other"]["run"], **as_("mine")).status == 404


@pytest.mark.parametrize("method,path,body", [row for row in FOUND if row[0] == "GET" or "enabled" in (row[2] or {})],
                         ids=[f"{row[0]} {row[1]}" for row in FOUND if row[0] == "GET" or "enabled" in (row[2] or {})])
def test_what_is_ones_own_is_there(api, objects, method, path, body):
    answer = api.request(method, fill(path, objects["net-a"]), body and {"enabled": True}, **as_("mine"))
    assert answer.status == 200, answer


def test_what_names_another_project_is_403(api):
    theirs = {"projectId": "other", "workspaceId": "w"}
    for method, path, body in (
            ("POST", "/api/v1/drift", theirs), ("POST", "/api/v1/drift/reconcile", theirs),
            ("POST", "/api/v1/drift/schedule", {**theirs, "cron": "0 4 * * *", "scheduleType": "drift"}),
            ("POST", "/api/v1/hooks", {"url": "http://127.0.0.1:9/x", "kind": "slack", "projectId": "other"}),
            ("POST", "/api/v1/hooks", {"url": "http://127.0.0.1:9/x", "kind": "slack"}),
            ("GET", "/api/v1/drift?projectId=other&workspaceId=w", None), ("GET", "/api/v1/drift/history?projectId=other&workspaceId=w", None),
            ("GET", "/api/v1/drift/schedule?projectId=other&workspaceId=w", None),
            ("GET", "/api/v1/runs", None), ("GET", "/api/v1/runs?projectId=other", None), ("GET", "/api/v1/runs?projectId=", None),
            ("GET", "/api/v1/hooks", None), ("GET", "/api/v1/hooks?projectId=other", None),
            ("GET", "/api/v1/projects/other", None), ("PUT", "/api/v1/projects/other", {"repository": "acme/net", "type": "Git", "ref": "main"}),
            ("DELETE", "/api/v1/projects/other", None), ("GET", "/api/v1/projects/other/workspaces", None),
            ("GET", "/api/v1/projects/other/workspaces/w", None), ("PUT", "/api/v1/projects/other/workspaces/w", {"directory": "."}),
            ("DELETE", "/api/v1/projects/other/workspaces/w", None), ("POST", "/api/v1/projects/other/check", {}),
            ("GET", "/api/v1/projects/other/drift", None)):
        assert "project" in error_of(api.request(method, path, body, **as_("mine")), 403), (method, path)


def test_what_concerns_all_projects_is_not_for_a_limited_token(api):
    batch = {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "x"}]}
    for method, path, body in (
            ("GET", "/api/v1/workers", None), ("GET", "/api/v1/audit", None), ("PUT", "/api/v1/pause", {"paused": False}),
            ("POST", "/api/plan", batch), ("POST", "/api/apply", batch), ("POST", "/api/drift/detect", batch),
            ("POST", "/api/drift/remediate", {"repository": "acme/net", "ref": "main", "type": "Git"})):
        assert error_of(api.request(method, path, body, **as_("mine")), 403) == "this is not for a token that is limited to projects"
    assert api.get("/api/v1/pause", **as_("mine")).status == 200


def test_lists_leave_out_what_is_somebody_elses(api, objects):
    assert [project["id"] for project in api.get("/api/v1/projects", **as_("mine")).json] == ["net-a"]
    assert {hook["projectId"] for hook in api.get("/api/v1/hooks?projectId=net-a", **as_("mine")).json} == {"net-a"}
    runs = api.get("/api/v1/runs?projectId=net-a", **as_("mine")).json
    assert runs and {run["projectId"] for run in runs} == {"net-a"}
    assert len(api.get("/api/v1/hooks").json) > len(api.get("/api/v1/hooks?projectId=other").json) == 1


def test_a_list_of_nothing_is_a_list(bare):
    bare.start_redis()
    bare.start_api(tokens_file=write(bare, *TEAM))
    until(lambda: bare.get("/readyz").status == 200)
    assert bare.get("/api/v1/projects", **as_("mine")).json == []


def test_a_hook_is_not_moved_to_somebody_elses_project(api, objects):
    path = "/api/v1/hooks/" + objects["net-a"]["hook"]
    for body in ({"projectId": "other"}, {"projectId": ""}):
        answer = api.put(path, body, **as_("mine"))
        assert answer.status in (400, 403), answer
    assert api.get(path).json["projectId"] == "net-a"


def test_a_pattern_is_of_the_whole_id(api):
    for project, status in (("net-b", 201), ("exact", 201), ("exactly", 403), ("my-net-a", 403), ("NET-a", 403)):
        answer = api.put(f"/api/v1/projects/{project}", {"repository": "acme/net", "type": "Git", "ref": "main"}, **as_("mine"))
        assert answer.status == status, answer
        if status == 201:
            assert api.request("DELETE", f"/api/v1/projects/{project}", **as_("mine")).status == 200


def test_an_url_that_is_a_secret_is_for_scope_admin(api, objects):
    path = "/api/v1/hooks/" + objects["net-a"]["hook"]
    assert api.get(path, **as_("admin")).json["url"].endswith("/x")
    for name in ("reader", "check", "apply", "watch"):
        assert "/x" not in api.get(path, **as_(name)).json["url"]


# ---- the file ----
def events(stack, event):
    return stack.processes["api"].events(event)


def hang_up(stack, event):
    before = len(events(stack, event))
    stack.processes["api"].signal(signal.SIGHUP)
    until(lambda: len(events(stack, event)) > before, 20, event)


def test_tokens_come_and_go_with_sighup_and_a_broken_file_changes_nothing(bare):
    path = write(bare, entry("old", "read"))
    bare.start_redis()
    bare.start_api(tokens_file=path, auth_reads="true")
    until(lambda: bare.get("/readyz").status == 200)

    def let_in():
        return {name for name in ("old", "new") if bare.get("/api/v1/projects", **as_(name)).status == 200}

    assert let_in() == {"old"}
    write(bare, entry("old", "read"), entry("new", "read"))
    assert let_in() == {"old"}
    hang_up(bare, "tokens_loaded")
    assert let_in() == {"old", "new"}
    write(bare, text="{")
    hang_up(bare, "tokens_kept")
    assert let_in() == {"old", "new"} and "not valid JSON" in events(bare, "tokens_problem")[0]["reason"]
    path.unlink()
    hang_up(bare, "tokens_kept")
    assert let_in() == {"old", "new"}
    write(bare, entry("new", "read")).chmod(0o666)
    hang_up(bare, "tokens_loaded")
    assert let_in() == {"new"} and "everybody may write" in events(bare, "tokens_warning")[0]["reason"]
    assert bare.get("/api/v1/projects").status == 200
    assert bare.processes["api"].stop() == 0


def test_a_wrong_file_is_a_wrong_setting(bare):
    """All that is wrong is told at once, and no program starts; other programs do not read it."""
    path = write(bare, entry("a", "write"), {**entry("b", "read"), "name": "api", "colour": 1})
    program = bare.environment(tokens_file=path)
    for options in (["--check-config"], []):
        done = subprocess.run([BUILD / "kedge-api", *options], env=program, capture_output=True, text=True, timeout=60)
        assert done.returncode == 78
        for problem in ("tokens[0].scopes must be", "tokens[1].name: api is Kedge's own", "tokens[1]: there is no"):
            assert problem in done.stderr, done.stderr
    assert subprocess.run([BUILD / "kedge-worker", "--check-config"], env=program, capture_output=True, timeout=60).returncode == 0
    write(bare, entry("a", "read")).chmod(0o666)
    done = subprocess.run([BUILD / "kedge-api", "--check-config"], env=program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "everybody may write" in done.stderr


def test_without_a_file_sighup_does_nothing(bare):
    bare.start_redis()
    process = bare.start_api()
    process.signal(signal.SIGHUP)
    until(lambda: bare.get("/readyz").status == 200)
    assert process.running() and process.stop() == 0


def test_a_file_is_enough_for_an_api(bare):
    bare.start_redis()
    bare.start_api(api_secret=None, tokens_file=write(bare, entry("admin", "admin")))
    until(lambda: bare.get("/readyz").status == 200)
    assert bare.get("/api/v1/projects", **as_("admin")).status == 200
    assert bare.get("/api/v1/projects", token=TOKEN).status == 401


def test_nothing_of_a_token_is_told(api):
    text = api.redis_text() + b"".join(path.read_bytes() for path in (api.dir / "log").iterdir())
    for name in ("mine", "admin", "check"):
        assert f"token-of-{name}".encode() not in text and digest(f"token-of-{name}").encode() not in text


def test_a_request_keeps_its_token_while_the_file_changes(bare):
    """The name goes on into the run's lock though the token is gone by then."""
    bare.start_redis()
    bare.start_api(tokens_file=write(bare, entry("going", "check")))
    until(lambda: bare.get("/readyz").status == 200)
    bare.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    bare.put("/api/v1/projects/p/workspaces/w", {"directory": "."})
    run = bare.trigger(**as_("going"))
    etag = bare.get(f"/api/v1/runs/{run}").headers["ETag"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        poll = pool.submit(bare.get, f"/api/v1/runs/{run}?wait=30", headers={"If-None-Match": etag}, **as_("going"))
        until(lambda: "kedge_http_long_polls 1" in bare.get("/metrics").text, 20, "it waits")
        write(bare)
        hang_up(bare, "tokens_loaded")
        assert bare.post(f"/api/v1/runs/{run}/cancel").status == 200
        assert poll.result().json["status"] == "cancelled"
    assert bare.get("/api/v1/projects", **as_("going")).status == 401
    assert bare.redis_cli("hget", "{kedge}:run:" + run, "locked_by").strip() == "going"
