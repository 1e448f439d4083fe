"""Hooks: made, changed, shown without their secrets, tried; what was sent to them, and once more."""
import base64
import concurrent.futures
import datetime
import hashlib
import hmac
import http.server
import json
import re
import threading
import time

import pytest

from stack import Stack, until
from test_http import UUID, is_error

READ_TOKEN = "read-only-token-0123456789"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwOQyO3m7k"
NEWER = "another secret, in words"
PATH = "T0AAAA/B0BBBB/cccccccccccc"  # of a URL, as good as a secret
URL = f"https://hooks.example.com/services/{PATH}"
NOBODY = "01a1ff80-8f91-7000-88b6-fbae15f15ba4"
DEFAULT = "00000000-0000-8000-8000-000000000001"
NAMES = ["drift.detected", "drift.changed", "drift.resolved", "drift.reminder", "check.failed", "check.recovered",
         "reconcile.succeeded", "reconcile.failed", "run.orphaned"]


@pytest.fixture(scope="module")
def api():
    """Redis and the api alone: what is to be sent stays."""
    with Stack(read_token=READ_TOKEN, public_url="https://kedge.example") as stack:
        stack.start_redis()
        process = stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        for project in ("net", "dns"):
            stack.put(f"/api/v1/projects/{project}", {"repository": "acme/net", "type": "Git", "ref": "main"})
            stack.put(f"/api/v1/projects/{project}/workspaces/prod", {"directory": "."})
        yield stack
        log = process.log.read_text()
        assert "/api/v1/hooks" in log and PATH not in log and SECRET not in log and NEWER not in log


def create(api, **fields):
    answer = api.post("/api/v1/hooks", {"kind": "generic", "url": URL, **fields})
    assert answer.status == 201, answer
    assert SECRET not in answer.text and NEWER not in answer.text
    return answer.json


def change(api, hook, **fields):
    answer = api.put(f"/api/v1/hooks/{hook['id']}", fields)
    assert SECRET not in answer.text and NEWER not in answer.text
    return answer


def fields_of(error):
    return [detail["field"] for detail in error["details"]]


def all_pages(api, path):
    """The entries and how many pages they came on."""
    entries, pages = [], 0
    while path:
        answer = api.get(path)
        assert answer.status == 200, answer
        entries, pages = entries + answer.json, pages + 1
        path = (re.findall(r"<([^>]*)>", answer.headers.get("Link", "")) or [None])[0]
    return entries, pages


# ---- one ----
def test_a_hook_lives_and_dies(api):
    answer = api.post("/api/v1/hooks", {"kind": "slack", "url": URL})
    hook = answer.json
    assert answer.status == 201 and re.fullmatch(UUID, hook["id"])
    assert answer.headers["Location"] == f"https://kedge.example/api/v1/hooks/{hook['id']}"
    path = f"/api/v1/hooks/{hook['id']}"
    assert {key: hook[key] for key in hook if key not in ("id", "createdAt", "updatedAt")} == {
        "kind": "slack", "url": URL, "events": [], "projectId": None, "workspaceId": None, "secretSet": False,
        "oldSecretUntil": None, "enabled": True, "disabledReason": None}
    assert api.get(path).json == hook
    assert hook in api.get("/api/v1/hooks").json
    assert api.request("DELETE", path).json == {"success": True}
    for answer in (api.get(path), api.put(path, {"enabled": False}), api.request("DELETE", path), api.post(path + "/test"),
                   api.get(path + "/deliveries"), api.post(f"{path}/deliveries/{NOBODY}/replay")):
        assert hook["id"] in is_error(answer, 404, "NOT_FOUND")["message"]
    assert hook["id"] not in api.get("/api/v1/hooks").text


def test_a_hook_is_of_what_it_names(api):
    hook = create(api, events=["run.orphaned", "drift.detected", "run.orphaned"], projectId="net", workspaceId="prod",
                  enabled=False)
    assert hook["events"] == ["drift.detected", "run.orphaned"]
    assert (hook["projectId"], hook["workspaceId"], hook["enabled"]) == ("net", "prod", False)
    assert create(api, events=NAMES)["events"] == NAMES
    assert create(api, events=None, projectId=None, enabled=None)["events"] == []


