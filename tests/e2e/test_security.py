"""What docs/SECURITY.md promises beyond what the tests of each part prove: the Redis user, and how secrets are rotated."""
import re
import shlex
import socket
import subprocess
import threading

import pytest

from conftest import needs_terraform
from stack import BUILD, FOLLOWS_FILE, PATIENCE, ROOT, VARIANT, Stack, until

DOCUMENT = ROOT / "docs/SECURITY.md"
sandboxed = pytest.mark.skipif(VARIANT == "asan", reason="the sandbox hides /proc/self from the sanitizer")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def documented_user(password):
    """The arguments of the document's ACL SETUSER, with that password."""
    command, = re.findall(r"^redis-cli ACL SETUSER (kedge (?:.*\\\n)*.*)$", DOCUMENT.read_text(), re.M)
    return [password.join(word.split("PASSWORD")) for word in shlex.split(command.replace("\\\n", " "))]


class Guarded(Stack):
    """Its Redis has a port and that user besides; the default user goes on for redis_cli."""

    def start_guarded(self, password="first-password-0123456789"):
        self.start_redis()
        self.redis_port = free_port()
        self.redis_cli("config", "set", "port", self.redis_port)
        assert self.redis_cli("acl", "setuser", *documented_user(password)).strip() == "OK"
        self.settings["redis_url"] = self.redis_url(password)
        return self

    def redis_url(self, password):
        return f"redis://kedge:{password}@127.0.0.1:{self.redis_port}/0"

    def denied(self):
        """The commands and keys that Redis has refused so far."""
        return set(re.findall(r"^object\n(.*)$", self.redis_cli("acl", "log", "128"), re.M))


@pytest.fixture
def guarded():
    with Guarded() as stack:
        yield stack.start_guarded()


@pytest.fixture(scope="module")
def alone():
    """A Redis with that user, and no program."""
    with Guarded() as stack:
        yield stack.start_guarded()


# ---- the Redis user ----
@needs_terraform
def test_the_redis_user_of_the_document_is_enough(guarded):
    guarded.start_api()
    guarded.start_worker()
    guarded.start_scheduler()
    until(lambda: guarded.get("/readyz").status == 200, 20, "the api is ready")
    guarded.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    guarded.apply("acme/net")
    guarded.register("acme/net", autoReconcile=True)
    every_feature(guarded)
    assert guarded.denied() == {"config|get"}  # INFO then says the same


def every_feature(stack):
    """Something of each kind of thing that programs ask of Redis."""
    pair = {"projectId": "p", "workspaceId": "w"}
    hook = stack.post("/api/v1/hooks", {"kind": "generic", "url": "https://receiver.invalid/x"}).json
    assert stack.check()["status"] == "clean"
    stack.change_world(it="moved\n")
    run = stack.check()
    assert run["status"] == "drift_detected", run
    assert stack.post(f"/api/v1/drift/{run['id']}/ignore", {"resourceAddress": "terraform_data.it", "scope": "workspace"}).status == 200
    schedule = stack.post("/api/v1/drift/schedule", {**pair, "scheduleType": "drift", "cron": "* * * * *", "enabled": True}).json
    path = f"/api/v1/drift/schedule/{schedule['id']}"
    assert stack.put(path, {"label": "each minute"}).status == 200
    assert stack.put("/api/v1/freeze", {"frozen": True, "reason": "a test"}).status == 200
    assert stack.post("/api/v1/drift/reconcile", pair).status == 409
    assert stack.put("/api/v1/freeze", {"frozen": False}).status == 200
    assert stack.post("/api/v1/drift/reconcile", pair).json["status"] == "applied"
    batch = stack.post("/api/v1/projects/p/check").json["runId"]
    until(lambda: stack.run(batch)["status"] == "success", 60, "the batch ends")
    stack.put("/api/v1/pause", {"paused": True})
    queued = stack.trigger()
    follower = threading.Thread(target=stack.get, args=(f"/api/v1/runs/{queued}/log?follow=1",))
    follower.start()
    assert stack.post(f"/api/v1/runs/{queued}/cancel").status == 200
    follower.join()
    stack.put("/api/v1/pause", {"paused": False})
    order = {"Repository": "acme/net", "Ref": "main", "Type": "Git", "Paths": [{"Directory": "."}]}
    assert stack.ask("/api/plan", order)["total_projects"] == 1
    for read in ("/api/locks", "/api/drift/status?repository=acme/net", "/api/v1/workers", "/api/v1/runs", "/metrics",
                 f"/api/v1/runs/{run['id']}/log", f"/api/v1/runs/{run['id']}/log?follow=1", "/api/v1/audit", "/api/v1/drift?projectId=p&workspaceId=w", f"/api/v1/hooks/{hook['id']}/deliveries"):
        assert stack.get(read).status == 200, read
    assert stack.request("DELETE", path).status == 200
    assert stack.request("DELETE", f"/api/v1/hooks/{hook['id']}").status == 200
    assert stack.request("DELETE", "/api/v1/projects/p?force=true").status == 200


