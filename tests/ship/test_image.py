"""The container image: built by a real engine, and what it holds, may do and says about itself."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

import debian
import engine
from engine import ROOT, until

WHY_NOT = engine.missing()
needs_engine = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
DOCKERFILES = [ROOT / "docker/Dockerfile", ROOT / "docker/demo/Dockerfile"]
PROGRAMS = ("kedge-api", "kedge-worker", "kedge-scheduler")
HEALTHY_MS = 2000
LOCKED = ("--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true")


def instructions(path):
    """[(word, arguments)] of a Dockerfile, its comments and continued lines resolved."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_keeps_the_rules_that_linters_have(path):
    steps = instructions(path)
    assert {word for word, _ in steps} <= {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
                                            "HEALTHCHECK", "ENTRYPOINT", "CMD"}, "plain syntax that every builder takes, and no ADD"
    last = max(number for number, (word, _) in enumerate(steps) if word == "FROM")
    for word, arguments in steps:
        if word == "FROM":
            assert arguments.startswith("${"), f"base images can be replaced: {arguments}"
        if word == "RUN" and ("apt-get install" in arguments or "packages.sh build" in arguments):
            assert "rm -rf /var/lib/apt/lists/*" in arguments, "no layer keeps the lists of apt"
            assert "apt-get install" not in arguments or "--no-install-recommends" in arguments
        if word in ("CMD", "ENTRYPOINT"):
            assert arguments.startswith("["), "no shell between the engine and the program"
    for word, arguments in steps[:last]:
        if word == "ARG" and "IMAGE" in arguments:
            assert re.search(r":(\$\{|\w)", arguments.split("=", 1)[1]), f"a base image has a version: {arguments}"
    users = [arguments for word, arguments in steps[last:] if word == "USER"]
    assert users == ["4141:4141"], "ends as a user who is not root, by number"


@pytest.fixture(scope="module")
def docker():
    return engine.shared()


@pytest.fixture
def network(docker):
    """A network with a Redis that is fit, named redis."""
    name = f"test{time.monotonic_ns()}"
    docker.docker("network", "create", name)
    started = [docker.docker("run", "-d", "--network", name, "--network-alias", "redis", docker.base_images[2], "redis-server",
                             "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--protected-mode", "no").stdout.strip()]
    yield name
    ids = docker.docker("ps", "-aq", "--filter", f"network={name}").stdout.split()
    docker.docker("rm", "-f", "-v", *{*ids, *[full[:12] for full in started]}, check=False)
    docker.docker("network", "rm", name)


def run(docker, network, program, *options):
    return docker.docker("run", "-d", "--network", network, *LOCKED, "-e", "KEDGE_REDIS_URL=redis://redis:6379/0", *options, docker.image,
                         program).stdout.strip()


@needs_engine
def test_the_image_says_what_it_is_and_holds_no_more_than_a_run_needs(docker, tell):
    seen = docker.inspect(docker.image)
    conf = seen["Config"]
    assert conf["User"] == "4141:4141" and conf["StopSignal"] == "SIGTERM"
    assert conf["Entrypoint"] == ["/usr/bin/tini", "--"] and conf["Healthcheck"]["Test"][0] == "CMD"
    assert list(conf["Volumes"]) == ["/var/lib/kedge"]
    labels = conf["Labels"]
    assert labels["org.opencontainers.image.title"] == "Kedge"
    version = docker.docker("run", "--rm", docker.image, "kedge-api", "--version").stdout.split()[1]
    assert labels["org.opencontainers.image.version"] == version
    base = docker.inspect(docker.base_images[0])["Size"]
    tell(f"image: {seen['Size'] >> 20} MiB, of which the base is {base >> 20} and terraform {docker.inspect(docker.base_images[1])['Size'] >> 20}")
    look = docker.docker("run", "--rm", docker.image, "sh", "-c", """
        for tool in cc gcc make python3 curl; do command -v $tool && echo "has $tool"; done
        ls -d /src 2>/dev/null
        ls /usr/share/zoneinfo/US/Eastern /etc/ssl/certs/ca-certificates.crt
        git --version; terraform version; id -u; for p in api worker scheduler; do kedge-$p --version; done""", check=False).stdout
    assert "has " not in look and "/src" not in look, look
    for wanted in ("US/Eastern", "ca-certificates.crt", "git version", "Terraform v", "4141", *PROGRAMS):
        assert wanted in look, look
    assert "No such file" not in look