@pytest.mark.parametrize("body,fields", [
    ({}, ["kind", "url"]),
    ({"kind": "mail", "url": "mailto:a@b.example"}, ["kind", "url"]),
    ({"kind": "slack", "url": URL, "colour": 1}, ["colour"]),
    ({"kind": "slack", "url": URL, "events": ["drift.detected", "drift", "test"]}, ["events", "events"]),
    ({"kind": "slack", "url": URL, "events": "drift.detected"}, ["events"]),
    ({"kind": "slack", "url": URL, "secret": SECRET}, ["secret"]),
    ({"kind": "generic", "url": URL, "secret": "short"}, ["secret"]),
    ({"kind": "generic", "url": URL, "secret": "whsec_dG9vIHNob3J0"}, ["secret"]),
    ({"kind": "generic", "url": URL, "secret": "x" * 257}, ["secret"]),
    ({"kind": "generic", "url": URL, "workspaceId": "prod"}, ["workspaceId"]),
    ({"kind": "generic", "url": URL, "projectId": "nope"}, ["projectId"]),
    ({"kind": "generic", "url": URL, "projectId": "nope", "workspaceId": "prod"}, ["projectId"]),
    ({"kind": "generic", "url": URL, "projectId": "net", "workspaceId": "nope"}, ["workspaceId"]),
    ({"kind": "generic", "url": URL + "/" * 2048}, ["url"]),
    ({"kind": "teams", "url": "ftp://a.example", "events": ["x"], "secret": SECRET, "workspaceId": "w"},
     ["url", "events", "workspaceId", "secret"]),
])
def test_a_body_that_is_wrong_is_refused(api, body, fields):
    before = len(all_pages(api, "/api/v1/hooks")[0])
    answer = api.post("/api/v1/hooks", body)
    assert fields_of(is_error(answer, 400, "VALIDATION_ERROR")) == fields
    assert PATH not in answer.text and SECRET not in answer.text and "dG9vIHNob3J0" not in answer.text
    assert len(all_pages(api, "/api/v1/hooks")[0]) == before


def test_an_unknown_event_names_the_known_ones(api):
    answer = api.post("/api/v1/hooks", {"kind": "slack", "url": URL, "events": ["drift"]})
    assert all(name in is_error(answer, 400, "VALIDATION_ERROR")["message"] for name in NAMES)


# ---- where it goes ----
PRIVATE = ["http://169.254.169.254/", "http://localhost/", "http://localhost./", "https://LOCALHOST:8443/", "http://x.localhost/",
           "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://0/",
           "http://10.1.2.3/", "http://192.168.0.1:8080/", "http://172.16.0.1/", "http://100.64.0.1/", "http://[::1]/",
           "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://[fe80::1]/", "http://[fd00::1]/", "http://[::]/"]
NO_URLS = ["file:///etc/passwd", "gopher://a.example/", "javascript:alert(1)", "//a.example/", "a.example/", "http://?", "http:///x",
           "https://user:word@a.example/", "https://user@a.example/", "https://a.example/#x", "https://a.example/a b",
           "https://a.example/\r\nX: y", "https://a.example:99999/", " https://a.example/"]


@pytest.mark.parametrize("url", PRIVATE + NO_URLS)
def test_where_no_hook_may_go(api, url):
    hook = create(api)
    for answer in (api.post("/api/v1/hooks", {"kind": "generic", "url": url + "path-of-it"}),
                   change(api, hook, url=url + "path-of-it")):
        error = is_error(answer, 400, "VALIDATION_ERROR")
        assert fields_of(error) == ["url"] and error["message"].startswith("url")
        assert "path-of-it" not in answer.text
    assert api.get(f"/api/v1/hooks/{hook['id']}").json == hook
    api.request("DELETE", f"/api/v1/hooks/{hook['id']}")


