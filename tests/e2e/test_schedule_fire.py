"""Schedules and the programs that fire them, as a whole: ticks under kills (the short form of
tests/bench/schedule_kill.py), and what a scheduler says of itself."""
import http.client
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

from conftest import once
from schedule_kill import schedule_kill
from stack import BUILD, Stack, until


@once
def test_each_tick_becomes_one_run_whatever_is_killed():
    seed, verdict = schedule_kill(12)
    print(f"seed {seed}: {verdict['ticks']} ticks, kills {verdict['kills']}, late {verdict['late']} ms")
    assert verdict["ticks"] > 20 and sum(verdict["kills"].values()) > 3
    assert not {name: verdict[name][:10] for name in ("missed", "doubled", "wrong", "early") if verdict[name]}


def test_a_scheduler_tells_of_its_schedules():
    with Stack() as kedge:
        kedge.start_redis()
        scheduler = kedge.start_scheduler(metrics_listen="127.0.0.1:0")
        listening = until(lambda: scheduler.events("listening"), 20, "it listens")
        until(lambda: scheduler.events("review_done"), 20, "it has looked through all schedules")
        connection = http.client.HTTPConnection(listening[0]["address"], timeout=10)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
    for line in ('kedge_schedule_ticks_total{outcome="fired"} 0', "kedge_schedule_lateness_seconds_count 0", "kedge_schedules_due 0"):
        assert line in page.splitlines(), page


@pytest.fixture(scope="module")
def hide():
    """What makes a command run without time zones."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/share/zoneinfo && exec "$@"', "-"]
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine does not let a test hide its time zones")
    return words


def test_without_time_zones_an_api_says_so(hide):
    with Stack() as kedge:
        kedge.start_redis()
        api = kedge.spawn("api", *hide, BUILD / "kedge-api")
        until(lambda: api.events("listening"), 20, "it listens")
        assert "tzdata" in api.events("only_utc")[0]["reason"]


def test_without_time_zones_a_scheduler_does_not_start(hide):
    with Stack() as kedge:
        scheduler = kedge.spawn("scheduler", *hide, BUILD / "kedge-scheduler")
        assert scheduler.popen.wait(20) == 78
        assert "tzdata" in scheduler.events("start_failed")[0]["error"]
