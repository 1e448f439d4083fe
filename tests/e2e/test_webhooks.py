"""Incoming webhooks: pushes, signed as GitHub and GitLab sign them, queue checks of what they touch."""
import base64
import hashlib
import hmac
import json
import socket
import time
import urllib.parse
import uuid

import pytest

from conftest import needs_terraform
from stack import ROOT, Stack, until

SECRET = "the-secret-of-the-webhooks"
SIGNING = "whsec_" + base64.b64encode(b"k" * 32).decode()
ZERO = "0" * 40
GITHUB, GITLAB = "/api/v1/webhooks/github", "/api/v1/webhooks/gitlab"
PLAIN = 'resource "terraform_data" "it" {}\n'
CALLS_MODULE = 'module "m" {\n  source = "../modules/%s"\n}\n'


def serve_git(stack):
    process = stack.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", stack.dir / "git")
    line = until(lambda: process.log.read_text().split("\n")[0] if "\n" in process.log.read_text() else None,
                 20, "the git server prints its port")
    return f"http://127.0.0.1:{line.split()[-1]}/plain"


@pytest.fixture(scope="module")
def github():
    """A started api, without workers, that knows secrets of both; git over HTTP."""
    with Stack(github_webhook_secret=SECRET, gitlab_webhook_secret=SECRET) as stack:
        stack.settings["github_url"] = stack.settings["gitlab_url"] = serve_git(stack)
        yield stack.start(workers=0, scheduler=False)


def project(kedge, name, repository=None, ref="main", kind="Github", **workspaces):
    """A project and its workspaces: directory, or the whole body."""
    body = {"repository": repository or f"acme/{name}", "type": kind, "ref": ref}
    assert kedge.put(f"/api/v1/projects/{name}", body).status in (200, 201)
    for workspace, fields in workspaces.items():
        fields = {"directory": fields} if isinstance(fields, str) else fields
        answer = kedge.put(f"/api/v1/projects/{name}/workspaces/{workspace}", fields)
        assert answer.status in (200, 201), answer


def commit_id():
    return hashlib.sha1(uuid.uuid4().bytes).hexdigest()


def github_push(repository, *modified, ref="refs/heads/main", after=None, **more):
    """A payload as GitHub's documentation shows it, as far as anybody reads it, and some that nobody does."""
    after = after or commit_id()
    commit = {"id": after, "tree_id": commit_id(), "distinct": True, "message": "a \u2603 \"change\"", "timestamp": "2026-11-22T00:00:00Z",
              "url": "https://github.com/x", "author": {"name": "A", "email": "a@example.com"}, "added": [], "removed": [], "modified": list(modified)}
    return {"ref": ref, "before": commit_id(), "after": after, "repository": {
                "id": 186853002, "name": repository.split("/")[1], "full_name": repository, "private": False,
                "owner": {"name": "acme", "login": "acme", "id": 21031067}, "default_branch": "main", "master_branch": "main"},
            "pusher": {"name": "a", "email": "a@example.com"}, "sender": {"login": "a", "id": 1}, "created": False, "deleted": False,
            "forced": False, "base_ref": None, "compare": "https://github.com/x", "commits": [commit], "head_commit": commit, **more}


def gitlab_push(repository, *modified, ref="refs/heads/main", after=None, **more):
    after = after or commit_id()
    return {"object_kind": "push", "event_name": "push", "before": commit_id(), "after": after, "ref": ref, "ref_protected": True,
            "checkout_sha": after, "user_id": 4, "user_name": "John Smith", "project_id": 15, "project": {
                "id": 15, "name": "Diaspora", "web_url": "https://example.com/x", "namespace": "Mike", "visibility_level": 0,
                "path_with_namespace": repository, "default_branch": "main"},
            "repository": {"name": "Diaspora", "url": "git@example.com:x.git"},
            "commits": [{"id": after, "message": "Update", "title": "Update", "timestamp": "2011-12-12T14:27:31+02:00", "url": "https://example.com/c",
                         "author": {"name": "J", "email": "j@example.com"}, "added": [], "modified": list(modified), "removed": []}],
            "total_commits_count": 1, **more}


