#!/usr/bin/python3
"""Runs the end-to-end tests against the programs of a variant; ends with the totals.

    tests/e2e/run.py release|asan [pytest arguments …]
"""
import contextlib
import importlib.util
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from make import make
OTHERS = ("tests/patient", "tests/ship")  # suites of their own


def finish(command, **options):
    """Runs it to its end. An interrupt reaches it too: it is given the time to tidy up."""
    with subprocess.Popen(command, **options) as process:
        while process.returncode is None:
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()


def main():
    variant, arguments = sys.argv[1], sys.argv[2:]
    make(variant, "programs")
    other = arguments[0] if arguments[:1] and arguments[0] in OTHERS else None
    stage = pathlib.Path(other or "tests/e2e").name
    report = ROOT / "build" / variant / f"{stage}.xml"
    report.unlink(missing_ok=True)
    # The tests wait more than they work. A file is one piece: its tests share what they started.
    spread = ["-n", str(os.cpu_count() + 1), "--dist", "loadfile"] if importlib.util.find_spec("xdist") else []
    if stage == "ship":
        spread = []  # what they start is spread itself; and some of it is measured
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "KEDGE_TEST_REDIS", "KEDGE_DEBIAN_MIRROR") if key in os.environ}
    finish(
        ["/usr/bin/python3", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--tb=short", *spread,
         f"--junitxml={report}", *(arguments or ["tests/e2e"])],
        cwd=ROOT, env=keep | {"KEDGE_TEST_VARIANT": variant})
    if not report.exists():
        print("0 passed, 1 failed, 0 skipped")
        return 1
    suite = xml.parse(report).getroot().find("testsuite")
    total, failed, skipped = (
        int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors")), int(suite.get("skipped")))
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
