#!/usr/bin/python3
"""Runs all stages of the tests, whatever fails, and ends with one line of totals.

    tests/run.py [stage …]       without: all of STAGES
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOTALS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")

STAGES = {
    "lint": ["/usr/bin/python3", "tests/lint/lint.py"],
    "unit": ["/usr/bin/python3", "tests/unit/run.py", "release"],
    "unit-asan": ["/usr/bin/python3", "tests/unit/run.py", "asan"],
    "e2e": ["/usr/bin/python3", "tests/e2e/run.py", "release"],
    "e2e-asan": ["/usr/bin/python3", "tests/e2e/run.py", "asan"],
    "patient": ["/usr/bin/python3", "tests/e2e/run.py", "release", "tests/patient"],
    "fuzz": ["/usr/bin/python3", "tests/fuzz/run.py", os.environ.get("FUZZ_SECONDS", "3")],
}


# The others wait more than they work. Of these one only works, with what they leave of the
# processors, and one waits for minutes of the real clock to go by.
BESIDE = ("lint", "patient")


def read(stage, process):
    """The stage's lines, as they come; those of one beside the others when it has ended."""
    if stage in BESIDE:
        return process.communicate()[0].splitlines(keepends=True)
    return process.stdout


def run(stage):
    start = time.monotonic()
    totals = None
    process = subprocess.Popen(["nice", *STAGES[stage]] if stage in BESIDE else STAGES[stage], cwd=ROOT,
                               stdout=subprocess.PIPE, text=True, errors="replace")
    if stage not in BESIDE:
        print(f"==> {stage}", flush=True)
    for line in read(stage, process):
        sys.stdout.write(f"{stage}: {line}" if stage in BESIDE else line)
        sys.stdout.flush()
        found = TOTALS.fullmatch(line.strip())
        totals = tuple(map(int, found.groups())) if found else totals
    code = process.wait()
    # A stage that dies without its totals, or says 0 failed and exits with 1, has failed.
    passed, failed, skipped = totals or (0, 1, 0)
    if code != 0 and failed == 0:
        failed = 1
    print(f"==> {stage}: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - start:.0f} s", flush=True)
    return passed, failed, skipped


def main():
    stages = sys.argv[1:] or list(STAGES)
    if "patient" in stages:  # so that two stages do not make the same files at once
        subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "programs"], cwd=ROOT, check=False)
    with concurrent.futures.ThreadPoolExecutor(len(BESIDE)) as pool:
        beside = {stage: pool.submit(run, stage) for stage in stages if stage in BESIDE}
        results = {stage: run(stage) for stage in stages if stage not in BESIDE}
        results |= {stage: future.result() for stage, future in beside.items()}
    print()
    for stage, (passed, failed, skipped) in results.items():
        print(f"{stage:10} passed {passed:4}  failed {failed:4}  skipped {skipped:4}")
    passed, failed, skipped = (sum(column) for column in zip(*results.values()))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