@needs_engine
def test_all_three_are_healthy_soon_without_root_and_with_a_read_only_root(docker, network, tell):
    until(lambda: "PONG" in docker.docker("run", "--rm", "--network", network, docker.base_images[2], "redis-cli", "-h", "redis", "ping",
                                          check=False).stdout, 30, "redis answers")
    for program in PROGRAMS:
        name = run(docker, network, program)
        ask = ("exec", name, program, "--health")
        until(lambda: docker.docker(*ask, check=False).returncode == 0, 30, f"{program} is healthy")
        healthy_at = time.time()
        state = docker.inspect(name)["State"]
        began = docker.docker("inspect", "-f", "{{.State.StartedAt}}", name).stdout.strip()[:26]
        seconds = healthy_at - time.mktime(time.strptime(began[:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone - float("0" + began[19:])
        tell(f"{program}: healthy {seconds:.2f} s after its container started, the asking included")
        assert seconds < 30
        uids = [line.split()[1] for line in pathlib.Path(f"/proc/{state['Pid']}/status").read_text().splitlines() if line.startswith("Uid")]
        assert uids == ["4141"]
        began = time.monotonic()
        assert docker.docker(*ask).stdout.count("\n") == 1
        tell(f"{program} --health: {(time.monotonic() - began) * 1000:.0f} ms, docker exec included")
        assert "Read-only file system" in docker.docker("exec", name, "touch", "/usr/x", check=False).stdout
        until(lambda: docker.inspect(name)["State"]["Health"]["Status"] == "healthy", 60, f"the image's own check of {program}")
        docker.docker("stop", "-t", "20", name)
        assert docker.inspect(name)["State"]["ExitCode"] == 0


@needs_engine
def test_its_programs_are_healthy_within_two_seconds_in_a_debian_root(docker, tell):
    """The image's own binaries, measured where no engine takes part."""
    name = docker.docker("create", docker.image).stdout.strip()
    with debian.Root("trixie", packages=["valkey-server"], sets=["build", "run", "test"]) as root:
        root.copy_tree()
        where = root.directory / "kedge/build/release"
        where.mkdir(parents=True)
        for program in PROGRAMS:
            docker.docker("cp", f"{name}:/usr/local/bin/{program}", where)
        docker.docker("rm", name)
        took = json.loads(root.run("/usr/bin/python3", "tests/ship/start.py", cwd="/kedge").splitlines()[-1])
    tell(f"the image's programs in a Debian root: healthy after {took} ms")
    assert set(took) == set(PROGRAMS) and all(ms < HEALTHY_MS for ms in took.values()), took


@needs_engine
def test_landlock_confines_runs_or_the_worker_says_that_it_does_not(docker, network):
    name = run(docker, network, "kedge-worker")
    until(lambda: docker.docker("exec", name, "kedge-worker", "--health", check=False).returncode == 0, 30, "healthy")
    log = docker.docker("logs", name).stdout
    strict = run(docker, network, "kedge-worker", "-e", "KEDGE_SANDBOX=landlock")
    if "sandbox_missing" in log:
        until(lambda: not docker.inspect(strict)["State"]["Running"], 30, "the strict one refuses")
    else:
        until(lambda: docker.docker("exec", strict, "kedge-worker", "--health", check=False).returncode == 0, 30, "healthy")


@needs_engine
def test_a_process_1_that_was_killed_comes_back_and_the_limit_of_memory_holds(docker, network):
    name = run(docker, network, "kedge-scheduler", "--restart", "unless-stopped", "--memory", "64m")
    state = until(lambda: docker.inspect(name)["State"]["Running"] and docker.inspect(name)["State"], 30, "runs")
    os.kill(state["Pid"], 9)
    until(lambda: docker.inspect(name)["RestartCount"] >= 1, 30, "it is started again")
    until(lambda: docker.docker("exec", name, "kedge-scheduler", "--health", check=False).returncode == 0, 30, "it is back")
    hog = docker.docker("run", "--memory", "64m", "--memory-swap", "64m", docker.image, "sh", "-c", "head -c 200m /dev/zero | tail", check=False)
    assert hog.returncode == 137, "killed by the kernel"
    files = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"  # of version 2, of version 1
    limit = docker.docker("exec", name, "sh", "-c", f"cat {files} 2>/dev/null", check=False).stdout
    assert limit.strip() == str(64 << 20)


@needs_engine
def test_no_secret_of_the_tree_gets_into_the_image(docker):
    """What is below docker/secrets/ and .git does not even get to the engine."""
    with open(ROOT / ".dockerignore") as file:
        rules = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    assert rules[0] == "**" and not any("secret" in rule or ".git" in rule or rule == "!docker" for rule in rules)
    history = docker.docker("history", "--no-trunc", docker.image).stdout
    assert not re.search(r"(?i)password|token=|secret=", history)
    assert subprocess.run(["git", "check-ignore", "-q", "docker/secrets/api/api_secret"], cwd=ROOT).returncode in (0, 128)
