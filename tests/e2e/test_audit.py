"""The audit: who did what, as it is read, and that nothing of it is lost."""
import concurrent.futures
import contextlib
import datetime
import hashlib
import json
import re
import signal
import socket
import urllib.parse

import pytest

from stack import TOKEN, Stack, until
from test_webhooks import SECRET, hub_signature

CI = "token-of-ci"


def entry(name, scope, **more):
    return {"name": name, "sha256": hashlib.sha256(f"token-of-{name}".encode()).hexdigest(), "scopes": [scope], **more}


def start(stack, **settings):
    path = stack.dir / "tokens.json"
    path.write_text(json.dumps({"tokens": [entry("ci", "check"), entry("net", "admin", projects=["net"])]}))
    stack.start_redis()
    stack.start_api(tokens_file=path, **settings)
    until(lambda: stack.get("/readyz").status == 200)
    assert stack.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"}).status == 201
    assert stack.put("/api/v1/projects/p/workspaces/w", {"directory": "."}).status == 201
    return stack


@pytest.fixture(scope="module")
def api():
    """Redis and the api alone: what is queued stays queued."""
    with Stack() as stack:
        yield start(stack)


def read(stack, **query):
    answer = stack.get("/api/v1/audit?" + urllib.parse.urlencode({"limit": 500, **query}))
    assert answer.status == 200, answer
    return answer.json


def of(stack, answer):
    """The records of one request, newest first, without what each has."""
    found = [dict(record) for record in read(stack) if record["requestId"] == answer.headers["X-Request-Id"]]
    for record in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("time"))
        del record["requestId"]
        assert record.pop("address") == "127.0.0.1"
    return found


def check(stack, **options):
    return stack.post("/api/v1/drift", {"projectId": "p", "workspaceId": "w"}, **options)


# ---- what is recorded ----
def test_who_did_what_to_what_from_where(api):
    answer = check(api, token=CI, headers={"X-Forwarded-For": "203.0.113.7, 10.0.0.1"})
    assert of(api, answer) == [{
        "token": "ci", "forwardedFor": "203.0.113.7, 10.0.0.1", "action": "drift.check", "method": "POST", "path": "/api/v1/drift",
        "projectId": "p", "workspaceId": "w", "outcome": "accepted"}]
    answer = api.put("/api/v1/projects/p/workspaces/v", {"directory": "v", "variables": {"password": "hunter2"}})
    assert of(api, answer) == [{
        "token": "api", "action": "workspace.put", "method": "PUT", "path": "/api/v1/projects/p/workspaces/v",
        "projectId": "p", "workspaceId": "v", "outcome": "accepted"}]
    run = check(api).json["runId"]
    answer = api.post(f"/api/v1/runs/{run}/cancel", token=CI)
    assert of(api, answer) == [{
        "token": "ci", "action": "run.cancel", "method": "POST", "path": f"/api/v1/runs/{run}/cancel", "objectId": run, "outcome": "accepted"}]
    answer = api.post("/api/apply", {"Repository": "acme/net", "Ref": "main", "Type": "Git", "PR": 7, "Paths": [{"Directory": "x"}]},
                      headers={"Prefer": "respond-async"})
    assert of(api, answer) == [{
        "token": "api", "action": "apply", "method": "POST", "path": "/api/apply", "repository": "acme/net", "ref": "main",
        "pullRequest": 7, "outcome": "accepted"}]


def test_what_is_refused_has_a_second_record(api):
    run = check(api).json["runId"]
    assert api.post(f"/api/v1/runs/{run}/cancel").status == 200
    answer = api.post(f"/api/v1/runs/{run}/cancel")
    assert answer.status == 409
    accepted, refused = sorted(of(api, answer), key=lambda record: record["outcome"])
    assert (accepted.pop("outcome"), refused.pop("outcome"), refused.pop("status")) == ("accepted", "refused", 409)
    assert accepted == refused


def test_a_known_token_that_may_not_is_recorded_and_a_stranger_is_not(api):
    answer = api.put("/api/v1/pause", {"paused": True}, token=CI)
    assert answer.status == 403
    assert of(api, answer) == [{
        "token": "ci", "action": "pause.put", "method": "PUT", "path": "/api/v1/pause", "outcome": "refused", "status": 403}]
    answer = check(api, token="token-of-net")
    assert [(record["token"], record["status"], record["projectId"]) for record in of(api, answer)] == [("net", 403, "p")]
    for token in (None, "token-of-nobody"):
        answer = api.put("/api/v1/pause", {"paused": True}, token=token)
        assert answer.status == 401 and of(api, answer) == []


