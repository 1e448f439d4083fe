#!/usr/bin/python3
"""Builds and runs every unit test program of a variant; counts their tests.

    tests/unit/run.py release|asan|tsan [test_name …]
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from make import make
PROGRAM_SECONDS = 300


def environment():
    """A clean one: what the machine's owner has set must not decide a test."""
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return keep | {
        "CMOCKA_MESSAGE_OUTPUT": "TAP",
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "LSAN_OPTIONS": "print_suppressions=0",
    }


def run(program):
    """(passed, failed, skipped) of one program, from its TAP."""
    try:
        done = subprocess.run([program], cwd=ROOT, env=environment(), capture_output=True, text=True,
                              errors="replace", timeout=PROGRAM_SECONDS)
        text, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = f"{late.stdout}\n{late.stderr}\nstill running after {PROGRAM_SECONDS} s", 124
    skipped = len(re.findall(r"^(?:not )?ok .*# SKIP", text, re.M))
    failed = len(re.findall(r"^not ok (?!.*# SKIP)", text, re.M))
    passed = len(re.findall(r"^ok (?!.*# SKIP)", text, re.M))
    if code != 0 and failed == 0:
        failed = 1
    word = "failed" if failed else "passed"
    print(f"{word}  {program.name}: {passed} passed, {failed} failed, {skipped} skipped of it", flush=True)
    for line in re.findall(r"^.*# SKIP.*$", text, re.M):
        print("    " + line)
    if failed:
        print("    " + text[-6000:].replace("\n", "\n    "))
    return passed, failed, skipped


def main():
    variant, wanted = sys.argv[1], sys.argv[2:]
    make(variant, "programs", "unit-build")
    names = wanted or sorted(path.stem for path in (ROOT / "tests/unit").glob("test_*.c"))
    programs = [ROOT / "build" / variant / "tests/unit" / name for name in names]
    with concurrent.futures.ThreadPoolExecutor(2 * os.cpu_count()) as pool:  # most of them wait for a Redis or a child
        results = list(pool.map(run, programs))
    print("{} passed, {} failed, {} skipped".format(*map(sum, zip(*results))))
    return 1 if any(failed for _, failed, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main())