def test_private_addresses_may_be_allowed(api):
    port = api.start_another_api("allowing", hook_allow_private=True)
    for url in PRIVATE:
        answer = api.post("/api/v1/hooks", {"kind": "generic", "url": url}, port=port)
        assert (url, answer.status) == (url, 201), answer
        # Who does not allow them any more can still switch them off.
        assert change(api, answer.json, enabled=False).json["enabled"] is False
        assert api.request("DELETE", f"/api/v1/hooks/{answer.json['id']}").status == 200
    for url in NO_URLS:
        is_error(api.post("/api/v1/hooks", {"kind": "generic", "url": url}, port=port), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("kind", ["slack", "teams", "generic"])
def test_who_may_only_read_sees_no_whole_url(api, kind):
    hook = create(api, kind=kind)
    path = f"/api/v1/hooks/{hook['id']}"
    seen = api.get(path, token=READ_TOKEN)
    assert seen.json == {**hook, "url": "https://hooks.example.com/…"}
    listed = api.get("/api/v1/hooks?limit=100", token=READ_TOKEN)
    assert listed.status == 200 and PATH not in listed.text and hook["id"] in listed.text
    assert api.get(path).json["url"] == URL
    for answer in (api.put(path, {"enabled": False}, token=READ_TOKEN), api.request("DELETE", path, token=READ_TOKEN),
                   api.post(path + "/test", token=READ_TOKEN), api.post("/api/v1/hooks", {}, token=READ_TOKEN)):
        is_error(answer, 403, "FORBIDDEN")
    assert api.get(path + "/deliveries", token=READ_TOKEN).json == []


# ---- changes ----
def test_a_change_changes_what_it_names(api):
    hook = create(api, kind="slack", events=["drift.detected"], projectId="net", workspaceId="prod")
    changed = change(api, hook, enabled=False).json
    assert changed == {**hook, "enabled": False, "updatedAt": changed["updatedAt"]}
    assert change(api, hook).json == changed and change(api, hook, enabled=False, kind="slack").json == changed
    assert change(api, hook, events=[]).json["events"] == []
    assert change(api, hook, projectId="dns").json["projectId"] == "dns"
    assert change(api, hook, workspaceId="").json["workspaceId"] is None
    assert change(api, hook, url=None, enabled=None).json["url"] == URL
    assert change(api, hook, projectId=None, enabled=True).json["projectId"] is None
    again = change(api, hook, projectId="net", workspaceId="prod", events=["drift.detected"]).json
    assert again == {**hook, "updatedAt": again["updatedAt"]} and again["updatedAt"] > hook["updatedAt"]


def test_a_change_that_is_wrong_changes_nothing(api):
    hook = create(api, kind="slack", projectId="net", workspaceId="prod")
    for body, fields in (
            ({"kind": "teams"}, ["kind"]), ({"kind": "nothing"}, ["kind"]), ({"secret": SECRET}, ["secret"]),
            ({"projectId": None}, ["workspaceId"]), ({"projectId": "", "secret": SECRET}, ["workspaceId", "secret"]),
            ({"projectId": "nope"}, ["projectId"]), ({"workspaceId": "nope"}, ["workspaceId"]), ({"id": hook["id"]}, ["id"]),
            ({"events": ["nope"]}, ["events"])):
        assert fields_of(is_error(change(api, hook, **body), 400, "VALIDATION_ERROR")) == fields
    assert api.get(f"/api/v1/hooks/{hook['id']}").json == hook
    is_error(api.put("/api/v1/hooks/not-a-uuid", {"enabled": True}), 400, "VALIDATION_ERROR")
    is_error(api.get("/api/v1/hooks/not-a-uuid"), 404, "NOT_FOUND")


def test_changes_at_the_same_time_all_count(api):
    hook = create(api)
    bodies = [{"url": "https://b.example/"}, {"events": ["drift.changed"]}, {"projectId": "net"}, {"secret": SECRET}, {"enabled": False}]
    with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(lambda body: change(api, hook, **body), bodies))
    assert {answer.status for answer in answers} <= {200, 409}
    now = api.get(f"/api/v1/hooks/{hook['id']}").json
    for answer, key, value in zip(answers, ("url", "events", "projectId", "secretSet", "enabled"),
                                  ("https://b.example/", ["drift.changed"], "net", True, False)):
        assert (now[key] == value) is (answer.status == 200), (key, now, answer)