def hub_signature(body, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def from_github(kedge, payload, event="push", delivery=None, form=False, headers=None, **options):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    if form:
        body = b"payload=" + urllib.parse.quote_plus(body).encode()
    sent = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery or str(uuid.uuid4()), "X-Hub-Signature-256": hub_signature(body),
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd", **(headers or {})}
    sent = {name: value for name, value in sent.items() if value is not None}
    return kedge.request("POST", GITHUB, body, sent, token=None, **options)


def from_gitlab(kedge, payload, event="Push Hook", headers=None, **options):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent = {"X-Gitlab-Event": event, "Content-Type": "application/json", "X-Gitlab-Event-UUID": str(uuid.uuid4()), "X-Gitlab-Token": SECRET,
            "Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
    sent = {name: value for name, value in sent.items() if value is not None}
    return kedge.request("POST", GITLAB, body, sent, token=None, **options)


def signed(payload, secret=SIGNING, timestamp=None):
    body, name, when = json.dumps(payload).encode(), str(uuid.uuid4()), str(timestamp or int(time.time()))
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"{name}.{when}.".encode() + body, hashlib.sha256)
    return body, {"webhook-id": name, "webhook-timestamp": when, "Idempotency-Key": name,
                  "webhook-signature": "v1,AAAA v1," + base64.b64encode(mac.digest()).decode(), "X-Gitlab-Token": None}


def names(answer, which="queued"):
    assert answer.status == 202, answer
    return sorted((entry["projectId"], entry["workspaceId"]) for entry in answer.json[which])


def waiting(kedge):
    text = kedge.redis_cli("hget", "{kedge}:waiting", "").strip()
    return int(text or 0)


@pytest.fixture
def nothing_queued(github):
    """Nothing is queued by the test."""
    before = waiting(github)
    yield
    assert waiting(github) == before


# ---- which workspaces ----
def test_a_push_queues_the_workspaces_whose_directory_it_touches(github):
    project(github, "dirs", a="env/a", b="env/b", long="env/a-long")
    push = github_push("ACME/Dirs", "env/a/main.tf")
    # Before their first good check nobody knows what else they read.
    assert names(from_github(github, push)) == [("dirs", "a"), ("dirs", "b"), ("dirs", "long")]
    run = github.run(from_github(github, push).json["queued"][0]["runId"])
    assert (run["trigger"], run["ref"], run["kind"], run["status"]) == ("webhook", "main", "drift_check", "queued")
    for name in ("a", "b", "long"):
        knows(github, "dirs", name, {"a": "env/a", "b": "env/b", "long": "env/a-long"}[name])
    answer = from_github(github, github_push("acme/dirs", "env/a/main.tf", "README.md"))
    assert names(answer) == [("dirs", "a")] and names(answer, "skipped") == [("dirs", "b"), ("dirs", "long")]
    assert (answer.json["queuedCount"], answer.json["skippedCount"]) == (1, 2)
    assert names(from_github(github, github_push("acme/dirs", "README.md"))) == []


def knows(kedge, project_id, workspace_id, *reads):
    """As a worker tells it at the end of a good check."""
    parts = "".join(f"{len(part.encode())}:{part}" for part in (project_id, workspace_id))
    scope = hashlib.sha256(parts.encode()).hexdigest()[:32]
    kedge.redis_cli("hset", "{kedge}:last:" + scope, "reads", "\n".join(reads))


def test_local_modules_and_var_files_count_too(github):
    project(github, "mods", a="env/a", b="env/b")
    knows(github, "mods", "a", "env/a", "modules/net", "env/common.tfvars")
    knows(github, "mods", "b", "env/b")
    for path in ("modules/net/main.tf", "env/common.tfvars"):
        assert names(from_github(github, github_push("acme/mods", path))) == [("mods", "a")]
    for path in ("modules/network/main.tf", "modules", "env/common.tfvars.bak"):
        assert names(from_github(github, github_push("acme/mods", path))) == []


def test_what_was_read_elsewhere_says_nothing(github):
    project(github, "moved", a="new")
    knows(github, "moved", "a", "old", "modules/net")
    assert names(from_github(github, github_push("acme/moved", "README.md"))) == [("moved", "a")]


def test_removed_and_added_files_count(github):
    project(github, "files", a="env/a")
    knows(github, "files", "a", "env/a")
    for kind in ("added", "removed"):
        push = github_push("acme/files")
        push["commits"][0][kind] = ["env/a/x.tf"]
        assert names(from_github(github, push)) == [("files", "a")]


@pytest.mark.parametrize("change", [
    {"created": True, "before": ZERO}, {"forced": True}, {"before": ZERO}, {"commits": []}, {"commits": [{"id": "1"}]},
    {"ref": "refs/tags/main"}], ids=str)
def test_a_push_that_does_not_list_everything_touches_everything(github, change):
    project(github, "all", a="env/a")
    knows(github, "all", "a", "env/a")
    assert names(from_github(github, github_push("acme/all", "README.md", **change))) == [("all", "a")]


def test_gitlab_lists_twenty_commits_and_says_how_many_there_are(github):
    project(github, "lab", "group/sub/lab", kind="Gitlab", a="env/a")
    knows(github, "lab", "a", "env/a")
    assert names(from_gitlab(github, gitlab_push("group/sub/lab", "README.md"))) == []
    assert names(from_gitlab(github, gitlab_push("group/sub/lab", "README.md", total_commits_count=2))) == [("lab", "a")]


def test_only_who_tracks_the_ref_is_checked(github):
    project(github, "refs", a=".", b={"directory": ".", "workspace": "b", "ref": "refs/heads/release"},
            c={"directory": ".", "workspace": "c", "ref": "v1"}, d={"directory": ".", "workspace": "d", "ref": "HEAD"})
    push = lambda ref: names(from_github(github, github_push("acme/refs", "main.tf", ref=ref)))
    assert push("refs/heads/main") == [("refs", "a"), ("refs", "d")]
    assert push("refs/heads/release") == [("refs", "b")]
    assert push("refs/heads/Main") == []
    assert push("refs/tags/v1") == [("refs", "c")]
    assert push("refs/tags/release") == []


def test_an_annotated_tag_is_checked_at_its_commit(github):
    project(github, "tags", ref="v2", a=".")
    tagged = commit_id()
    push = github_push("acme/tags", ref="refs/tags/v2", head_commit={"id": tagged.upper()})
    run_id, = [entry["runId"] for entry in from_github(github, push).json["queued"]]
    assert tagged in github.redis_cli("get", "{kedge}:spec:" + run_id)


def test_every_project_of_the_repository_is_found_and_no_other(github):
    for name in ("one", "two"):
        project(github, name, "acme/mono", w=name)
    project(github, "lab-mono", "acme/mono", kind="Gitlab", w="one")
    project(github, "gone", "acme/mono", w="one")
    project(github, "gone", "acme/elsewhere")
    assert names(from_github(github, github_push("acme/mono", "one/x"))) == [("one", "w"), ("two", "w")]
    assert names(from_gitlab(github, gitlab_push("acme/mono", "one/x"))) == [("lab-mono", "w")]
    assert names(from_github(github, github_push("acme/elsewhere", "one/x"))) == [("gone", "w")]


def test_more_workspaces_than_one_round(github):
    project(github, "many", **{f"w{i:03}": f"d/{i}" for i in range(120)})
    answer = from_github(github, github_push("acme/many", "x", forced=True))
    assert answer.json["queuedCount"] == len(answer.json["queued"]) == 120


# ---- once ----
def test_a_commit_is_checked_once_per_workspace_whoever_tells_of_it(github):
    project(github, "once", a=".")
    push = github_push("acme/once", "main.tf")
    first, again = from_github(github, push), from_github(github, push)
    assert first.json["queued"][0]["runId"] == again.json["queued"][0]["runId"]
    assert "coalesced" not in first.json["queued"][0] and again.json["queued"][0]["coalesced"] is True
    other = from_github(github, github_push("acme/once", "main.tf"))
    assert other.json["queued"][0]["runId"] != first.json["queued"][0]["runId"]


def test_a_delivery_is_taken_once(github):
    project(github, "replay", a=".")
    push, delivery = github_push("acme/replay", "main.tf"), str(uuid.uuid4())
    assert from_github(github, push, delivery=delivery).status == 202
    before = waiting(github)
    again = from_github(github, github_push("acme/replay", "main.tf"), delivery=delivery)
    assert again.status == 409 and again.json["error"]["code"] == "CONFLICT"
    assert "has been dealt with" in again.json["error"]["message"] and waiting(github) == before
    keys = [key for key in github.redis_cli("keys", "{kedge}:delivered:*").split()]
    assert all(86_400 * 1000 * 3 < int(github.redis_cli("pttl", key)) <= 86_400 * 1000 * 4 for key in keys) and keys


def test_a_delivery_of_gitlab_is_told_by_its_key_then_by_event_and_body(github):
    project(github, "lab-replay", "acme/lab-replay", kind="Gitlab", a=".")
    push = gitlab_push("acme/lab-replay", "main.tf")
    key, event = {"Idempotency-Key": str(uuid.uuid4())}, {"Idempotency-Key": None, "X-Gitlab-Event-UUID": str(uuid.uuid4())}
    assert [from_gitlab(github, push, headers=key).status for _ in range(2)] == [202, 409]
    assert [from_gitlab(github, push, headers=event).status for _ in range(2)] == [202, 409]
    # A push that another event brought about has that one's id.
    assert from_gitlab(github, gitlab_push("acme/lab-replay", "main.tf"), headers=event).status == 202


# ---- what queues nothing ----
def test_a_ping(github, nothing_queued):
    answer = from_github(github, {"zen": "Keep it logically awesome.", "hook_id": 1}, event="ping")
    assert (answer.status, answer.json) == (200, {"pong": True})


def test_other_events_and_repositories_are_ignored(github, nothing_queued):
    for answer in (from_github(github, {}, event="issues"), from_gitlab(github, {}, event="Note Hook"),
                   from_github(github, github_push("acme/unknown", "x"))):
        assert answer.status == 202 and answer.json["queued"] == [] and answer.json["ignored"]


def test_a_deleted_branch_is_ignored(github, nothing_queued):
    project(github, "deleted", a=".")
    deletion = github_push("acme/deleted", after=ZERO, deleted=True, commits=[], head_commit=None)
    assert from_github(github, deletion).json == {"queued": [], "ignored": "the branch or tag was deleted"}
    answer = from_gitlab(github, gitlab_push("acme/deleted", after=ZERO, checkout_sha=None))
    assert answer.json == {"queued": [], "ignored": "the branch or tag was deleted"}


@pytest.mark.parametrize("payload", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"ref": "\xc3\x28"}', b'{"ref": "\\u0000"}', b'{"ref":1,"ref":2}', b"{}",
    b'{"a":' * 33 + b"1" + b"}" * 33,
    {"ref": "refs/heads/a\nb"}, {"ref": "refs/heads/a b"}, {"ref": "refs/heads/../x"}, {"ref": "refs/heads/\u202ex"},
    {"ref": "refs/heads/" + "x" * 300}, {"ref": "refs/heads/" + "x" * 3000}, {"ref": "refs/pull/1/head"}, {"ref": "main"}, {"ref": None}, {"ref": ["x"]},
    {"after": "HEAD"}, {"after": "a" * 39}, {"after": None}, {"after": "--upload-pack=x"}, {"repository": None}, {"repository": {}},
    {"repository": {"full_name": "../../etc"}}, {"repository": {"full_name": "acme/bad\nname"}}, {"repository": {"full_name": "x" * 5000}},
], ids=lambda payload: repr(payload)[:40])
def test_a_malformed_push_is_refused(github, nothing_queued, payload):
    project(github, "bad", a=".")
    if isinstance(payload, dict):
        payload = json.dumps(github_push("acme/bad", "main.tf") | payload).encode()
    delivery = str(uuid.uuid4())
    answer = from_github(github, payload, delivery=delivery)
    assert answer.status == 400 and answer.json["error"]["code"] == "VALIDATION_ERROR"
    # It was not dealt with, so it is not remembered.
    assert from_github(github, payload, delivery=delivery).status == 400
    log = github.processes["api"].log.read_text(errors="replace")
    assert "upload-pack" not in log and "etc" not in log


