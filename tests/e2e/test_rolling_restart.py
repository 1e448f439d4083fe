"""Every program is stopped and started again, one after the other, under load: two apis behind clients
that try the other one when a connection is refused, two workers, two schedulers, one Redis."""
import http.client
import itertools
import json
import pathlib
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

from conftest import needs_terraform, once
from live_log import Events, Follower, stored_log
from receiver import Receiver, add_hook
from schedule_kill import BEGIN, MINUTE_MS, READ
from stack import ENDED, PATIENCE, TOKEN, Stack, until

pytestmark = [needs_terraform, once]

APIS, WORKERS, SCHEDULERS = ("api0", "api1"), ("worker0", "worker1"), ("scheduler0", "scheduler1")
CHECKED, SCHEDULED = 3, 40
BATCH_ENDED = ("success", "partial", "failed", "error", "cancelled")

APPLIES = """
terraform {
  backend "local" { path = "%(state)s" }
}
resource "terraform_data" "it" {
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = "echo once >> %(world)s/applies; for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.05; done"
  }
}
"""


class Rolling(Stack):
    def __init__(self):
        super().__init__(stop_timeout="30s", hook_allow_private="true", hook_retry="100ms", log_level="info")
        self.ports, self.over, self.wrong = {}, threading.Event(), []
        self.runs, self.batches, self.applied, self.stops, self.followed = set(), set(), set(), [], []
        self.turn, self.threads = itertools.count(), []

    # ---- as a balancer has it ----
    def port_for(self, number):
        return self.ports[APIS[number % len(APIS)]]

    def send(self, method, path, body=None, key=None):
        """Its answer; of an api that refuses the connection the other one is asked. Anything else is wrong."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        for number in itertools.count(next(self.turn)):
            connection = http.client.HTTPConnection("127.0.0.1", self.port_for(number), timeout=70 * PATIENCE)
            try:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read()
                if status not in (200, 202):
                    self.wrong.append((method, path, status, text[:300]))
                return status, json.loads(text)
            except ConnectionRefusedError:
                time.sleep(0.01)
            except (OSError, http.client.HTTPException) as problem:
                self.wrong.append((method, path, repr(problem)))
                return 0, {}
            finally:
                connection.close()

    def wait_for(self, run_id, ended=ENDED):
        deadline = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < deadline:
            status, run = self.send("GET", f"/api/v1/runs/{run_id}?wait=20")
            if status != 200 or run["status"] in ended:
                return run
        self.wrong.append((run_id, "does not end"))
        return {}

    # ---- clients ----
    def check(self, number):
        status, answer = self.send("POST", "/api/v1/drift", {"projectId": "load", "workspaceId": f"c{number}"}, str(uuid.uuid4()))
        if status == 202:
            self.runs.add(answer["runId"])
            self.wait_for(answer["runId"])

    def batch(self, path, directory):
        """Waits for its end as long as the api lets it, else asks for it."""
        body = {"repository": "acme/load", "ref": "main", "type": "Git", "paths": [{"directory": directory}]}
        key = str(uuid.uuid4())
        status, answer = self.send("POST", path, body, key)
        if status in (200, 202):
            again = self.send("POST", path, body, key)[1].get("data") or {}
            if status == 200 and again != answer["data"] and "runId" not in again:
                self.wrong.append(("another answer for the same key", answer, again))
            if status == 202:
                self.batches.add(answer["data"]["runId"])
                self.wait_for(answer["data"]["runId"], BATCH_ENDED)
        return key

    def plan(self, _):
        self.batch("/api/plan", "c0")

    def apply(self, _):
        self.applied.add(self.batch("/api/apply", "apply"))

    def follow(self, _):
        """Whatever log there is, to its end, at whichever api there is."""
        runs = self.send("GET", "/api/v1/runs?kind=apply&status=running&limit=1")[1]
        if not runs:
            time.sleep(0.05)
            return
        follower, run_id = Follower(), runs[0]["id"]
        while not self.listen(follower, run_id):
            pass
        self.followed.append((run_id, follower))

    def listen(self, follower, run_id):
        try:
            return follower.listen(self.port_for(next(self.turn)), run_id)
        except ConnectionRefusedError:
            time.sleep(0.01)
        except (OSError, http.client.HTTPException, AssertionError) as problem:
            self.wrong.append((run_id, repr(problem)))
            return True

    def repeat(self, what, number):
        while not self.over.is_set():
            what(number)

    def load(self):
        clients = [(self.check, number) for number in range(CHECKED)] + [(self.plan, 0), (self.apply, 0), (self.follow, 0)]
        self.threads = [threading.Thread(target=self.repeat, args=client, daemon=True) for client in clients]
        for thread in self.threads:
            thread.start()

    def unload(self):
        self.over.set()
        for thread in self.threads:
            thread.join(90 * PATIENCE)
            assert not thread.is_alive(), "a client waits for ever"

    # ---- the programs ----
    def begin(self):
        self.start_redis()
        for name in (*APIS, *WORKERS, *SCHEDULERS):
            self.launch(name)
        self.port = self.ports[APIS[0]]
        self.receiver = Receiver(self)
        add_hook(self, self.receiver.url("/ok/all"))
        self.repository("acme/load", {
            **{f"c{number}/main.tf": f'terraform {{\n  backend "local" {{\n    path = "{self.dir}/state/c{number}"\n  }}\n}}\n'
               'resource "terraform_data" "it" {}\n' for number in range(CHECKED)},
            "apply/main.tf": APPLIES % {"state": self.dir / "state/apply", "world": self.world}})
        self.put("/api/v1/projects/load", {"repository": "acme/load", "type": "Git", "ref": "main"})
        for number in range(CHECKED):
            self.put(f"/api/v1/projects/load/workspaces/c{number}", {"directory": f"c{number}"})

    def launch(self, name):
        if name in APIS:
            self.start_api(name)
            self.ports[name] = self.port
            until(lambda: self.get("/readyz").status == 200, 20, f"{name} is ready")
            return
        process = (self.start_worker if name in WORKERS else self.start_scheduler)(name)
        until(lambda: process.events("started"), 20, f"{name} has started")

    def restart(self, name):
        began = time.monotonic()
        status = self.processes[name].stop()
        self.stops.append((name, status, round(time.monotonic() - began, 2)))
        self.launch(name)

    # ---- schedules ----
    def schedule(self):
        """Each is due once a minute, at its own time; schedule -> (tick, due), ms. Their checks fail at once."""
        due = {}
        for number in range(SCHEDULED):
            self.put(f"/api/v1/projects/load/workspaces/s{number}", {"directory": f"none{number}"})
            answer = self.post("/api/v1/drift/schedule", {
                "projectId": "load", "workspaceId": f"s{number}", "scheduleType": "drift", "cron": "* * * * *",
                "enabled": True, "jitterSeconds": 60})
            assert answer.status == 201, answer
            due[answer.json["id"]] = None
        for name in due:
            due[name] = tuple(map(int, json.loads(self.redis_cli("--json", "eval", BEGIN, "1", "{kedge}:", name))))
        return due

    def fired(self):
        """(schedule, tick) -> the runs."""
        found = {}
        for run, schedule, status, _ in json.loads(self.redis_cli("--json", "eval", READ, "1", "{kedge}:")):
            if schedule:
                found.setdefault((schedule, int(run.replace("-", "")[:12], 16)), []).append((run, status))
        return found


def ticks(due, until_ms):
    return {(name, at - first + tick) for name, (tick, first) in due.items() for at in range(first, until_ms + 1, MINUTE_MS)}


def runs_ended_well(kedge):
    def idle():
        text = kedge.get("/metrics").text
        return "\nkedge_queue_active 0\n" in text and "\nkedge_queue_waiting 0\n" in text
    until(idle, 60, "all runs have ended")
    assert kedge.runs and {kedge.run(run_id)["status"] for run_id in kedge.runs} <= {"clean", "drift_detected"}
    assert {kedge.run(run_id)["status"] for run_id in kedge.batches} <= {"success"}
    ids = [run[0] for run in json.loads(kedge.redis_cli("--json", "eval", READ, "1", "{kedge}:"))]
    assert {kedge.redis_cli("hget", "{kedge}:run:" + run_id, "crashes").strip() for run_id in ids} == {""}
    text = kedge.get("/metrics").text
    assert "\nkedge_queue_orphans 0\n" in text and "\nkedge_queue_dead 0\n" in text


def logs_were_heard_whole(kedge):
    assert kedge.followed
    for run_id, follower in kedge.followed:
        assert (follower.gaps, follower.bytes) == ([], stored_log(kedge, run_id)), run_id


def each_tick_has_one_run(kedge, wanted):
    until(lambda: wanted <= set(kedge.fired()), 30, "each tick is fired")
    assert wanted and {len(runs) for key, runs in kedge.fired().items() if key in wanted} == {1}


def each_failure_was_told_once(kedge, wanted):
    """Of a workspace whose checks began to fail; a request that is repeated has the same id."""
    runs = kedge.fired()
    failed = {kedge.run(runs[key][0][0])["workspaceId"] for key in wanted}

    def events():
        told = {one["headers"]["webhook-id"]: json.loads(one["body"]) for one in kedge.receiver.requests("/ok/all")}
        return [(event["type"], event["data"]["workspaceId"]) for event in told.values()]
    until(lambda: {("check.failed", name) for name in failed} <= set(events()), 30, "the hook is told of each")
    assert len(events()) == len(set(events())), "an event under two ids"


def test_a_rolling_restart_under_load_loses_and_doubles_nothing():
    with Rolling() as kedge:
        kedge.begin()
        due = kedge.schedule()
        kedge.load()
        until(lambda: kedge.runs and (kedge.world / "applies").exists(), 30, "the load is there")
        began = time.monotonic()
        for name in 2 * [name for names in zip(APIS, WORKERS, SCHEDULERS) for name in names]:
            kedge.restart(name)
        wanted = ticks(due, int(time.time() * 1000))
        seconds = time.monotonic() - began
        kedge.unload()
        print(f"restarted {len(kedge.stops)} within {seconds:.1f} s: {kedge.stops}; {len(kedge.runs)} checks, "
              f"{len(kedge.applied)} applies, {len(kedge.followed)} logs, {len(wanted)} ticks")
        assert not kedge.wrong, kedge.wrong[:10]
        assert {status for _, status, _ in kedge.stops} == {0}
        runs_ended_well(kedge)
        assert (kedge.world / "applies").read_text().count("once") == len(kedge.applied) > 0
        logs_were_heard_whole(kedge)
        each_tick_has_one_run(kedge, wanted)
        each_failure_was_told_once(kedge, wanted)