def test_a_hook_goes_with_its_project_or_workspace(api):
    api.put("/api/v1/projects/short", {"repository": "acme/net", "type": "Git", "ref": "main"})
    api.put("/api/v1/projects/short/workspaces/w", {"directory": "."})
    of_project, of_workspace = create(api, projectId="short"), create(api, projectId="short", workspaceId="w")
    moved = change(api, create(api, projectId="short"), projectId="net").json
    assert api.request("DELETE", "/api/v1/projects/short/workspaces/w").status == 200
    is_error(api.get(f"/api/v1/hooks/{of_workspace['id']}"), 404, "NOT_FOUND")
    assert api.get(f"/api/v1/hooks/{of_project['id']}").status == 200
    assert api.request("DELETE", "/api/v1/projects/short").status == 200
    is_error(api.get(f"/api/v1/hooks/{of_project['id']}"), 404, "NOT_FOUND")
    assert api.get(f"/api/v1/hooks/{moved['id']}").status == 200


def test_a_secret_is_rotated_and_never_shown(api):
    hook = create(api, secret=SECRET)
    assert hook["secretSet"] is True and hook["oldSecretUntil"] is None
    assert change(api, hook, secret=SECRET).json == hook
    rotated = change(api, hook, secret=NEWER).json
    until_time = datetime.datetime.fromisoformat(rotated["oldSecretUntil"].replace("Z", "+00:00"))
    day = until_time - datetime.datetime.now(datetime.timezone.utc)
    assert rotated["secretSet"] is True and datetime.timedelta(hours=23, minutes=59) < day <= datetime.timedelta(hours=24, minutes=1)
    assert change(api, hook, enabled=False).json["oldSecretUntil"] == rotated["oldSecretUntil"]
    assert change(api, hook, secret="").json["secretSet"] is False
    assert change(api, hook, secret=None).json["secretSet"] is False
    for path in (f"/api/v1/hooks/{hook['id']}", "/api/v1/hooks?limit=100", f"/api/v1/hooks/{hook['id']}/deliveries?full=1"):
        answer = api.get(path)
        assert answer.status == 200 and SECRET not in answer.text and NEWER not in answer.text


# ---- tests, deliveries, replays ----
def test_a_test_is_a_delivery_that_waits(api):
    hook = create(api, events=["check.failed"], secret=SECRET)
    path = f"/api/v1/hooks/{hook['id']}"
    answer = api.post(path + "/test")
    assert answer.status == 202 and re.fullmatch(UUID, answer.json["deliveryId"])
    found = api.get(path + "/deliveries").json
    assert len(found) == 1 and "event" not in found[0]
    assert found[0]["id"] == answer.json["deliveryId"] and found[0]["id"] != found[0]["eventId"]
    assert (found[0]["type"], found[0]["state"], found[0]["attempts"], found[0]["log"]) == ("test", "waiting", 0, [])
    assert found[0]["nextAttemptAt"] and found[0]["endedAt"] is None
    full = api.get(path + "/deliveries?full=1").json
    event = full[0].pop("event")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("timestamp"))
    assert event == {"type": "test", "data": {
        "hookId": hook["id"], "message": "This is a test: the hook works.", "url": "https://kedge.example"}}
    assert full == found
    assert "still waits" in is_error(api.post(f"{path}/deliveries/{found[0]['id']}/replay"), 409, "CONFLICT")["message"]