def test_what_does_nothing_is_not_recorded(api):
    for answer in (api.get("/api/v1/projects"), api.post("/api/v1/drift", {"projectId": "p"}), api.post("/api/v1/drift", b"{"),
                   api.get("/api/v1/audit"), api.request("PATCH", "/api/v1/drift")):
        assert of(api, answer) == []


def test_a_record_holds_no_secret_and_no_body(api):
    api.post("/api/v1/hooks", {"url": "https://203.0.113.9/the-secret-path", "kind": "generic", "secret": "hook-secret-0123456789"})
    text = json.dumps(read(api))
    for secret in (TOKEN, CI, "hunter2", "the-secret-path", "hook-secret"):
        assert secret not in text


def test_text_that_looks_like_a_record_is_none(api):
    forged = '","token":"root"}\n{"token":"root'
    answer = check(api, headers={"X-Forwarded-For": forged.replace("\n", " ")})
    long = check(api, headers={"X-Forwarded-For": "x" * 2000})
    assert read(api, token="root") == []
    assert of(api, answer)[0]["forwardedFor"] == forged.replace("\n", " ")
    assert of(api, long)[0]["forwardedFor"] == "x" * 512


def test_what_the_last_proxy_has_seen_is_recorded_whatever_a_client_put_before_it(api):
    padded = check(api, headers={"X-Forwarded-For": "9" * 600 + ", 198.51.100.7"})
    assert of(api, padded)[0]["forwardedFor"] == "9" * 498 + ", 198.51.100.7"
    body = b'{"projectId": "p", "workspaceId": "w"}'
    head = (f"POST /api/v1/drift HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\nX-Request-Id: two-lines\r\nConnection: close\r\n"
            "X-Forwarded-For: made-up\r\nx-forwarded-for: 198.51.100.7\r\n\r\n")
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as client:
        client.sendall(head.encode() + body)
        assert b" 202 " in client.makefile("rb").readline()
        client.recv(1 << 16)
    found = [record for record in read(api) if record["requestId"] == "two-lines"]
    assert [record["forwardedFor"] for record in found] == ["made-up, 198.51.100.7"]


def test_a_push_is_recorded_when_its_signature_is_good(bare):
    start(bare, github_webhook_secret=SECRET, github_url="http://127.0.0.1:9/git")
    bare.put("/api/v1/projects/g", {"repository": "acme/net", "type": "Github", "ref": "main"})
    bare.put("/api/v1/projects/g/workspaces/w", {"directory": "."})
    body = json.dumps({"ref": "refs/heads/main", "after": "a" * 40, "created": False, "deleted": False, "forced": True, "commits": [],
                       "repository": {"full_name": "acme/net", "default_branch": "main"}}).encode()
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "d1"}
    for signature, status in (("sha256=" + "0" * 64, 401), (hub_signature(body), 202)):
        answer = bare.request("POST", "/api/v1/webhooks/github", body, {**headers, "X-Hub-Signature-256": signature}, token=None)
        assert answer.status == status, answer
        if status == 401:
            assert of(bare, answer) == []
    assert answer.json["queued"], answer
    assert of(bare, answer) == [{
        "token": "github", "action": "webhook.push", "method": "POST", "path": "/api/v1/webhooks/github", "repository": "acme/net",
        "ref": "refs/heads/main", "outcome": "accepted"}]


# ---- how it is read ----
def test_it_is_for_admins_who_see_everything(api):
    for token, status in ((CI, 403), ("token-of-net", 403), (None, 401), (TOKEN, 200)):
        assert api.get("/api/v1/audit", token=token).status == status


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_have_every_record_once_newest_first(api, limit):
    # Many at once share entries of the stream.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ids = {answer.headers["X-Request-Id"] for answer in pool.map(lambda _: check(api, token=CI), range(40))}
    path, seen = f"/api/v1/audit?limit={limit}&token=ci&action=drift.check", []
    while path and len(seen) < 40:
        page = api.get(path)
        assert page.status == 200 and len(page.json) <= limit
        seen += page.json
        link = re.fullmatch(r'<(.*)>; rel="next"', page.headers.get("Link", ""))
        path = link and link.group(1)
    assert {record["requestId"] for record in seen[:40]} == ids
    assert [record["time"] for record in seen] == sorted((record["time"] for record in seen), reverse=True)


