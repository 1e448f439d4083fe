"""The same source on Debian 13, in roots made by debootstrap: it builds without a warning, with TLS to Redis;
its unit tests and the core of the end-to-end tests pass there; `make run` works where nothing is installed.
On Debian 12 it builds as well, and refuses rediss:// with a sentence.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import debian

pytestmark = pytest.mark.skipif(bool(debian.missing()), reason=debian.missing())

TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
SETS = ("build", "run", "test")
HERE = "/kedge"
TERRAFORM = shutil.which("terraform")
needs_terraform = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on PATH")

# What has one of everything: both families, checks, applies, schedules, hooks, logs, the sandbox, git.
CORE = {"drift_check", "reference", "atlantis", "http", "schedule_fire", "hooks", "live_log", "sandbox", "webhooks", "secrets",
        "openapi", "reconcile_api", "redis_tls"}
# What a library does that has another version there: HTTPS, connections that wait or break, sentinels.
LIBRARY = {"https", "drain", "reload", "rolling_restart", "sentinel"}
# Where the connection to Redis makes a difference: long replies, streams, blocked reads, many programs at once.
CONNECTED = {"drift_check", "atlantis", "schedule_fire", "hooks", "live_log", "reconcile_api", "drain", "rolling_restart"}
OVER = {"socket": CORE | LIBRARY, "tls": CONNECTED}
# The other side of what is built there.
SKIPPED_UNITS = {"where_it_is_not_built_the_url_is_refused"}
# The versions that Debian 12 does not have: when one is not met, this is not the system that is meant.
LIBRARIES = {"hiredis": "1.0", "libmicrohttpd": "1.0", "libgit2": "1.9", "libcurl": "8"}
HEALTHY_MS = 2000


def make_root(suite, **wanted):
    """A skip where nothing is kept and nothing can be had."""
    kept = [debian.KEPT / debian.kept_name(suite, wanted.get("packages", ()), wanted.get("sets", ()))]
    why = debian.offline(suite) if not all(path.exists() for path in kept) else ""
    if why:
        pytest.skip(why)
    return debian.Root(suite, **wanted)


class Kedge:
    """The source in a root, built with every warning an error."""

    def __init__(self, root):
        self.root = root
        self.readonly = {TERRAFORM: "/usr/local/bin/terraform"} if TERRAFORM else {}

    def run(self, *command, **environment):
        return self.root.run(*command, cwd=HERE, readonly=self.readonly, environment=environment)

    def suite(self, *command, **environment):
        """(passed, skipped, what it printed, seconds) of a suite that ends with its totals and has no failure."""
        began = time.monotonic()
        done = subprocess.run(self.root.command(*command, cwd=HERE, readonly=self.readonly, environment=environment),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        totals = TOTALS.findall(done.stdout)
        assert totals, done.stdout[-8000:]
        passed, failed, skipped = map(int, totals[-1])
        assert done.returncode == 0 and failed == 0, done.stdout[-12000:]
        return passed, skipped, done.stdout, time.monotonic() - began


@pytest.fixture(scope="module")
def kedge(tell):
    with make_root("trixie", packages=["valkey-server"], sets=SETS) as root:
        root.copy_tree()
        kedge = Kedge(root)
        began = time.monotonic()
        kedge.said = kedge.run("make", f"-j{os.cpu_count()}", "programs", "unit-build", CI="1")
        tell(f"Debian 13: built in {time.monotonic() - began:.0f} s")
        yield kedge


def test_it_builds_without_a_warning(kedge):
    assert "-Werror" in kedge.said and "warning:" not in kedge.said
    for library, version in LIBRARIES.items():
        kedge.run("pkg-config", "--atleast-version", version, library)
    assert "libssl" in kedge.run("ldd", "build/release/kedge-worker")


def test_the_programs_are_healthy_soon_after_their_start(kedge, tell):
    for redis in ("socket", "tls"):
        took = json.loads(kedge.run("/usr/bin/python3", "tests/ship/start.py", KEDGE_TEST_REDIS=redis).splitlines()[-1])
        tell(f"Debian 13: healthy after {took} ms, Redis over {redis}")
        assert all(ms < HEALTHY_MS for ms in took.values()), took


def test_the_unit_tests_pass(kedge, tell):
    assert " v=8." in kedge.run("redis-server", "--version")
    passed, skipped, said, seconds = kedge.suite("/usr/bin/python3", "tests/unit/run.py", "release")
    tell(f"Debian 13: {passed} unit tests passed, {skipped} skipped in {seconds:.0f} s")
    assert set(re.findall(r"^ *ok .*# SKIP (\w+)", said, re.M)) == SKIPPED_UNITS, said


@needs_terraform
@pytest.mark.parametrize("redis", OVER)
def test_the_core_of_the_end_to_end_tests_passes(kedge, tell, redis):
    files = [f"tests/e2e/test_{name}.py" for name in sorted(OVER[redis])]
    passed, skipped, said, seconds = kedge.suite("/usr/bin/python3", "tests/e2e/run.py", "release", *files, KEDGE_TEST_REDIS=redis)
    tell(f"Debian 13: {passed} end-to-end tests passed, {skipped} skipped, Redis over {redis}, in {seconds:.0f} s")
    assert not re.search(r"^SKIPPED.*(not built|terraform)", said, re.M), said


def test_valkey_serves_as_well(kedge, tell):
    """Under the name that the tests call."""
    kedge.run("sh", "-c", "mkdir -p /opt/valkey && ln -sf /usr/bin/valkey-server /opt/valkey/redis-server")
    names = sorted(path.stem for path in (kedge.root.directory / "kedge/tests/unit").glob("test_*.c")
                   if re.match(r"test_(queue|redis$|redis_link|registry|schedule|fire|outbox|hook_store|sweep)", path.stem))
    passed, _, _, seconds = kedge.suite("/usr/bin/python3", "tests/unit/run.py", "release", *names, PATH=f"/opt/valkey:{debian.PATH}")
    tell(f"Debian 13: {passed} unit tests passed with Valkey in {seconds:.0f} s")


@needs_terraform
def test_make_run_works_where_nothing_is_installed(tell):
    why = debian.offline()
    if why:
        pytest.skip(why)
    with make_root("trixie", packages=["make"]) as root, socket.socket() as free:
        root.copy_tree()
        root.run("sh", "-c", "for tool in python3 gcc git curl jq redis-server; do ! command -v $tool || exit 1; done")
        free.bind(("127.0.0.1", 0))
        environment = {"DEMO_ONCE": "1", "KEDGE_LISTEN": f"127.0.0.1:{free.getsockname()[1]}"}
        free.close()
        outputs = []
        for _ in range(2):
            began = time.monotonic()
            outputs.append(root.run("make", "run", cwd=HERE, readonly={TERRAFORM: "/usr/local/bin/terraform"}, environment=environment))
            tell(f"Debian 13: make run took {time.monotonic() - began:.0f} s")
        first, second = outputs
        assert re.search(r"^Installing:.* gcc ", first, re.M) and "Installing" not in second
        assert re.search(r"status +clean[\s\S]*status +drift_detected", first), first
        assert "First check" not in second and "drift_detected" in second, second


def test_on_debian_12_it_builds_and_refuses_tls_with_a_sentence(tell):
    with make_root("bookworm", packages=["dpkg-dev"], sets=("build",)) as root:
        root.copy_tree()
        kedge = Kedge(root)
        began = time.monotonic()
        said = kedge.run("make", f"-j{os.cpu_count()}", "programs", CI="1")
        tell(f"Debian 12: built in {time.monotonic() - began:.0f} s")
        assert "-Werror" in said and "warning:" not in said
        refused = subprocess.run(
            root.command("build/release/kedge-worker", "--check-config", cwd=HERE, environment={"KEDGE_REDIS_URL": "rediss://redis.example"}),
            capture_output=True, text=True)
        assert refused.returncode == 78
        assert re.search(r"KEDGE_REDIS_URL.*TLS", refused.stdout + refused.stderr), refused