def test_deliveries_come_page_by_page(api):
    hook = create(api)
    path = f"/api/v1/hooks/{hook['id']}"
    ids = [api.post(path + "/test").json["deliveryId"] for _ in range(210)]
    for limit, pages in ((50, 5), (41, 6)):
        found = all_pages(api, f"{path}/deliveries?limit={limit}&full=1")
        assert sorted(entry["id"] for entry in found[0]) == sorted(ids) and found[1] == pages
        created = [entry["createdAt"] for entry in found[0]]
        assert created == sorted(created, reverse=True)
    for limit, pages in ((205, 2), (210, 2), (500, 1)):
        assert all_pages(api, f"{path}/deliveries?limit={limit}") == (
            [{key: entry[key] for key in entry if key != "event"} for entry in found[0]], pages)
    for query, field in (("limit=0", "limit"), ("limit=501", "limit"), ("limit=51&full=1", "limit"), ("full=x", "full"),
                         ("cursor=x", "cursor")):
        assert fields_of(is_error(api.get(f"{path}/deliveries?{query}"), 400, "VALIDATION_ERROR")) == [field]


def test_a_hook_that_is_disabled_is_sent_nothing(api):
    hook = create(api, enabled=False)
    assert "disabled" in is_error(api.post(f"/api/v1/hooks/{hook['id']}/test"), 409, "CONFLICT")["message"]
    assert api.get(f"/api/v1/hooks/{hook['id']}/deliveries").json == []


def give_up(api, hook_id, delivery_id):
    """What the scheduler does when it has tried for long enough."""
    for waits in ("pending", "waiting"):
        api.redis_cli("zrem", f"{{kedge}}:{waits}:{hook_id}", delivery_id)
    api.redis_cli("hset", f"{{kedge}}:delivery:{delivery_id}", "state", "dead", "attempts", 9, "due", 0, "ended", 1795287977699, "log", json.dumps(
        {"at": 1795287977600, "status": 0, "tookMs": 99, "note": "connection refused"}))


def test_a_delivery_that_was_given_up_is_sent_again(api):
    hook = create(api)
    path = f"/api/v1/hooks/{hook['id']}/deliveries"
    delivery = api.post(f"/api/v1/hooks/{hook['id']}/test").json["deliveryId"]
    event = api.get(path).json[0]["eventId"]
    give_up(api, hook["id"], delivery)
    dead = api.get(path).json[0]
    assert (dead["state"], dead["attempts"], dead["nextAttemptAt"], dead["endedAt"]) == ("dead", 9, None, "2026-11-21T19:06:17.699Z")
    assert dead["log"] == [{"at": "2026-11-21T19:06:17.600Z", "status": None, "tookMs": 99, "note": "connection refused"}]
    assert change(api, hook, enabled=False).status == 200
    is_error(api.post(f"{path}/{delivery}/replay"), 409, "CONFLICT")
    assert change(api, hook, enabled=True).status == 200
    answer = api.post(f"{path}/{delivery}/replay")
    assert answer.status == 202 and answer.json == {"deliveryId": delivery}
    again = api.get(path).json[0]
    assert (again["state"], again["attempts"], again["eventId"], again["endedAt"]) == ("waiting", 0, event, None)
    is_error(api.post(f"{path}/{NOBODY}/replay"), 404, "NOT_FOUND")
    is_error(api.post(f"/api/v1/hooks/{create(api)['id']}/deliveries/{delivery}/replay"), 404, "NOT_FOUND")
    give_up(api, hook["id"], delivery)
    api.redis_cli("del", f"{{kedge}}:event:{event}")
    assert "forgotten" in is_error(api.post(f"{path}/{delivery}/replay"), 404, "NOT_FOUND")["message"]
    assert api.get(path + "?full=1").json[0]["event"] is None


