"""compose.yml when things are changed or killed under it: what was accepted is kept, what runs may end."""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import threading
import time

import pytest

import engine
import project
from engine import until

WHY_NOT = project.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
SHARED = "/var/lib/kedge/test"
# Says that it has begun, and ends when it is told to.
HELD = """terraform {
  backend "local" {
    path = "%(shared)s/held.tfstate"
  }
}
resource "terraform_data" "it" {
  provisioner "local-exec" {
    command = "echo begun >>%(shared)s/begun; until [ -e %(shared)s/go ]; do sleep 0.1; done"
  }
}""" % {"shared": SHARED}
PLAIN = 'terraform {\n  backend "local" {}\n}\n'
ORDER = {"repository": "acme/held", "ref": "main", "type": "Git", "paths": [{"directory": "."}]}


@pytest.fixture(scope="module")
def clone():
    with project.opened(engine.shared()) as opened:
        opened.type("docker/secrets.sh")
        opened.settings(**project.REPOSITORIES)
        opened.compose("up", "-d")
        for service, count in (("api", 1), ("scheduler", 2), ("worker", 1)):
            opened.healthy(service, count)
        opened.repository("held", HELD)
        opened.repository("plain", PLAIN)
        opened.api("PUT", "/api/v1/projects/p", {"repository": "acme/plain", "type": "Git", "ref": "main"})
        yield opened


def holds(clone, path):
    return clone.docker.docker("exec", clone.containers("worker")[0]["Id"], "test", "-e", path, check=False).returncode == 0


def processes(clone, service):
    """What runs in its first container, as the machine sees it."""
    return clone.docker.docker("top", clone.containers(service)[0]["Id"], "-o", "pid").stdout.split()[1:]


def environments_of_terraform(clone):
    found = {}
    for pid in processes(clone, "worker"):
        with contextlib.suppress(OSError):  # it has ended
            if (pathlib.Path("/proc", pid) / "comm").read_text() == "terraform\n":
                found[pid] = (pathlib.Path("/proc", pid) / "environ").read_text()
    return found


def test_an_apply_ends_before_a_changed_setting_replaces_its_worker(clone, tell):
    before = {service: {one["Id"] for one in clone.containers(service)} for service in ("api", "scheduler", "worker")}
    with concurrent.futures.ThreadPoolExecutor() as threads:
        asked = threads.submit(clone.ask, "POST", "/api/apply", ORDER)
        until(lambda: asked.done() or holds(clone, f"{SHARED}/begun"), 180, "the apply has begun")
        assert not asked.done(), asked.result()
        environments = environments_of_terraform(clone)
        assert environments and all("PATH=" in text for text in environments.values())
        for name in ("api/api_secret", "redis/password"):
            assert not [pid for pid, text in environments.items() if clone.secret(name) in text]

        clone.settings(**project.REPOSITORIES, KEDGE_LOG_LEVEL="debug")
        began = time.monotonic()
        up = threads.submit(clone.compose, "up", "-d", "--scale", "worker=1")
        status, text = asked.result(60)
        assert status == 202, text
        run = re.search(r'"runId":\s*"([^"]+)"', text)[1]
        tell(f"the client of an apply had its 202 {time.monotonic() - began:.1f} s after `up -d`")
        until(lambda: {one["Id"] for one in clone.containers("api")}.isdisjoint(before["api"]), 60, "the new api is there")
        clone.healthy("api", 1)
        assert {one["Id"] for one in clone.containers("worker")} == before["worker"], "its worker is waited for"
        assert not up.done() and clone.api("GET", f"/api/v1/runs/{run}")["status"] == "running"

        clone.execute("worker", f"touch {SHARED}/go")
        up.result(120)
    clone.healthy("worker", 1)
    for service, ids in before.items():
        assert {one["Id"] for one in clone.containers(service)}.isdisjoint(ids), service
    seen = clone.api("GET", f"/api/v1/runs/{run}")
    assert seen["status"] not in ("queued", "running") and not seen.get("error"), seen
    assert clone.execute("worker", f"cat {SHARED}/begun") == "begun\n", "it was done once"