def test_filters_and_times(api):
    check(api, token=CI)
    api.put("/api/v1/projects/p/workspaces/w", {"directory": "."})
    records = read(api)
    for name in ("token", "action", "projectId"):
        value = next(record[name] for record in records if name in record)
        assert read(api, **{name: value}) == [record for record in records if record.get(name) == value][:500]
        assert read(api, **{name: value[:-1]}) == []
    middle = records[len(records) // 2]["time"]
    assert read(api, since=middle) == [record for record in records if record["time"] >= middle]
    assert read(api, until=middle) == [record for record in records if record["time"] <= middle]
    assert read(api, since="2100-01-01T00:00:00Z") == []
    for query in ("since=yesterday", "until=1", "limit=0", "cursor=x", "cursor=" + "A" * 32):
        assert api.get("/api/v1/audit?" + query).status == 400


def test_nothing_older_than_it_is_kept_is_shown(api):
    old = int((datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=91)).timestamp() * 1000)
    with Stack() as stack:
        stack.start_redis()
        stack.redis_cli("xadd", "{kedge}:audit", f"{old}-0", "n", "1", "records", '{"token":"old"}\n')
        stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        assert read(stack) == []


def test_where_it_is_off_nothing_is_recorded(bare):
    start(bare, audit_days="0")
    assert check(bare).status == 202
    assert bare.get("/api/v1/audit").status == 503
    assert bare.redis_cli("exists", "{kedge}:audit").strip() == "0"


def test_there_is_no_way_to_change_it(api):
    for method in ("POST", "PUT", "DELETE"):
        assert api.request(method, "/api/v1/audit", {}).status == 405


# ---- nothing is lost ----
@pytest.mark.parametrize("attempt", range(5))
def test_what_was_answered_is_recorded_though_the_api_is_killed_at_once(bare, attempt):
    """Many at once, so that some are answered when it dies and some are not."""
    start(bare)
    process, answered = bare.processes["api"], []

    def post(_):
        for _ in range(100):
            try:
                answer = check(bare)
            except OSError:
                return
            assert answer.status == 202
            answered.append(answer.headers["X-Request-Id"])
            if len(answered) == 20 * (attempt + 1):
                process.signal(signal.SIGKILL)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(8)))
    process.popen.wait()
    bare.start_api("again")
    until(lambda: bare.get("/readyz").status == 200)
    recorded = [record["requestId"] for record in read(bare)]
    assert len(answered) >= 20 and set(answered) <= set(recorded)
    assert len(recorded) == len(set(recorded))


def test_what_was_recorded_while_redis_was_away_is_stored_when_it_is_back(bare):
    start(bare)
    bare.processes["redis"].kill()
    until(lambda: bare.get("/readyz").status == 503)
    refused = check(bare)
    assert refused.status == 503
    bare.start_redis()
    records = until(lambda: of(bare, refused) if bare.get("/readyz").status == 200 else None, 30, "the records are there")
    assert sorted(record["outcome"] for record in records) == ["accepted", "refused"]
    assert {record.get("status") for record in records} == {None, 503}


def test_a_drain_waits_for_the_records(bare):
    """Redis is frozen when the api is told to stop: what is on its way then is stored before the end."""
    start(bare)
    redis, process, body = bare.processes["redis"], bare.processes["api"], b'{"projectId":"p","workspaceId":"w"}'
    redis.signal(signal.SIGSTOP)
    with contextlib.ExitStack() as clients:
        for number in range(4):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", bare.port)))
            client.sendall(b"POST /api/v1/drift HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Request-Id: drained-%d\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (TOKEN.encode(), number, len(body), body))
        assert bare.get("/healthz").status == 200
        process.signal(signal.SIGTERM)
        begun = until(lambda: process.events("draining"), 20, "it drains")[0]["requests"]
        redis.signal(signal.SIGCONT)
        assert process.popen.wait(30) == 0
    assert begun > 0
    bare.start_api("again")
    until(lambda: bare.get("/readyz").status == 200)
    assert len({record["requestId"] for record in read(bare)} & {f"drained-{number}" for number in range(4)}) >= begun
