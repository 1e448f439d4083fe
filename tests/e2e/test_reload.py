"""SIGHUP: what each program reads again, and that a file which is not right changes nothing."""
import hashlib
import hmac
import signal
import threading

import pytest

from model import STOP, Model
from receiver import Receiver
from stack import Stack, until

SUGGEST = {"resources": [{"address": "a.b", "type": "a", "name": "b", "severity": "info", "action": "update", "changes": []}]}


def write(stack, name, text):
    """As secrets are renewed: by a rename."""
    (stack.dir / "new").write_text(text + "\n")
    (stack.dir / "new").rename(stack.dir / name)
    return stack.dir / name


def hang_up(process, event):
    """SIGHUP; the lines with that event that came of it."""
    before = len(process.events(event))
    process.signal(signal.SIGHUP)
    return until(lambda: process.events(event)[before:], 20, event)


@pytest.fixture
def api():
    """An api all of whose secrets are in files."""
    with Stack(api_secret=None) as stack:
        stack.model = Model(stack)
        stack.model.says(["words", "ok"], *STOP)
        stack.settings.update(
            api_secret_file=write(stack, "api", "api-secret-one"), read_token_file=write(stack, "read", "read-token-one"),
            github_webhook_secret_file=write(stack, "github", "github-one"), ai_url=stack.model.url, ai_model="m",
            ai_api_key_file=write(stack, "ai", "ai-key-one"))
        stack.start_redis()
        stack.api = stack.start_api()
        until(lambda: stack.get("/readyz").status == 200, 20, "the api is ready")
        yield stack


def lets_in(stack, token):
    return stack.get("/api/v1/projects", token=token).status == 200


def knows(stack, secret):
    body = b'{"zen": "x"}'
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return stack.request("POST", "/api/v1/webhooks/github", body, token=None, headers={
        "X-GitHub-Event": "ping", "X-GitHub-Delivery": "d", "X-Hub-Signature-256": signature,
        "Content-Type": "application/json"}).status < 300


def key_told(stack, token):
    assert stack.post("/api/v1/drift/ai-suggest", SUGGEST, token=token).text == "ok"
    return stack.model.last()["headers"]["authorization"]


def test_an_api_takes_new_secrets_and_forgets_the_old_ones(api):
    assert lets_in(api, "api-secret-one") and lets_in(api, "read-token-one") and knows(api, "github-one")
    assert key_told(api, "api-secret-one") == "Bearer ai-key-one"
    for name, secret in (("api", "api-secret-two"), ("read", "read-token-two"), ("github", "github-two"), ("ai", "ai-key-two")):
        write(api, name, secret)
    assert lets_in(api, "api-secret-one") and not lets_in(api, "api-secret-two"), "nobody has said that they changed"
    assert [line["changed"] for line in hang_up(api.api, "secrets_loaded")] == [4]
    assert lets_in(api, "api-secret-two") and lets_in(api, "read-token-two") and knows(api, "github-two")
    assert not lets_in(api, "api-secret-one") and not lets_in(api, "read-token-one") and not knows(api, "github-one")
    assert key_told(api, "api-secret-two") == "Bearer ai-key-two"
    assert [line["changed"] for line in hang_up(api.api, "secrets_loaded")] == [0]
    assert lets_in(api, "api-secret-two")
    assert "two" not in api.api.log.read_text(), "no secret is told"


@pytest.mark.parametrize("name,text,problem", [
    ("read", "", "KEDGE_READ_TOKEN_FILE: the file is empty"),
    ("github", "two words", "KEDGE_GITHUB_WEBHOOK_SECRET_FILE: must be"),
    ("read", "api-secret-two", "KEDGE_READ_TOKEN: must differ"),
])
def test_one_bad_file_and_all_stay(api, name, text, problem):
    write(api, "api", "api-secret-two")
    write(api, name, text)
    before = len(api.api.events("secrets_problem"))
    hang_up(api.api, "secrets_kept")
    assert [line["message"][:len(problem)] for line in api.api.events("secrets_problem")[before:]] == [problem]
    assert lets_in(api, "api-secret-one") and not lets_in(api, "api-secret-two")


def test_who_waits_goes_on_with_the_secret_it_came_with(api):
    """The token of a request outlives the one of the settings."""
    token = "api-secret-one"
    assert api.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"}, token=token).status == 201
    assert api.put("/api/v1/projects/p/workspaces/w", {"directory": "."}, token=token).status == 201
    answers = []
    client = threading.Thread(target=lambda: answers.append(api.post(
        "/api/v1/drift/reconcile", {"projectId": "p", "workspaceId": "w"}, token=token)), daemon=True)
    client.start()
    until(lambda: "kedge_http_long_polls 1\n" in api.get("/metrics").text, 20, "it waits")
    write(api, "api", "api-secret-two")
    hang_up(api.api, "secrets_loaded")
    run, = api.get("/api/v1/runs", token="api-secret-two").json
    assert api.post(f"/api/v1/runs/{run['id']}/cancel", token="api-secret-two").status == 200
    client.join(30)
    assert [answer.status for answer in answers] == [200] and answers[0].json["status"] == "cancelled"


def test_a_scheduler_tells_the_new_address(bare):
    """Of the default Slack hook: the first message goes to the second address."""
    bare.receiver = Receiver(bare)
    write(bare, "slack", bare.receiver.url("/ok/one"))
    bare.settings.update(hook_allow_private="true")
    bare.start(workers=1, scheduler=False)
    scheduler = bare.start_scheduler(slack_webhook_url_file=bare.dir / "slack")
    until(lambda: scheduler.events("started"), 20, "it has started")
    write(bare, "slack", bare.receiver.url("/ok/two"))
    assert [line["changed"] for line in hang_up(scheduler, "secrets_loaded")] == [1]
    until(lambda: len(scheduler.events("review_done")) == 2, 20, "time zones may have changed: all schedules are looked at")
    bare.register("acme/none")
    assert bare.check()["status"] == "error"
    until(lambda: bare.receiver.requests("/ok/two"), 30, "it is told")
    assert not bare.receiver.requests("/ok/one")


def test_a_worker_says_whether_its_runs_will_find_their_tokens(bare):
    bare.start_redis()
    worker = bare.start_worker(github_token_file=write(bare, "token", "token-one"))
    until(lambda: worker.events("started"), 20, "it has started")
    write(bare, "token", "token-two")
    assert [line["changed"] for line in hang_up(worker, "secrets_loaded")] == [1]
    (bare.dir / "token").unlink()
    hang_up(worker, "secrets_kept")
    assert "KEDGE_GITHUB_TOKEN_FILE" in worker.events("secrets_problem")[0]["message"]
    assert worker.stop() == 0
