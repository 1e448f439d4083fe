"""docker/compose.yml: the commands of docs/OPERATIONS.md (section Containers), on a real engine."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import pytest
import yaml

import engine
from engine import ROOT, until

WHY_NOT = engine.missing() or ("" if shutil.which("docker-compose") else "docker-compose is not installed")
needs_engine = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yml").read_text())
OURS = ("api", "scheduler", "worker")
SOURCE = ("Makefile", ".dockerignore", "common", "api", "worker", "scheduler", "docker", "docs/openapi.yaml")
HCL = 'terraform {\n  backend "local" {}\n}\nresource "terraform_data" "it" {\n  input = "1"\n}\n'


def milliseconds(text):
    return sum(int(number) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]
               for number, unit in re.findall(r"(\d+)(ms|s|m|h|d)", text))


def default(text):
    """${NAME:-default}: the default."""
    return re.fullmatch(r"\$\{\w+:-(.*)\}", text).group(1)


def settings():
    """The settings table: names and defaults."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", (ROOT / "docs/CONFIG.md").read_text(), flags=re.M)
    return {name: text.strip("` ") for name, text in rows}


def test_every_setting_is_one_of_the_table_and_every_variable_is_in_the_example():
    text = (ROOT / "docker/compose.yml").read_text()
    example = set(re.findall(r"^#(\w+)=", (ROOT / "docker/.env.example").read_text(), flags=re.M))
    used = set(re.findall(r"\$\{(\w+)", text))
    assert used - {"DEMO_SAMPLE"} == example
    table = settings()
    for service in OURS:
        for name in COMPOSE["services"][service]["environment"]:
            assert re.sub("_FILE$", "", name) in table or name in table or name == "TF_CLI_CONFIG_FILE", name


def test_the_times_of_a_stop_and_the_memory_of_a_worker_fit_the_runs():
    worker = COMPOSE["services"]["worker"]
    table = settings()
    stop, longest = (milliseconds(default(worker["environment"][name])) for name in ("KEDGE_STOP_TIMEOUT", "KEDGE_RUN_TIMEOUT"))
    assert stop >= longest
    assert milliseconds(default(worker["stop_grace_period"])) > stop + 2 * milliseconds(table["KEDGE_CANCEL_GRACE"]) + 10_000
    size = {"1G": 1 << 30, "3g": 3 << 30}
    assert size[default(worker["mem_limit"])] >= 1.5 * int(table["KEDGE_WORKER_SLOTS"]) * size[table["KEDGE_RUN_MEMORY"]]


