"""Hooks from end to end: what people and programs are told of drift, and what they are not."""
import json
import time

import pytest

from conftest import needs_terraform
from hook_storm import METADATA, Storm, Worker
from receiver import Receiver, add_hook, signature
from stack import FOLLOWS_FILE, PATIENCE, Stack, until

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WORKSPACES = 30


@pytest.fixture
def told():
    """A stack whose hooks may go to this machine, and a receiver."""
    with Stack(hook_allow_private="true", hook_retry="50ms", public_url="https://kedge.example") as stack:
        stack.start()
        stack.receiver = Receiver(stack)
        yield stack


@needs_terraform
def test_drift_is_told_once_until_it_is_gone(told):
    told.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    told.apply("acme/net")
    told.register("acme/net")
    told.register("acme/net", project="broken", directory="nowhere")
    add_hook(told, told.receiver.url("/ok/program"), secret=SECRET)
    add_hook(told, told.receiver.url("/slack/people"), kind="slack")

    assert told.check()["status"] == "clean"
    told.change_world(it="changed by hand\n")
    drifted = told.check()
    assert drifted["status"] == "drift_detected"
    assert told.check()["status"] == "drift_detected"
    # Another workspace that fails is told, and silences nobody.
    assert told.check("broken")["status"] == "error"
    told.change_world(it="as it should be\n")
    assert told.check()["status"] == "clean"

    expected = ["drift.detected", "check.failed", "drift.resolved"]
    until(lambda: told.receiver.types("/ok/program") == expected, 20, "three events")
    requests = told.receiver.requests("/ok/program")
    assert [one["headers"]["webhook-signature"] for one in requests] == [signature(SECRET, one) for one in requests]
    assert len({one["headers"]["webhook-id"] for one in requests}) == 3
    data = json.loads(requests[0]["body"])["data"]
    assert data["resources"] == [{"address": "terraform_data.it", "type": "terraform_data", "action": "update",
                                  "severity": "warning", "origin": "code"}]
    assert data["url"] == f"https://kedge.example/api/v1/runs/{drifted['id']}"
    assert (data["projectId"], data["workspaceId"], data["since"]) == ("p", "w", drifted["endedAt"])

    message = until(lambda: told.receiver.requests("/slack/people"), 30, "a message to people")
    assert [one["wrong"] for one in message] == [[]]
    assert "1 drifted, 1 resolved, 1 failed" in message[0]["body"]


@needs_terraform
def test_a_sweep_is_a_digest_and_failures_silence_nobody(told):
    """Thirty workspaces, of which 28 fail: two drifted ones are named first."""
    told.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    told.apply("acme/net")
    told.register("acme/net", workspace="w00")
    for number in range(1, WORKSPACES - 1):
        told.register("acme/net", workspace=f"w{number:02}", directory=f"nowhere/{number}")
    told.register("acme/net", workspace=f"w{WORKSPACES - 1}")
    for kind in ("slack", "teams"):
        add_hook(told, told.receiver.url(f"/{kind}/sweep"), kind=kind)

    answer = told.post("/api/v1/projects/p/check")
    assert answer.status == 202, answer
    for kind in ("slack", "teams"):
        messages = until(lambda kind=kind: told.receiver.requests(f"/{kind}/sweep"), 60, f"a message for {kind}")
        assert [one["wrong"] for one in messages] == [[]]
        text = messages[0]["body"]
        assert "2 drifted, 28 failed" in text
        assert all(f"p/w{number:02}" in text for number in range(WORKSPACES))


def test_nobody_is_sent_to_where_they_may_not_go(bare):
    """Private addresses by name and by redirect: a line in the log of deliveries, no request."""
    bare.start_redis()
    bare.start_api(hook_allow_private="true")
    bare.start_scheduler()
    until(lambda: bare.get("/readyz").status == 200, 20, "the api is ready")
    receiver = Receiver(bare)
    hook = add_hook(bare, f"http://localhost:{receiver.port}/ok/secret-path")
    assert bare.post(f"/api/v1/hooks/{hook['id']}/test").status == 202

    def refused():
        found = bare.get(f"/api/v1/hooks/{hook['id']}/deliveries").json
        return found and found[0]["state"] == "dead" and found[0]
    delivery = until(refused, 20, "the delivery is given up")
    assert "address is not public (loopback)" in json.dumps(delivery)
    assert receiver.requests() == []
    failures = bare.processes["scheduler"].events("hook_failed")
    assert len(failures) == 1 and "secret-path" not in json.dumps(failures)


def test_kills_lose_no_event(bare):
    """Redis is killed after the end of a run, a scheduler while the event is under way."""
    bare.settings.update(hook_allow_private="true", hook_timeout="50s")
    bare.start(workers=0, scheduler=False)
    receiver = Receiver(bare)
    hook = add_hook(bare, receiver.url("/once/hang"))
    bare.register("acme/net")
    bare.trigger()
    Worker(bare).end_one("drift_detected", METADATA)
    bare.processes["redis"].kill()
    bare.start_redis()
    bare.start_scheduler()
    until(lambda: receiver.requests("/once/hang"), 20, "the event is under way")
    bare.processes["scheduler"].kill()
    bare.start_scheduler()
    # Its lease is over. (Long ago would be another thing: trim forgets that.)
    over_ms = int(time.time() * 1000) - 1000
    delivery = bare.redis_cli("ZRANGE", f"{{kedge}}:flying:{hook['id']}", 0, -1).split()
    assert len(delivery) == 1
    bare.redis_cli("ZADD", f"{{kedge}}:flying:{hook['id']}", over_ms, delivery[0])
    bare.redis_cli("ZADD", "{kedge}:hooks_due", over_ms, hook["id"])
    path = f"/api/v1/hooks/{hook['id']}/deliveries"
    until(lambda: bare.get("/readyz").status == 200 and bare.get(path).json[0]["state"] == "sent", 20, "it is sent")
    requests = receiver.requests("/once/hang")
    assert [one["did"] for one in requests] == ["hang", 200]
    assert requests[0]["headers"]["webhook-id"] == requests[1]["headers"]["webhook-id"]
    assert requests[0]["body"] == requests[1]["body"]
    log = bare.get(path).json[0]["log"]
    assert [one["status"] for one in log] == [None, 200] and "was lost" in log[0]["note"]


def test_a_nasty_receiver_gets_every_event_and_delays_nobody(bare):
    """It answers 429, 500 and 503, hangs and drops: each event comes until it is taken, under one id."""
    bare.settings.update(hook_allow_private="true", hook_retry="20ms", hook_timeout="500ms")
    bare.start(workers=0)
    storm = Storm(bare, 25, nasty=True)
    storm.wait(40)
    answers = storm.check()
    assert set(answers["/ok/healthy"]) == {200}
    assert {200, 429, 500, "drop"} <= set(answers["/nasty"])
    latencies = storm.latencies()
    assert latencies[len(latencies) * 9 // 10] < 2 * PATIENCE
