#!/usr/bin/python3
"""Runs all stages of the tests, whatever fails, and ends with one line of totals.

    tests/run.py [stage …]       without: all of STAGES but those that want to be named

A stage that hangs is ended after STAGE_SECONDS and counts as failed; an interrupt ends all of them.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOTALS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) skipped")
STAGE_SECONDS = int(os.environ.get("STAGE_SECONDS", "1800"))
FAREWELL_SECONDS = 60  # for a stage to end what it has started

STAGES = {
    "lint": ["/usr/bin/python3", "tests/lint/lint.py"],
    "unit": ["/usr/bin/python3", "tests/unit/run.py", "release"],
    "unit-asan": ["/usr/bin/python3", "tests/unit/run.py", "asan"],
    "e2e": ["/usr/bin/python3", "tests/e2e/run.py", "release"],
    "e2e-asan": ["/usr/bin/python3", "tests/e2e/run.py", "asan"],
    "patient": ["/usr/bin/python3", "tests/e2e/run.py", "release", "tests/patient"],
    "fuzz": ["/usr/bin/python3", "tests/fuzz/run.py", os.environ.get("FUZZ_SECONDS", "3")],
    "ship": ["/usr/bin/python3", "tests/e2e/run.py", "release", "tests/ship"],
}

# What runs side by side; the stages of a lane one after the other. The first waits more than it
# works, and the compilers of the second use that. Lint only works, with what both leave of the
# processors, and the last waits for minutes of the real clock to go by.
LANES = (("e2e", "e2e-asan"), ("unit", "unit-asan", "fuzz"), ("lint",), ("patient",), ("ship",))
POLITE = ("lint",)
NAMED = ("ship",)  # slow, and more than a user may do: only for who asks for it

running = {}  # stage -> its process
interrupted = threading.Event()


def descendants(pid):
    """Processes below pid, whatever session they are in."""
    children = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1]
            children.setdefault(int(parent), []).append(int(entry.name))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found[1:]


def end(process):
    """Ends a stage with all that it started: asked first, so that tests remove their directories."""
    below = descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(FAREWELL_SECONDS)
    below += descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in below:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def end_late(stage, process):
    print(f"==> {stage}: still running after {STAGE_SECONDS} s: ended", flush=True)
    end(process)


def follow(stage, process):
    """Prints the stage's lines as they come, under its name; its totals, or None."""
    totals = None
    for line in process.stdout:
        sys.stdout.write(f"{stage}: {line}")
        sys.stdout.flush()
        found = TOTALS.fullmatch(line.strip())
        totals = tuple(map(int, found.groups())) if found else totals
    return totals


def run(stage):
    start = time.monotonic()
    print(f"==> {stage}", flush=True)
    process = subprocess.Popen(["nice", *STAGES[stage]] if stage in POLITE else STAGES[stage], cwd=ROOT,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    running[stage] = process
    timer = threading.Timer(STAGE_SECONDS, end_late, (stage, process))
    timer.start()
    totals = follow(stage, process)
    code = process.wait()
    timer.cancel()
    # A stage that dies without its totals, or says 0 failed and exits with 1, has failed.
    passed, failed, skipped = totals or (0, 1, 0)
    if code != 0 and failed == 0:
        failed = 1
    print(f"==> {stage}: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - start:.0f} s", flush=True)
    return passed, failed, skipped


def run_lane(stages):
    results = {}
    for stage in stages:
        if not interrupted.is_set():
            results[stage] = run(stage)
    return results


def run_lanes(lanes):
    """The results of all their stages; on an interrupt nothing that they started is left."""
    results = {}
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        futures = [pool.submit(run_lane, lane) for lane in lanes]
        try:
            for future in futures:
                results |= future.result()
        except KeyboardInterrupt:
            interrupted.set()
            for process in [process for process in running.values() if process.poll() is None]:
                end(process)
            raise
    return results


def main():
    stages = sys.argv[1:] or [stage for stage in STAGES if stage not in NAMED]
    if not set(stages) <= set(STAGES):
        sys.exit(f"no such stage: {', '.join(set(stages) - set(STAGES))}; there are {', '.join(STAGES)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # First, and alone: the tests with the programs need no more than these.
    if {"e2e", "patient"} & set(stages):
        subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "programs"], cwd=ROOT, check=False)
    lanes = [lane for lane in ([stage for stage in lane if stage in stages] for lane in LANES) if lane]
    try:
        results = run_lanes(lanes)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print()
    for stage in sorted(results, key=list(STAGES).index):
        passed, failed, skipped = results[stage]
        print(f"{stage:10} passed {passed:4}  failed {failed:4}  skipped {skipped:4}")
    passed, failed, skipped = (sum(column) for column in zip(*results.values()))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