@pytest.mark.parametrize("headers, status", [
    ({"X-Hub-Signature-256": None}, 401), ({"X-Hub-Signature-256": ""}, 401), ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, 401),
    ({"X-Hub-Signature-256": hub_signature(b"another body")}, 401), ({"X-Hub-Signature-256": "sha1=" + "0" * 40}, 401),
    ({"X-GitHub-Delivery": None}, 400), ({"X-GitHub-Delivery": "a b"}, 400), ({"X-GitHub-Delivery": "x" * 65}, 400),
    ({"X-GitHub-Event": None}, 400), ({"Content-Type": "text/plain"}, 415)], ids=str)
def test_github_headers(github, nothing_queued, headers, status):
    project(github, "heads", a=".")
    answer = from_github(github, github_push("acme/heads", "main.tf"), headers=headers)
    assert answer.status == status and SECRET not in answer.text


def test_a_signature_is_of_the_body_as_it_came(github, nothing_queued):
    project(github, "heads", a=".")
    body = json.dumps(github_push("acme/heads", "main.tf")).encode()
    assert from_github(github, body + b" ", headers={"X-Hub-Signature-256": hub_signature(body)}).status == 401


@pytest.mark.parametrize("headers, status", [
    ({"X-Gitlab-Token": None}, 401), ({"X-Gitlab-Token": "wrong"}, 401), ({"X-Gitlab-Token": SECRET + "x"}, 401), ({"Idempotency-Key": "a b"}, 400),
    ({"webhook-signature": "v1,AAAA"}, 401), ({"webhook-signature": "v1,AAAA", "webhook-id": "x", "webhook-timestamp": "1"}, 401),
    ({"X-Gitlab-Event": None}, 400)], ids=str)