@pytest.mark.parametrize("command", [
    ["flushall"], ["keys", "*"], ["scan", "0"], ["config", "get", "*"], ["config", "set", "dir", "/tmp"], ["acl", "whoami"],
    ["monitor"], ["save"], ["shutdown"], ["replicaof", "127.0.0.1", "1"], ["script", "flush"],
    ["function", "load", "x"], ["client", "list"], ["get", "other"], ["set", "other", "1"], ["publish", "{kedge}:x", "1"],
    ["eval", "return redis.call('get', 'other')", "0"], ["eval", "return redis.call('flushall')", "0"],
])
def test_that_user_may_do_nothing_else(alone, command):
    url = alone.settings["redis_url"]
    done = subprocess.run(["redis-cli", "--no-auth-warning", "-u", url, *command], capture_output=True, text=True, timeout=20)
    assert any(words in done.stdout + done.stderr for words in ("NOPERM", "can't run this command", "can't access at least one of the keys", "ACL failure in script")), done


def test_what_config_does_not_tell_info_does(guarded):
    guarded.redis_cli("config", "set", "maxmemory-policy", "allkeys-lru")
    api = guarded.spawn("api", BUILD / "kedge-api")
    assert api.popen.wait(20 * PATIENCE) == 78
    assert "allkeys-lru" in api.events("start_failed")[0]["reason"]


@sandboxed
@needs_terraform
def test_a_run_that_reaches_redis_is_nobody_there(guarded):
    """Sockets are not confined: the password is what keeps a run out."""
    program = guarded.dir / "reach"
    port = guarded.redis_port
    guarded.redis_cli("config", "set", "requirepass", "for-people-0123456789")
    program.write_text("#!/bin/sh\ncase $1 in\nversion) echo '{\"terraform_version\":\"9.9.9\"}' ;;\n"
                       f"plan) redis-cli -p {port} get x 2>&1; redis-cli -s {guarded.socket} get x 2>&1; env | grep -c first-password ;;\nesac\nexit 0\n")
    program.chmod(0o755)
    guarded.start_api()
    guarded.start_worker(terraform=program, sandbox_read=f"/usr:/lib:/lib64:/etc:/opt:/bin:{program}")
    until(lambda: guarded.get("/readyz").status == 200, 20, "the api is ready")
    guarded.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    guarded.register("acme/net")
    run = guarded.check()
    assert run["output"].split("\n")[-2] == "0", run["output"]
    assert run["output"].count("NOAUTH") == 2, run["output"]


@needs_terraform
def test_without_the_sandbox_a_plan_reads_the_files_of_others(bare):
    """What the document says of KEDGE_SANDBOX=none, and that the tests of the sandbox can fail."""
    (bare.dir / "env/other.env").write_text("TF_VAR_key=of-another-project-0123456789\n")
    bare.settings |= {"env_dir": bare.dir / "env", "sandbox": "none"}
    bare.start()
    bare.repository("acme/net", {"main.tf": f'output "x" {{\n  value = file("{bare.dir}/env/other.env")\n}}\n'})
    bare.register("acme/net", variables=None, backendConfig=None)
    run = bare.check()
    assert run["metadata"]["sandbox"] == "none" and "of-another-project-0123456789" in run["output"], run