def test_services_are_locked_up():
    for name in (*OURS, "redis"):
        service = COMPOSE["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped" and service["mem_limit"] and service["healthcheck"] and service["stop_grace_period"]
    assert "ports" not in COMPOSE["services"]["redis"] and COMPOSE["services"]["redis"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert default(COMPOSE["services"]["api"]["ports"][0].removesuffix(":4141")) == "127.0.0.1:4141"


class Project:
    """A clone in which the documented commands are typed."""

    def __init__(self, docker, directory):
        self.docker, self.directory = docker, pathlib.Path(directory)
        for name in SOURCE:
            target = self.directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(ROOT / name, target) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, target)
        shutil.rmtree(self.directory / "docker/secrets", ignore_errors=True)

    def type(self, command, check=True):
        """A line of the documentation, as it is there; compose is the one that is installed."""
        line = command.replace("docker compose", "docker-compose").replace("curl ", "nsenter -t %d -n curl --noproxy '*' " % self.docker.daemon.pid)
        return self.docker.call(["bash", "-c", line], cwd=self.directory, check=check).stdout

    def compose(self, *words, **options):
        return self.docker.call(["docker-compose", "-f", "docker/compose.yml", *words], cwd=self.directory, **options).stdout

    def containers(self, service):
        found = self.docker.docker("ps", "-q", "--filter", f"label=com.docker.compose.service={service}").stdout.split()
        return [self.docker.inspect(one) for one in found]

    def api(self, method, path, body=None):
        token = (self.directory / "docker/secrets/api/api_secret").read_text().strip()
        words = ["-X", method, "-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"]
        text = self.docker.curl(f"http://127.0.0.1:4141{path}", *words, *(["-d", json.dumps(body)] if body is not None else []))
        return json.loads(text)


@pytest.fixture(scope="module")
def project():
    docker = engine.shared()
    assert docker.image
    with tempfile.TemporaryDirectory(prefix="kedge-clone-", dir=docker.directory) as directory:
        project = Project(docker, directory)
        yield project
        project.compose("--profile", "demo", "--profile", "metrics", "kill", check=False)
        project.compose("--profile", "demo", "--profile", "metrics", "down", "-v", "-t", "1", check=False)


def commands(heading):
    """The lines of the shell block under that heading of docs/OPERATIONS.md."""
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    block = re.search(rf"\*\*{re.escape(heading)}\*\*.*?```sh\n(.*?)```", text, flags=re.S).group(1)
    return [re.sub(r"\s+# .*", "", line) for line in block.splitlines() if line.strip()]


def healthy(project, service, count):
    def all_well():
        found = project.containers(service)
        return len(found) == count and all(one["State"]["Health"]["Status"] == "healthy" for one in found)
    until(all_well, 90, f"{count} of {service} are healthy")


@needs_engine
def test_from_a_clone_to_the_first_check_and_away(project, tell):
    for line in commands("Start"):
        project.type(line)
    for service, count in (("redis", 1), ("api", 1), ("scheduler", 2), ("worker", 1)):
        healthy(project, service, count)
    secret = (project.directory / "docker/secrets/api/api_secret").read_text().strip()
    password = (project.directory / "docker/secrets/redis/password").read_text().strip()
    for service in ("redis", *OURS):
        for one in project.containers(service):
            text = json.dumps(one)
            assert secret not in text and password not in text
            assert secret not in project.docker.docker("logs", one["Id"]).stdout
            assert one["HostConfig"]["ReadonlyRootfs"] and one["HostConfig"]["Memory"] > 0
    ports = project.containers("redis")[0]["NetworkSettings"]["Ports"]
    assert not any(ports.values())

    for line in commands("More workers"):
        project.type(line)
    healthy(project, "worker", 3)
    until(lambda: len(project.api("GET", "/api/v1/workers")) == 3, 30, "three workers have reported")

    check_ends(project)

    worker = project.containers("worker")[0]
    os.kill(worker["State"]["Pid"], 9)
    until(lambda: project.docker.inspect(worker["Id"])["RestartCount"] == 1, 30, "a killed worker is back")
    healthy(project, "worker", 3)

    began = time.monotonic()
    for line in commands("Stop"):
        project.type(line)
    tell(f"compose stop of eight containers: {time.monotonic() - began:.1f} s")
    states = [project.docker.inspect(one)["State"] for one in project.docker.docker(
        "ps", "-aq", "--filter", "label=com.docker.compose.service=worker").stdout.split()]
    assert [state["ExitCode"] for state in states] == [0, 0, 0]


def check_ends(project):
    """A repository on the volume that workers share, and a check of it by the real terraform."""
    worker = project.containers("worker")[0]["Id"]
    script = f"""set -e
        export HOME=/tmp; cd /tmp; rm -rf r; git init -q -b main r; cd r
        cat > main.tf <<'HCL'\n{HCL}HCL
        git add -A; git -c user.name=t -c user.email=t@localhost commit -qm x
        mkdir -p /var/lib/kedge/test/acme; git clone -q --bare . /var/lib/kedge/test/acme/net.git"""
    project.docker.docker("exec", worker, "sh", "-c", script)
    (project.directory / "docker/.env").write_text(
        "KEDGE_GIT_URL=file:///var/lib/kedge/test\nKEDGE_REPO_ALLOWLIST=localhost/acme/*\n")
    project.compose("up", "-d", "--scale", "worker=3")
    for service, count in (("api", 1), ("worker", 3)):
        healthy(project, service, count)
    project.api("PUT", "/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    project.api("PUT", "/api/v1/projects/p/workspaces/w", {"directory": "."})
    run = project.api("POST", "/api/v1/drift", {"projectId": "p", "workspaceId": "w"})["runId"]
    seen = until(lambda: (lambda one: one["status"] not in ("queued", "running") and one)(project.api("GET", f"/api/v1/runs/{run}?wait=20")),
                 120, "the run ends")
    assert seen["status"] == "drift_detected" and seen["metadata"]["toAdd"] == 1, seen
