"""`make install` and `make uninstall`, the manual pages, and the units of systemd."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import once
from stack import BUILD, ROOT

pytestmark = once
PROGRAMS = ("kedge-api", "kedge-scheduler", "kedge-worker")
EXPOSURE_MAX = 3.0
needs_mandoc = pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")


def make(*words, **options):
    done = subprocess.run(["make", "-s", f"B=build/{BUILD.name}", *map(str, words)], cwd=ROOT, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    destination = tmp_path_factory.mktemp("install")
    make("install", f"DESTDIR={destination}", "PREFIX=/usr")
    return destination


def test_install_puts_everything_into_its_place_and_uninstall_takes_just_that(tmp_path):
    stranger = tmp_path / "opt" / "kedge" / "bin" / "kedge-of-somebody-else"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("")
    place = [f"DESTDIR={tmp_path}", "PREFIX=/opt/kedge"]
    make("install", *place)
    expected = {f"bin/{name}" for name in PROGRAMS} | {f"share/man/man8/{name}.8" for name in PROGRAMS} | {
        f"lib/systemd/system/{name}.service" for name in PROGRAMS} | {"lib/sysusers.d/kedge.conf", "share/doc/kedge/README.md"} | {
        f"share/doc/kedge/docs/{path.name}" for kind in ("md", "yaml") for path in (ROOT / "docs").glob(f"*.{kind}")} | {
        f"share/doc/kedge/examples/{name}.env" for name in ("api", "scheduler", "worker")}
    once_installed = files(tmp_path)
    assert once_installed == {f"opt/kedge/{path}" for path in expected} | {str(stranger.relative_to(tmp_path))}
    make("install", *place)
    assert files(tmp_path) == once_installed
    make("uninstall", *place)
    assert files(tmp_path) == {str(stranger.relative_to(tmp_path))}


def test_units_start_the_installed_programs_and_read_the_settings_told(installed, tmp_path):
    for name in PROGRAMS:
        unit = (installed / f"usr/lib/systemd/system/{name}.service").read_text()
        assert f"\nExecStart=/usr/bin/{name}\n" in unit
        assert f"\nEnvironmentFile=-/etc/kedge/{name.removeprefix('kedge-')}.env\n" in unit
        assert "@" not in unit.replace("@system-service", "").replace("@privileged", "")
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/k", "SYSCONFDIR=/opt/etc")
    unit = (tmp_path / "opt/k/lib/systemd/system/kedge-api.service").read_text()
    assert "\nExecStart=/opt/k/bin/kedge-api\n" in unit and "\nEnvironmentFile=-/opt/etc/kedge/api.env\n" in unit


def test_examples_have_only_settings_that_exist(installed):
    for name in PROGRAMS:
        example = (installed / f"usr/share/doc/kedge/examples/{name.removeprefix('kedge-')}.env").read_text()
        settings = re.findall(r"^#?(KEDGE_\w+)=(.*)$", example, re.M)
        assert len(settings) >= 2
        given = {key: value or "a-secret-of-some-length" for key, value in settings}
        given.pop("KEDGE_TERRAFORM", None)
        done = subprocess.run([installed / "usr/bin" / name, "--check-config"], env=given, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


@needs_mandoc
def test_manual_pages_are_correct(installed):
    pages = sorted((installed / "usr/share/man/man8").iterdir())
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    text = subprocess.run(["mandoc", "-T", "ascii", pages[0]], capture_output=True, text=True, check=True).stdout
    plain = re.sub(r".\x08", "", text)
    for expected in ("KEDGE-API(8)", "--check-config", "KEDGE_LISTEN", "default 127.0.0.1:4141", "SIGHUP", "EXIT STATUS"):
        assert expected in plain, expected


def test_manual_pages_bear_the_date_of_the_source(installed, tmp_path):
    page = "usr/share/man/man8/kedge-api.8"
    assert re.search(r"^\.Dd \w+ \d+, 20\d\d$", (installed / page).read_text(), re.M)
    made = subprocess.run([BUILD / "conf_doc", "kedge-api", "May 1, 2026"], capture_output=True, text=True, check=True).stdout
    again = subprocess.run([BUILD / "conf_doc", "kedge-api", "May 1, 2026"], capture_output=True, text=True, check=True).stdout
    assert made == again and "\n.Dd May 1, 2026\n" in made
    assert subprocess.run([BUILD / "conf_doc", "kedge-cooker", "May 1, 2026"], capture_output=True).returncode == 64


def systemd_analyze(*words):
    """What it says; skips where it is not, or is too old for these words."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip(f"this systemd-analyze has no {words[1]}")
    return done


def unit(installed, name, tmp_path):
    """Its path, below a root in which the program is where the unit says."""
    path = tmp_path / f"{name}.service"
    path.write_text((installed / f"usr/lib/systemd/system/{name}.service").read_text().replace("/usr/bin/kedge", f"{installed}/usr/bin/kedge"))
    return path


@pytest.mark.parametrize("name", PROGRAMS)
def test_systemd_understands_the_unit(installed, tmp_path, name):
    done = systemd_analyze("verify", "--recursive-errors=no", "--man=no", unit(installed, name, tmp_path))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_unit_exposes_little(installed, tmp_path, name):
    done = systemd_analyze("security", "--offline=true", "--no-pager", unit(installed, name, tmp_path))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) < EXPOSURE_MAX, done.stdout


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(m|s|)", text).groups()
    return int(number) * (60 if unit == "m" else 1)


def test_stopping_a_worker_takes_no_apply_down_and_gives_it_the_time_it_needs(installed):
    unit = (installed / "usr/lib/systemd/system/kedge-worker.service").read_text()
    printed = subprocess.run([installed / "usr/bin/kedge-worker", "--print-config"], env={}, capture_output=True, text=True, check=True).stdout
    settings = dict(line.split("=", 1) for line in printed.splitlines())
    needed = seconds(settings["KEDGE_STOP_TIMEOUT"]) + 2 * seconds(settings["KEDGE_CANCEL_GRACE"]) + 10
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)[1]) > needed
    assert "\nKillMode=process\n" in unit and "PrivateTmp=yes" not in unit


def test_a_package_can_be_made(tmp_path):
    if shutil.which("dpkg-shlibdeps") is None:
        pytest.skip("dpkg-dev is not installed")
    make("deb", f"DEBDIR={tmp_path}")
    package, = tmp_path.glob("kedge_*.deb")
    fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Depends: .*libc6 .*libhiredis.*systemd-sysusers", fields, re.M), fields
    content = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^-rw------- root/root .* \./etc/kedge/api\.env$", content, re.M), content
    assert re.search(r"^-rwxr-xr-x root/root .* \./usr/bin/kedge-worker$", content, re.M), content
    assert "./usr/share/man/man8/kedge-api.8.gz" in content


def test_making_a_package_ends_where_its_dependencies_cannot_be_found(tmp_path):
    broken = tmp_path / "dpkg-shlibdeps"
    broken.write_text("#!/bin/sh\nexit 2\n")
    broken.chmod(0o755)
    done = subprocess.run(["make", "-s", f"B=build/{BUILD.name}", "deb", f"DEBDIR={tmp_path}"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode != 0 and "dpkg-deb" not in done.stderr, done.stderr
    assert not list(tmp_path.glob("*.deb"))
