"""make run: the script behind it, in a directory of its own, with the sample that needs no provider."""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import needs_terraform
from stack import ROOT, VARIANT, until

pytestmark = [needs_terraform, pytest.mark.skipif(VARIANT != "release", reason="the demo runs the release programs")]


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    (tmp_path / "build").symlink_to(ROOT / "build")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DEMO_SAMPLE": "builtin", "KEDGE_LISTEN": f"127.0.0.1:{port}"}
    return tmp_path, environment


def hear_ctrl_c():
    """Who was started in the background ignores it, and a shell cannot trap what it has ignored from its start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def processes_of(tree):
    done = subprocess.run(["pgrep", "-f", str(tree / "var")], capture_output=True, text=True)
    return done.stdout.split()


def test_it_shows_drift_and_the_second_call_goes_on_from_there(tree):
    tree, environment = tree
    run = lambda: subprocess.run([tree / "docker/demo/run.sh"], env=environment | {"DEMO_ONCE": "1"}, capture_output=True, text=True, timeout=120)
    first = run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(r"status +clean[\s\S]*status +drift_detected[\s\S]*terraform_data\.motd", first.stdout), first.stdout
    second = run()
    assert second.returncode == 0, second.stdout + second.stderr
    assert "First check" not in second.stdout and "drift_detected" in second.stdout
    assert "warning:" not in second.stderr
    assert not processes_of(tree)


def test_ctrl_c_stops_everything_and_a_second_copy_is_refused(tree):
    tree, environment = tree
    with open(tree / "out", "w+") as out:
        demo = subprocess.Popen([tree / "docker/demo/run.sh"], env=environment, stdout=out, stderr=out, start_new_session=True,
                                preexec_fn=hear_ctrl_c)
    try:
        until(lambda: "Ctrl-C" in (tree / "out").read_text() or demo.poll() is not None, 60, "the demo is up")
        assert demo.poll() is None, (tree / "out").read_text()
        second = subprocess.run([tree / "docker/demo/run.sh"], env=environment, capture_output=True, text=True, timeout=30)
        assert second.returncode != 0 and "already running" in second.stderr
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 0
    finally:
        demo.terminate()
        demo.wait(60)
    assert not processes_of(tree)


def test_a_port_that_is_taken_is_said(tree):
    tree, environment = tree
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment["KEDGE_LISTEN"] = "127.0.0.1:%d" % taken.getsockname()[1]
        done = subprocess.run([tree / "docker/demo/run.sh"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "did not start" in done.stderr and "ddress already in use" in done.stderr, done.stderr
    assert not processes_of(tree)