def test_gitlab_headers(github, nothing_queued, headers, status):
    project(github, "lab-heads", "acme/lab-heads", kind="Gitlab", a=".")
    answer = from_gitlab(github, gitlab_push("acme/lab-heads", "main.tf"), headers=headers)
    assert answer.status == status and SECRET not in answer.text


def test_githubs_default_is_a_form(github):
    project(github, "form", a=".")
    assert names(from_github(github, github_push("acme/form", "a b+c%.tf"), form=True)) == [("form", "a")]
    body = b"other=1"
    answer = from_github(github, body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 400 and "payload" in answer.json["error"]["message"]


# ---- size ----
def test_a_body_may_have_25_mib(github):
    project(github, "large", a="env/a")
    knows(github, "large", "a", "env/a")
    push = github_push("acme/large", "env/a/main.tf")
    text = json.dumps(push)[:-1].encode() + b', "padding": "'
    body = text + b"x" * (25 * 1024 * 1024 - len(text) - 2) + b'"}'
    assert names(from_github(github, body)) == [("large", "a")]
    connection, answer = head_only(github, 25 * 1024 * 1024 + 1)
    connection.close()
    assert answer.split()[1] == b"413"
    # Others have what they had before.
    answer = github.request("POST", "/api/v1/drift", b" " * (1024 * 1024 + 1), {"Content-Type": "application/json"})
    assert answer.status == 413


def head_only(kedge, length):
    """A request whose body does not come yet."""
    connection = socket.create_connection(("127.0.0.1", kedge.port), timeout=20)
    connection.sendall((f"POST {GITHUB} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={'0' * 64}\r\n"
                        f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n").encode())
    answer = connection.recv(4096)
    return connection, answer


def test_large_bodies_have_100_mib_together(github):
    held = [head_only(github, 25 * 1024 * 1024) for _ in range(5)]
    assert [answer.split()[1] for _, answer in held] == [b"100"] * 4 + [b"503"]
    assert b"Retry-After" in held[4][1]
    for connection, _ in held:
        connection.close()
    def again():
        connection, answer = head_only(github, 25 * 1024 * 1024)
        connection.close()
        return answer.split()[1] == b"100"
    until(again, 20, "there is room again")


def test_a_stranger_is_refused_before_a_large_body(github):
    connection = socket.create_connection(("127.0.0.1", github.port), timeout=20)
    connection.sendall(f"POST {GITHUB} HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n".encode())
    assert connection.recv(4096).split()[1] == b"401"
    connection.close()


# ---- settings ----
def test_without_a_secret_there_are_no_webhooks(bare):
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200)
    for answer in (from_github(bare, github_push("acme/x", "x")), from_gitlab(bare, gitlab_push("acme/x", "x"))):
        assert answer.status == 503 and "WEBHOOK_SECRET is not set" in answer.json["error"]["message"]


def test_they_need_no_api_secret(bare):
    bare.start_redis()
    bare.start_api(github_webhook_secret=SECRET, gitlab_webhook_secret=SIGNING)
    until(lambda: bare.get("/readyz").status == 200)
    project(bare, "p", "acme/p", a=".")
    project(bare, "lab", "acme/lab", kind="Gitlab", a=".")
    bare.start_api(api_secret=None, github_webhook_secret=SECRET, gitlab_webhook_secret=SIGNING)
    until(lambda: bare.get("/readyz").status == 200)
    assert bare.get("/api/v1/projects").status == 503
    assert names(from_github(bare, github_push("acme/p", "x"))) == [("p", "a")]
    body, headers = signed(gitlab_push("acme/lab", "x"))
    assert names(from_gitlab(bare, body, headers=headers)) == [("lab", "a")]
    assert from_gitlab(bare, body, headers=headers).status == 409
    assert from_gitlab(bare, body + b" ", headers=headers).status == 401
    late, headers = signed(gitlab_push("acme/lab", "x"), timestamp=int(time.time()) - 400)
    assert from_gitlab(bare, late, headers=headers).status == 401
    # A signing token is not sent in the clear by whoever has it.
    assert from_gitlab(bare, gitlab_push("acme/lab", "x"), headers={"X-Gitlab-Token": SIGNING}).status == 401
    assert SECRET not in bare.processes["api"].log.read_text()


def test_what_is_not_allowed_any_more_is_named_and_not_queued(bare):
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200)
    project(bare, "p", "acme/p", a=".")
    bare.start_api(github_webhook_secret=SECRET, repo_allowlist="github.com/other/*")
    until(lambda: bare.get("/readyz").status == 200)
    answer = from_github(bare, github_push("acme/p", "x"))
    assert names(answer) == [] and "KEDGE_REPO_ALLOWLIST" in answer.json["skipped"][0]["reason"]


def test_a_full_queue_is_a_429_and_can_be_delivered_again(bare):
    bare.start_redis()
    bare.start_api(github_webhook_secret=SECRET, max_queued=20)
    until(lambda: bare.get("/readyz").status == 200)
    project(bare, "p", "acme/p", a="a", b="b", c="c")
    push, delivery = github_push("acme/p", "x"), str(uuid.uuid4())
    assert [from_github(bare, push, delivery=delivery).status for _ in range(2)] == [429, 429]
    assert waiting(bare) == 2
    bare.start_api(github_webhook_secret=SECRET)
    until(lambda: bare.get("/readyz").status == 200)
    answer = from_github(bare, push, delivery=delivery)
    assert answer.json["queuedCount"] == 3 and waiting(bare) == 3


def test_a_delivery_that_met_no_redis_can_come_again(bare):
    redis = bare.start_redis()
    bare.start_api(github_webhook_secret=SECRET)
    until(lambda: bare.get("/readyz").status == 200)
    project(bare, "p", "acme/p", a="a")
    push, delivery = github_push("acme/p", "x"), str(uuid.uuid4())
    redis.kill()
    answer = from_github(bare, push, delivery=delivery)
    assert answer.status == 503 and answer.headers["Retry-After"]
    bare.start_redis()
    until(lambda: bare.get("/readyz").status == 200)
    assert names(from_github(bare, push, delivery=delivery)) == [("p", "a")]


# ---- all the way ----
@needs_terraform
def test_a_push_is_checked_at_its_commit_and_its_modules_are_known_then():
    with Stack(github_webhook_secret=SECRET) as kedge:
        kedge.settings["github_url"] = serve_git(kedge)
        kedge.start()
        first = kedge.repository("acme/net", {
            "env/a/main.tf": CALLS_MODULE.replace("../", "../../") % "one" + PLAIN, "env/b/main.tf": PLAIN, "env/b/b.tfvars": "",
            "modules/one/main.tf": 'module "two" {\n  source = "../two"\n}\n', "modules/two/main.tf": PLAIN, "modules/three/main.tf": PLAIN})
        project(kedge, "net", a="env/a", b="env/b")
        answer = from_github(kedge, github_push("acme/net", "env/a/main.tf", after=first))
        runs = [kedge.ended(entry["runId"]) for entry in answer.json["queued"]]
        assert [(run["status"], run["commit"], run["trigger"]) for run in runs] == [("drift_detected", first, "webhook")] * 2
        tell = lambda *paths, **more: names(from_github(kedge, github_push("acme/net", *paths, **more)))
        assert tell("modules/three/main.tf", "README.md") == []
        # A module that a module uses, pushed over: the older commit is what is checked.
        older = kedge.repository("acme/net", {"modules/two/main.tf": 'resource "terraform_data" "older" {}\n'})
        kedge.repository("acme/net", {"modules/two/main.tf": 'resource "terraform_data" "newer" {}\n'})
        answer = from_github(kedge, github_push("acme/net", "modules/two/main.tf", after=older))
        assert names(answer) == [("net", "a")]
        run = kedge.ended(answer.json["queued"][0]["runId"])
        assert run["commit"] == older and "module.m.module.two.terraform_data.older" in run["output"]
        # A commit that nothing leads to any more.
        answer = from_github(kedge, github_push("acme/net", "env/b/main.tf"))
        assert kedge.ended(answer.json["queued"][0]["runId"])["error"]["code"] == "REF_NOT_FOUND"