def test_of_the_hook_of_the_settings_the_deliveries_are_shown(api):
    assert api.get(f"/api/v1/hooks/{DEFAULT}/deliveries").json == []
    answer = api.post(f"/api/v1/hooks/{DEFAULT}/deliveries/{NOBODY}/replay")
    assert "KEDGE_SLACK_WEBHOOK_URL" in is_error(answer, 409, "CONFLICT")["message"]
    path = f"/api/v1/hooks/{DEFAULT}"
    for answer in (api.get(path), api.put(path, {"enabled": False}), api.request("DELETE", path), api.post(path + "/test")):
        is_error(answer, 404, "NOT_FOUND")
    assert DEFAULT not in api.get("/api/v1/hooks?limit=100").text


# ---- a scheduler, and somebody who listens ----
class Receiver(http.server.ThreadingHTTPServer):
    """Answers each path with its next status, 204 when there is none; keeps what came: (headers, body)."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.came = {}, {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path, *statuses):
        self.statuses[path], self.came[path] = list(statuses), []
        return f"http://127.0.0.1:{self.server_port}{path}"

    def wait(self, path, count):
        until(lambda: len(self.came[path]) >= count, 20, f"{count} requests of {path}")
        return self.came[path]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        statuses = self.server.statuses[self.path]
        self.server.came[self.path].append((self.headers, body))
        self.send_response(statuses.pop(0) if statuses else 204)
        self.send_header("Content-Length", "0")
        self.send_header("Location", "http://127.0.0.1/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def sending():
    with Stack(hook_allow_private=True, hook_retry="50ms") as stack:
        stack.start(workers=0)
        receiver = stack.receiver = Receiver()
        yield stack
        receiver.shutdown()
        receiver.server_close()
        log = stack.processes["scheduler"].log.read_text()
        assert PATH not in log and SECRET not in log and NEWER not in log


def is_ours(headers, body, secret):
    """As docs/API.md has it."""
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    ours = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return abs(time.time() - int(headers["webhook-timestamp"])) < 300 and any(
        hmac.compare_digest(ours, theirs) for theirs in headers["webhook-signature"].split())


def deliveries(stack, hook, state):
    """All of them, as soon as the newest is in that state."""
    path = f"/api/v1/hooks/{hook['id']}/deliveries?full=1"
    return until(lambda: (lambda found: found and found[0]["state"] == state and found)(stack.get(path).json), 20, state)


def test_what_is_sent_is_signed_by_both_secrets(sending):
    path = f"/{PATH}/signed"
    hook = create(sending, url=sending.receiver.url(path), secret=SECRET)
    sending.post(f"/api/v1/hooks/{hook['id']}/test")
    headers, body = sending.receiver.wait(path, 1)[0]
    assert is_ours(headers, body, SECRET) and not is_ours(headers, body + b" ", SECRET) and not is_ours(headers, body, NEWER)
    sent = deliveries(sending, hook, "sent")[0]
    assert headers["webhook-id"] == sent["eventId"] and json.loads(body) == sent["event"]
    assert sent["attempts"] == 1 and sent["nextAttemptAt"] is None and sent["endedAt"]
    assert [(entry["status"], entry["note"]) for entry in sent["log"]] == [(204, None)]
    assert change(sending, hook, secret=NEWER).json["oldSecretUntil"]
    sending.post(f"/api/v1/hooks/{hook['id']}/test")
    headers, body = sending.receiver.wait(path, 2)[1]
    assert is_ours(headers, body, SECRET) and is_ours(headers, body, NEWER)
    assert change(sending, hook, secret="").json["oldSecretUntil"] is None
    sending.post(f"/api/v1/hooks/{hook['id']}/test")
    headers, body = sending.receiver.wait(path, 3)[2]
    assert headers["webhook-id"] and "webhook-signature" not in headers


def test_what_fails_is_sent_again_and_says_how_it_went(sending):
    kinds = {"slack": "blocks", "teams": "attachments", "generic": "data"}
    hooks = [create(sending, kind=kind, url=sending.receiver.url(f"/{PATH}/{kind}", 503, 500)) for kind in kinds]
    for hook in hooks:
        assert sending.post(f"/api/v1/hooks/{hook['id']}/test").status == 202
    for hook in hooks:
        came = sending.receiver.wait(f"/{PATH}/{hook['kind']}", 3)
        assert len({body for _, body in came}) == 1 and len({headers["webhook-id"] for headers, _ in came}) == 1
        assert kinds[hook["kind"]] in json.loads(came[0][1])
        sent = deliveries(sending, hook, "sent")[0]
        assert sent["attempts"] == 3 and [entry["status"] for entry in sent["log"]] == [503, 500, 204]
        assert PATH not in json.dumps(sent)


def test_who_says_410_is_told_no_more_until_somebody_says_so(sending):
    path = f"/{PATH}/gone"
    hook = create(sending, url=sending.receiver.url(path, 410))
    delivery = sending.post(f"/api/v1/hooks/{hook['id']}/test").json["deliveryId"]
    dead = deliveries(sending, hook, "dead")[0]
    assert [entry["status"] for entry in dead["log"]] == [410]
    now = sending.get(f"/api/v1/hooks/{hook['id']}").json
    assert now["enabled"] is False and "410" in now["disabledReason"]
    replay = f"/api/v1/hooks/{hook['id']}/deliveries/{delivery}/replay"
    is_error(sending.post(replay), 409, "CONFLICT")
    enabled = change(sending, hook, enabled=True).json
    assert enabled["enabled"] is True and enabled["disabledReason"] is None
    assert sending.post(replay).json == {"deliveryId": delivery}
    came = sending.receiver.wait(path, 2)
    assert came[0][0]["webhook-id"] == came[1][0]["webhook-id"] == dead["eventId"] and came[0][1] == came[1][1]
    assert len(deliveries(sending, hook, "sent")) == 1


def test_a_redirect_is_not_followed(sending):
    hook = create(sending, url=sending.receiver.url(f"/{PATH}/moved", 302))
    sending.post(f"/api/v1/hooks/{hook['id']}/test")
    dead = deliveries(sending, hook, "dead")[0]
    assert dead["attempts"] == 1 and dead["log"][0]["status"] == 302 and "redirect" in dead["log"][0]["note"]


# ---- many, and none ----
def test_there_is_an_end_to_how_many(bare):
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: create(bare)["id"], range(500)))
    error = is_error(bare.post("/api/v1/hooks", {"kind": "slack", "url": URL}), 409, "CONFLICT")
    assert error["message"] == "there are 500 hooks: delete one first"
    listed, pages = all_pages(bare, "/api/v1/hooks?limit=99")
    assert sorted(hook["id"] for hook in listed) == sorted(ids) and pages == 6
    created = [hook["createdAt"] for hook in listed]
    assert created == sorted(created, reverse=True)
    assert all_pages(bare, "/api/v1/hooks?limit=250") == (listed, 2)
    assert all_pages(bare, "/api/v1/hooks?limit=500") == (listed, 1)
    assert bare.request("DELETE", f"/api/v1/hooks/{ids[0]}").status == 200
    create(bare)


def test_while_redis_is_away_nothing_is_made(bare):
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200)
    bare.processes["redis"].kill()
    until(lambda: bare.get("/readyz").status == 503, 20, "the api notices")
    path = f"/api/v1/hooks/{NOBODY}"
    for answer in (bare.get("/api/v1/hooks"), bare.get(path), bare.get(path + "/deliveries"), bare.put(path, {}),
                   bare.request("DELETE", path), bare.post(path + "/test"), bare.post(f"{path}/deliveries/{NOBODY}/replay"),
                   bare.post("/api/v1/hooks", {"kind": "generic", "url": URL, "secret": SECRET})):
        is_error(answer, 503, "SERVICE_UNAVAILABLE")
        assert "Retry-After" in answer.headers
    log = bare.processes["api"].log.read_text()
    assert PATH not in log and SECRET not in log
    bare.start_redis()  # the api would wait for it before it stops
    until(lambda: bare.get("/readyz").status == 200, 20, "it is back")
