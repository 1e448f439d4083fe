#!/usr/bin/python3
"""Builds every fuzzer and runs each for some seconds from its corpus; each is one test.

    tests/fuzz/run.py SECONDS [fuzz_name …]
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from make import make


def fuzz(name, seconds):
    corpus = ROOT / "tests/fuzz/corpus" / name.removeprefix("fuzz_")
    program = ROOT / "build/fuzz/tests/fuzz" / name
    with tempfile.TemporaryDirectory(prefix="kedge-fuzz-") as work:
        done = subprocess.run(
            [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
             f"-artifact_prefix={work}/", work, *([corpus] if corpus.is_dir() else [])],
            capture_output=True, text=True, errors="replace", cwd=ROOT, env={"PATH": os.environ["PATH"]})
        runs = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        executed = int(runs.group(1)) if runs else 0
        # A fuzzer that executed nothing has proved nothing.
        good = done.returncode == 0 and executed > 100
        print(f"{'passed' if good else 'failed'}  {name}: {executed} inputs in {seconds} s", flush=True)
        if not good:
            print("    " + done.stderr[-5000:].replace("\n", "\n    "))
            for crash in pathlib.Path(work).glob("crash-*"):
                print("    input:", crash.read_bytes()[:400])
        return good


def main():
    seconds, wanted = sys.argv[1], sys.argv[2:]
    names = wanted or sorted(path.stem for path in (ROOT / "tests/fuzz").glob("fuzz_*.c"))
    if not shutil.which("clang"):
        print(f"skipped: clang is not installed\n0 passed, 0 failed, {len(names)} skipped")
        return 0
    make("fuzz", "fuzz-build")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda name: fuzz(name, seconds), names))
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
