"""docker/compose.yml: the commands of docs/OPERATIONS.md (section Containers), on a real engine."""
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import jsonschema
import pytest
import yaml

import engine
import project
from engine import ROOT, until

WHY_NOT = project.missing()
needs_engine = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yml").read_text())
OURS = ("api", "scheduler", "worker")
SERVICES = ("redis", *OURS)
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


def files_of(directory):
    return {path.relative_to(directory): (path.stat().st_mode & 0o777, path.read_bytes() if path.is_file() else None)
            for path in [directory, *directory.rglob("*")]}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_the_script_makes_secrets_that_containers_read_and_others_do_not(tmp_path, umask):
    shutil.copy(ROOT / "docker/secrets.sh", tmp_path)

    def call():
        subprocess.run([tmp_path / "secrets.sh"], check=True, umask=umask, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return files_of(tmp_path / "secrets")
    first = call()
    modes = {str(path): mode for path, (mode, _) in first.items()}
    assert modes.pop(".") == 0o700
    for path, mode in modes.items():
        assert mode == (0o755 if first[pathlib.Path(path)][1] is None else 0o644), path
    assert {path for path in modes if "/" not in path} == {"redis", "api", "worker", "scheduler", "env", "grafana"}
    assert len(first[pathlib.Path("api/api_secret")][1].strip()) == 48
    assert call() == first, "what is there stays"
    (tmp_path / "secrets/worker/redis_url").unlink()
    assert call() == first, "what is missing comes back, with the password that there is"


def test_the_file_is_what_the_compose_specification_allows():
    """Its schema, as docker-compose brings it."""
    found = importlib.util.find_spec("compose")
    schema = pathlib.Path(found.submodule_search_locations[0], "config/compose_spec.json") if found else None
    if not schema or not schema.exists():
        pytest.skip("docker-compose, which has the schema, is not installed")
    rules = jsonschema.Draft7Validator(json.loads(schema.read_text()))
    assert not [f"{error.json_path}: {error.message}" for error in rules.iter_errors(COMPOSE)]
    assert list(rules.iter_errors({**COMPOSE, "services": {"api": {"image": 1}}})), "the schema is one that says no"


@pytest.fixture(scope="module")
def clone():
    with project.opened(engine.shared()) as opened:
        project.origin(opened)
        yield opened


def ready_after(clone):
    """Types Start; seconds from the command that starts it all to the api's /readyz."""
    *before, up, readyz = project.commands("Start")
    assert up.endswith("up -d") and readyz.endswith("/readyz")
    for line in before:
        clone.type(line)
    began = time.monotonic()
    clone.type(up)
    assert "ok" in clone.type(readyz) or clone.ask("GET", "/readyz")[0] == 200
    return time.monotonic() - began


def secrets_stay_secret(clone):
    """In nothing that `docker` shows, nor in what a program was started with."""
    secrets = {path.read_text().split()[-1] for path in (clone.directory / "docker/secrets").rglob("*") if path.is_file()}
    secrets |= {clone.secret("redis/password")}
    docker = clone.docker.docker
    seen = [docker("history", "--no-trunc", clone.docker.image).stdout, json.dumps(clone.docker.inspect(clone.docker.image))]
    for one in (found for service in SERVICES for found in clone.containers(service)):
        seen += [json.dumps(one), docker("logs", one["Id"]).stdout]
        for pid in docker("top", one["Id"], "-o", "pid").stdout.split()[1:]:
            with contextlib.suppress(OSError):  # a health check that has ended
                seen += [pathlib.Path("/proc", pid, name).read_bytes().decode(errors="replace") for name in ("environ", "cmdline")]
    text = "\n".join(seen)
    assert len(secrets) >= 4 and "kedge-worker" in text
    assert not [secret for secret in secrets if secret in text]


def at_rest(clone):
    """Memory of each service's containers."""
    names = {one["Id"][:12]: service for service in SERVICES for one in clone.containers(service)}
    said = clone.docker.docker("stats", "--no-stream", "--format", "{{.ID}} {{.MemUsage}}", *names).stdout
    return ", ".join(f"{names[words[0][:12]]} {words[1]}" for words in sorted(map(str.split, said.splitlines()), key=lambda words: names[words[0][:12]]))


@needs_engine
def test_from_a_clone_to_the_first_check_and_away(clone, tell):
    tell(f"compose: ready {ready_after(clone):.1f} s after `up -d`")
    for service, count in (("redis", 1), ("api", 1), ("scheduler", 2), ("worker", 1)):
        clone.healthy(service, count)
    tell(f"memory at rest: {at_rest(clone)}")
    for one in (found for service in SERVICES for found in clone.containers(service)):
        assert one["HostConfig"]["ReadonlyRootfs"] and one["HostConfig"]["Memory"] > 0
    assert not any(clone.containers("redis")[0]["NetworkSettings"]["Ports"].values())

    clone.type_block("More workers")
    clone.healthy("worker", 3)
    until(lambda: len(clone.api("GET", "/api/v1/workers")) == 3, 30, "three workers have reported")

    check_ends(clone)
    secrets_stay_secret(clone)

    worker = clone.containers("worker")[0]
    os.kill(worker["State"]["Pid"], 9)
    until(lambda: clone.docker.inspect(worker["Id"])["RestartCount"] == 1, 30, "a killed worker is back")
    clone.healthy("worker", 3)

    upgrade(clone)

    began = time.monotonic()
    clone.type_block("Stop")
    tell(f"compose stop of seven containers: {time.monotonic() - began:.1f} s")
    states = [clone.docker.inspect(one)["State"] for one in clone.docker.docker(
        "ps", "-aq", "--filter", "label=com.docker.compose.service=worker").stdout.split()]
    assert [state["ExitCode"] for state in states] == [0, 0, 0]
    clone.type(project.commands("Start")[3])
    until(lambda: clone.ask("GET", "/readyz")[0] == 200, 60, "up -d goes on")
    assert clone.api("GET", "/api/v1/projects"), "all is still there"
    removed(clone)


def check_ends(clone):
    """A check of a repository by the real terraform, after a setting was changed as the documentation says."""
    clone.settings(**project.REPOSITORIES)
    clone.compose("up", "-d", "--scale", "worker=3")
    for service, count in (("api", 1), ("worker", 3)):
        clone.healthy(service, count)
    clone.repository("net", HCL)
    clone.api("PUT", "/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    clone.api("PUT", "/api/v1/projects/p/workspaces/w", {"directory": "."})
    run = clone.api("POST", "/api/v1/drift", {"projectId": "p", "workspaceId": "w"})["runId"]
    seen = until(lambda: (lambda one: one["status"] not in ("queued", "running") and one)(clone.api("GET", f"/api/v1/runs/{run}?wait=20")),
                 120, "the run ends")
    assert seen["status"] == "drift_detected" and seen["metadata"]["toAdd"] == 1, seen


def upgrade(clone):
    """Something new is pushed, and the lines are typed; only --pull is left out, since there is no registry."""
    bare, work = clone.directory.with_name(clone.directory.name + ".git"), clone.directory.with_name(clone.directory.name + ".work")
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run(["git", "clone", "-q", bare, work], check=True)
    with open(work / "docker/Dockerfile", "a") as file:
        file.write("LABEL upgraded=yes\n")
    subprocess.run([*git, "commit", "-qam", "new"], check=True)
    subprocess.run([*git, "push", "-q"], check=True)
    old = {one["Id"] for service in OURS for one in clone.containers(service)}
    lines = project.commands("Upgrade")
    assert any(line.endswith(" build --pull") for line in lines)
    for line in lines:
        clone.type(line.removesuffix(" --pull"))
    for service, count in (("api", 1), ("scheduler", 2), ("worker", 3)):
        clone.healthy(service, count)
        for one in clone.containers(service):
            assert one["Id"] not in old and one["Config"]["Labels"]["upgraded"] == "yes"
    assert clone.api("GET", "/api/v1/projects"), "what was there is there"


def removed(clone):
    clone.remove()
    for words in (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q")):
        assert not clone.docker.docker(*words, "--filter", "label=com.docker.compose.project=docker").stdout.split(), words