def test_a_new_token_counts_after_sighup(clone):
    secrets = clone.directory / "docker/secrets/api"
    old, new = clone.secret("api/api_secret"), "f" * 48
    assert clone.ask("GET", "/api/v1/projects", token=old)[0] == 200
    (secrets / "new").write_text(new + "\n")
    (secrets / "new").rename(secrets / "api_secret")
    before = {one["Id"] for service in ("api", "worker", "scheduler") for one in clone.containers(service)}
    clone.type("docker compose -f docker/compose.yml kill -s HUP api worker scheduler")
    until(lambda: clone.ask("GET", "/api/v1/projects", token=new)[0] == 200, 20, "the new token counts")
    assert clone.ask("GET", "/api/v1/projects", token=old)[0] == 401
    after = [one for service in ("api", "worker", "scheduler") for one in clone.containers(service)]
    assert {one["Id"] for one in after} == before and not any(one["RestartCount"] for one in after)


def test_ticks_go_on_when_one_of_two_schedulers_is_killed(clone):
    ids = []
    for number in range(12):  # each once a minute, at a second of its own
        clone.api("PUT", f"/api/v1/projects/p/workspaces/s{number}", {"directory": "."})
        ids.append(clone.api("POST", "/api/v1/drift/schedule", {
            "projectId": "p", "workspaceId": f"s{number}", "scheduleType": "drift", "cron": "* * * * *", "enabled": True,
            "jitterSeconds": 60})["id"])

    def ticks():
        return {(one, clone.api("GET", f"/api/v1/drift/schedule/{one}")["lastRunAt"]) for one in ids}
    first, second = (one["Id"] for one in clone.containers("scheduler"))
    for gone, other in ((first, second), (second, first)):
        clone.docker.docker("kill", gone)
        seen = ticks()
        until(lambda: len(ticks() - seen) >= 3, 120, "three more ticks")
        assert clone.docker.inspect(other)["State"]["Running"] and not clone.docker.inspect(gone)["State"]["Running"]
        clone.docker.docker("start", gone)
        clone.healthy("scheduler", 2)
    for one in ids:
        clone.ask("DELETE", f"/api/v1/drift/schedule/{one}")


def test_what_was_accepted_outlives_a_killed_redis(clone, tell):
    clone.api("PUT", "/api/v1/pause", {"paused": True, "reason": "test"})
    accepted, refused, over = [], [], threading.Event()

    def client(number):
        count = 0
        while not over.is_set():
            count += 1
            name = f"k{number}x{count}"
            status, _ = clone.ask("PUT", f"/api/v1/projects/p/workspaces/{name}", {"directory": "."}, "--max-time", "5")
            if status in (200, 201):
                status, text = clone.ask("POST", "/api/v1/drift", {"projectId": "p", "workspaceId": name}, "--max-time", "5")
                if status == 202:
                    accepted.append(re.search(r'"runId":\s*"([^"]+)"', text)[1])
                    continue
            refused.append(status)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        clients = [threads.submit(client, number) for number in range(4)]
        try:
            for kill in range(2):
                until(lambda: len(accepted) >= 20 * (2 * kill + 1), 60, "requests are accepted")
                redis = clone.containers("redis")[0]
                os.kill(redis["State"]["Pid"], 9)
                until(lambda: clone.docker.inspect(redis["Id"])["RestartCount"] == kill + 1, 30, "it is started again")
                known = len(accepted)
                until(lambda: len(accepted) >= known + 10, 60, "requests are accepted again")
        finally:
            over.set()
        for one in clients:
            one.result()
    tell(f"redis killed twice: {len(accepted)} requests accepted, {len(refused)} refused, none lost")
    lost = [run for run in accepted if clone.ask("GET", f"/api/v1/runs/{run}")[0] != 200]
    assert not lost and len(set(accepted)) == len(accepted)
    clone.healthy("redis", 1)
    clone.api("PUT", "/api/v1/pause", {"paused": False})
