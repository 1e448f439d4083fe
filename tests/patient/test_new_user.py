"""What a new user does first with schedules and hooks, by the clock on the wall."""
import http.server
import json
import shutil
import threading
import time

import pytest

from stack import FOLLOWS_FILE, Stack, until

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")

MINUTE = 60


class Receiver(http.server.BaseHTTPRequestHandler):
    """A channel: what Slack would show, kept in the order it came."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def channel():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.messages = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def kedge():
    with Stack(hook_allow_private="true", public_url="https://kedge.example") as stack:
        stack.start()
        stack.start_scheduler("scheduler2")
        stack.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        stack.apply("acme/net")
        stack.register("acme/net")
        yield stack


def checks(kedge):
    """Every check that a schedule asked for, oldest first."""
    runs = kedge.get("/api/v1/runs?projectId=p&workspaceId=w&limit=500").json
    runs = runs["runs"] if isinstance(runs, dict) else runs
    return [run for run in reversed(runs) if run["trigger"] == "schedule"]


def new_checks_that_ended(kedge, known, status=None):
    fresh = [run for run in checks(kedge) if run["id"] not in known and run["endedAt"]]
    return [run for run in fresh if status in (None, run["status"])]


def test_from_a_schedule_to_two_messages_and_one_catch_up_run(kedge, channel):
    hook = kedge.post("/api/v1/hooks", {"url": f"http://127.0.0.1:{channel.server_port}/services/T/B/x", "kind": "slack"})
    assert hook.status == 201, hook
    schedule = kedge.post("/api/v1/drift/schedule", {
        "projectId": "p", "workspaceId": "w", "scheduleType": "drift", "cron": "* * * * *", "label": "every minute",
        "enabled": True})
    assert schedule.status == 201, schedule
    assert schedule.json["humanReadable"] == "Every minute" and schedule.json["nextRunAt"]

    (kedge.world / "it").write_text("changed by hand\n")
    message, = until(lambda: channel.messages, 2 * MINUTE, "a message says that something drifted")
    text = json.dumps(message)
    assert "terraform_data.it" in text and "https://kedge.example/api/v1/runs/" in text, text
    known = {run["id"] for run in checks(kedge)}
    until(lambda: new_checks_that_ended(kedge, known, "drift_detected"), 2 * MINUTE, "the next check finds the same drift")

    (kedge.world / "it").write_text("as it should be\n")
    until(lambda: len(channel.messages) > 1, 2 * MINUTE, "a message says that it went away")
    assert len(channel.messages) == 2, channel.messages
    assert "resolved" in json.dumps(channel.messages[1]).lower(), channel.messages[1]

    for name in ("scheduler", "scheduler2"):
        assert kedge.processes[name].stop() == 0
    until(lambda: all(run["endedAt"] for run in checks(kedge)), MINUTE, "what was fired has ended")
    stopped = time.time()
    known = {run["id"] for run in checks(kedge)}
    time.sleep(3 * MINUTE)  # not for luck: this is what is tried
    assert {run["id"] for run in checks(kedge)} == known
    # Early in a minute, so that the next tick is not mistaken for the catch-up.
    until(lambda: time.time() % MINUTE < 30, MINUTE, "the first half of a minute")
    minute = int(time.time() // MINUTE)
    for name in ("scheduler3", "scheduler4"):
        kedge.start_scheduler(name)
    until(lambda: new_checks_that_ended(kedge, known), 30, "a check is caught up")
    until(lambda: int(time.time() // MINUTE) > minute, MINUTE + 5, "the next minute")
    until(lambda: len(new_checks_that_ended(kedge, known)) > 1, 50, "the rhythm goes on")
    fresh = new_checks_that_ended(kedge, known)
    assert len(fresh) == 2, (stopped, fresh)
    assert all(run["status"] == "clean" and run["scheduleId"] == schedule.json["id"] for run in fresh)
    assert len(channel.messages) == 2, channel.messages