# ---- rotation ----
def test_the_redis_password_is_rotated_while_everything_runs(guarded):
    old, new = "first-password-0123456789", "second-password-0123456789"
    guarded.start_api("old")
    until(lambda: guarded.get("/readyz").status == 200, 20, "the old one is ready")
    guarded.redis_cli("acl", "setuser", "kedge", ">" + new)
    port = guarded.start_another_api("new", redis_url=guarded.redis_url(new))
    assert guarded.get("/readyz").status == 200 and guarded.get("/readyz", port=port).status == 200
    guarded.processes["old"].stop()
    guarded.redis_cli("acl", "setuser", "kedge", "<" + old)
    assert guarded.get("/api/v1/workers", port=port).status == 200
    guarded.redis_cli("client", "kill", "user", "kedge")
    until(lambda: guarded.get("/api/v1/workers", port=port).status == 200, 20, "it connects anew")
    late = guarded.start_api("late")
    until(lambda: "WRONGPASS" in late.log.read_text(), 20, "it is refused")
    assert guarded.get("/readyz").status == 503
    assert old not in late.log.read_text() and new not in guarded.processes["new"].log.read_text()


@needs_terraform
def test_what_a_file_holds_is_read_again_by_the_next_run(bare):
    """A token's file and an env file; no program is started again."""
    token = bare.dir / "git-token"
    token.write_text("a-token-that-was-revoked\n")
    (bare.dir / "env/default.env").write_text("TF_VAR_region=before\n")
    bare.start_redis()
    bare.repository("acme/net", {"main.tf": 'variable "region" { type = string }\noutput "x" { value = "region-${length(var.region)}" }\n'})
    server = bare.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", bare.dir / "git", "--password", "the-new-token-0123456789")
    port = until(lambda: server.log.read_text().split("\n")[0].split()[-1] if "\n" in server.log.read_text() else None)
    bare.settings |= {"git_url": f"http://127.0.0.1:{port}", "env_dir": bare.dir / "env"}
    bare.start_api()
    bare.start_worker(KEDGE_GIT_TOKEN_FILE=token)
    until(lambda: bare.get("/readyz").status == 200)
    bare.register("acme/net", variables=None, backendConfig=None)
    assert bare.check()["error"]["code"] == "REPOSITORY_NOT_FOUND"
    token.write_text("the-new-token-0123456789\n")
    run = bare.check()
    assert run["status"] == "clean" and "region-6" in run["output"], run
    (bare.dir / "env/new").write_text("TF_VAR_region=afterwards\n")
    (bare.dir / "env/new").rename(bare.dir / "env/default.env")
    assert "region-10" in bare.check()["output"]


# ---- settings ----
@pytest.mark.parametrize("program", ["kedge-api", "kedge-worker", "kedge-scheduler"])
def test_printed_settings_hide_every_secret(bare, program):
    """Those that docs/CONFIG.md calls secrets, whose table is the programs' own."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*secret[^|]*) \|", (ROOT / "docs/CONFIG.md").read_text(), re.M)
    assert len(rows) > 8
    values = {name: f"redis://u:hidden-{name}@127.0.0.1/0" if "REDIS" in name else
              f"https://hooks.slack.com/hidden-{name}" if "URL" in form else f"hidden-{name}-0123456789" for name, form in rows}
    values["AZURE_OPENAI_ENDPOINT"] = "https://model.example"
    values["AZURE_OPENAI_DEPLOYMENT"] = "drift"
    done = subprocess.run([BUILD / program, "--print-config"], env=bare.environment(**values), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hidden-" not in done.stdout + done.stderr
