"""Fixtures of the end-to-end tests."""
import shutil

import pytest

from stack import FOLLOWS_FILE, ROOT, VARIANT, Stack, until

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
# What takes long and has the programs do nothing that quicker tests, or those of the units, do not.
once = pytest.mark.skipif(VARIANT == "asan", reason="it is long, and quicker ones run with the sanitizers")


# They are spread over some processes file by file: the longest must not be the last to begin.
LONG_FILES = [f"test_{name}" for name in (
    "outside_drift", "bad_luck", "atlantis", "live_log", "chaos", "cancel_random", "reconcile_guards", "bad_input", "reconcile_api",
    "cron_differential", "reference", "ignore", "reconcile_killed", "drift_check", "ai_suggest", "pull_requests", "apply_luck",
    "schedule_fire")]


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG_FILES.index(item.path.stem) if item.path.stem in LONG_FILES else len(LONG_FILES))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        for value in item.funcargs.values():
            if isinstance(value, Stack):
                value.failed = True


@pytest.fixture
def kedge():
    """A started stack with one worker, for this test alone."""
    with Stack() as stack:
        yield stack.start()


@pytest.fixture
def bare():
    """A stack of which nothing is started yet."""
    with Stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def shared():
    """One started stack for all tests of a module that leave each other alone."""
    with Stack() as stack:
        yield stack.start()


@pytest.fixture
def applied(kedge):
    """A started stack with a registered workspace whose state is as the code says."""
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    kedge.apply("acme/net")
    kedge.register("acme/net")
    return kedge


@pytest.fixture
def git_http(kedge):
    """Base URL of the stack's repositories, served by git http-backend."""
    process = kedge.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", kedge.dir / "git")
    line = until(lambda: process.log.read_text().split("\n")[0] if "\n" in process.log.read_text() else None,
                 20, "the git server prints its port")
    return f"http://127.0.0.1:{line.split()[-1]}"
