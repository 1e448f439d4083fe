#!/usr/bin/python3
"""Lint: what must hold for the source as text. Each check is one test.

Prints a line per check and ends with `N passed, N failed, N skipped`.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from make import make

ROOMS = ("common", "api", "worker", "scheduler")

# Folders, a floor a line: what stands on one uses its own floor and those below it.
FLOORS = {
    "common": ["base", "conf redis", "net", "queue registry schedule hook audit"],
    "api": ["server log", "run drift atlantis registry schedule hook webhook ai ops"],
    "worker": ["process text", "rundir report vcs resolve", "terraform checkout", "runner supervisor"],
}
FORBIDDEN = re.compile(
    r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|system|popen|alloca|signal|"
    r"localtime|gmtime|setenv|putenv|getenv)\s*\("
)
FUNCTION_LINES = 60
FILE_LINES = 400


class Skip(Exception):
    pass


def sources(*suffixes, rooms=ROOMS + ("tests",)):
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def name(path):
    return str(path.relative_to(ROOT))


def without_comments(text):
    blank = lambda match: re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def check_forbidden_functions():
    """strcpy, system, setenv … are not called; getenv only in conf.c"""
    for path in sources(".c", ".h", rooms=ROOMS):
        for number, line in enumerate(without_comments(path.read_text()).split("\n"), 1):
            found = FORBIDDEN.search(line)
            if found and not (found.group(1) == "getenv" and path.name.startswith("conf")):
                yield f"{name(path)}:{number}: {found.group(1)}"


def check_rooms():
    """common includes no program; programs do not include one another"""
    for path in sources(".c", ".h", rooms=ROOMS):
        room = path.relative_to(ROOT).parts[0]
        for number, line in enumerate(path.read_text().split("\n"), 1):
            found = re.match(r'#include "(\w+)/', line)
            if found and found.group(1) not in ("common", room):
                yield f"{name(path)}:{number}: {line}"


def floor_of(room, folder):
    return next((floor for floor, folders in enumerate(FLOORS[room]) if folder in folders.split()), None)


def check_floors():
    """a folder of common, api or worker uses its own floor and lower ones; every folder has a floor"""
    for path in sources(".c", ".h", rooms=FLOORS):
        room, *folders = path.relative_to(ROOT).parts[:-1]
        if not folders:
            continue
        own = floor_of(room, folders[0])
        if own is None:
            yield f"{name(path)}: no floor: add its folder to FLOORS in tests/lint/lint.py"
            continue
        for folder in re.findall(rf'^#include "{room}/(\w+)/', path.read_text(), re.M):
            used = floor_of(room, folder)
            if used is None or used > own:
                yield f"{name(path)} (floor {own}) includes {room}/{folder} (floor {used})"


def check_file_size():
    """no file above 400 lines; every file starts by saying what it is for"""
    for path in sources(".c", ".h", ".lua", rooms=ROOMS):
        text = path.read_text()
        if text.count("\n") > FILE_LINES:
            yield f"{name(path)}: {text.count(chr(10))} lines"
        if not re.match(r"/\*|--|#!lua", text):
            yield f"{name(path)}: does not start with a comment"


def check_function_size():
    """no function above 60 lines"""
    for path in sources(".c", rooms=ROOMS):
        start = None
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                if number - start - 1 > FUNCTION_LINES:
                    yield f"{name(path)}:{start}: {number - start - 1} lines"
                start = None


def check_format():
    """clang-format changes nothing"""
    tool = need("clang-format")
    for path in sources(".c", ".h"):
        done = subprocess.run([tool, "--dry-run", "-Werror", path], capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            yield name(path)


def need(tool):
    found = shutil.which(tool)
    if not found:
        raise Skip(f"{tool} is not installed")
    return found


def make_variable(variable):
    done = subprocess.run(["make", "-s", "print-" + variable], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.split()


def check_clang_tidy():
    """clang-tidy is silent"""
    tool = need("clang-tidy")
    make("release", "build/release/gen/lua_scripts.h", "build/release/gen/openapi_yaml.h")
    # The analyzer's own limit is 225 000 states a function: three times the time, and nothing found.
    states = os.environ.get("LINT_STATES", "50000")
    flags = make_variable("CPPFLAGS") + ["-std=gnu17", "-DKEDGE_VERSION=\"lint\"",
                                         "-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={states}"]

    left_out = make_variable("NOT_BUILT")  # needs libraries that are not here

    def tidy(path):
        return subprocess.run([tool, "--quiet", path, "--", *flags], capture_output=True, text=True, cwd=ROOT)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(tidy, (path for path in sources(".c", rooms=ROOMS) if str(path.relative_to(ROOT)) not in left_out)):
            if done.returncode != 0:
                yield "\n".join(line for line in done.stdout.split("\n") if ": error:" in line or ": warning:" in line)


def check_cppcheck():
    """cppcheck is silent"""
    tool = need("cppcheck")
    done = subprocess.run(
        [tool, "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
         "--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches", "-j2", "-D__GNUC__=12",
         "--error-exitcode=1", "-I.", *ROOMS],  # without build/…/gen: bytes by the hundred thousand, read for minutes
        capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        yield done.stderr.strip()


def check_shellcheck():
    """shellcheck is silent"""
    tool = need("shellcheck")
    files = [ROOT / ".ci/run"] + [p for room in ("docker", "tests", "common") for p in (ROOT / room).rglob("*.sh")]
    done = subprocess.run([tool, "--severity=warning", *files], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        yield done.stdout


def check_config_document():
    """docs/CONFIG.md is what the settings table says"""
    make("release", "build/release/conf_doc")
    made = subprocess.run([ROOT / "build/release/conf_doc"], capture_output=True, text=True, check=True).stdout
    if made != (ROOT / "docs/CONFIG.md").read_text():
        yield "run `make docs`"


def check_machine_words():
    """no path of somebody's machine stands in the tree"""
    words = re.compile(r"(?<![\w>s])/work/|/root/|/home/\w|/opt/tf-plugins")
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split("\n")
    for path in filter(None, tracked):
        if path == name(pathlib.Path(__file__)) or not (ROOT / path).is_file():
            continue
        for number, line in enumerate((ROOT / path).read_text(errors="replace").split("\n"), 1):
            if words.search(line):
                yield f"{path}:{number}: {line.strip()[:100]}"


def check_links_of_architecture():
    """every `file:function` of docs/ARCHITECTURE.md exists"""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    for file, function in re.findall(r"`((?:api|worker|scheduler|common)/[\w/]+\.(?:c|lua)):(\w+)`", text):
        path = ROOT / file
        if not path.is_file() or not re.search(rf"\b{function}\b", path.read_text()):
            yield f"{file}:{function}"


def check_compose_of_readme():
    """README.md types the commands of docs/OPERATIONS.md, which tests/ship/test_compose.py tries"""
    blocks = [set(re.findall(r"^```sh\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S)) for name in ("README.md", "docs/OPERATIONS.md")]
    typed = [block for block in blocks[0] if "compose.yml" in block]
    if not typed:
        yield "README.md has no Compose section"
    for block in typed:
        if block not in blocks[1]:
            yield block.strip().split("\n")[-1]


def check_tests_of_security():
    """every test that docs/SECURITY.md names exists"""
    text = (ROOT / "docs/SECURITY.md").read_text()
    tests = re.findall(r"`(tests/[\w/]+\.(?:py|c))::(\w+)`", text)
    if len(tests) != text.count("`tests/"):
        yield "docs/SECURITY.md names a test that is not written `file::test`"
    for file, test in tests:
        path = ROOT / file
        defined = rf"^(def {test}\(|static void {test}\(void \*\*)"
        if not path.is_file() or not re.search(defined, path.read_text(), re.M):
            yield f"{file}::{test}"


def redis_commands():
    """What scripts and programs call, by their sources."""
    called = re.compile(r"redis\.p?call\(\s*'([A-Za-z]+)'")
    built = re.compile(r'redis_cmd_init\([^;]*;\s*(?:\w+(?:\.|->)repeatable = \w+;\s*)?redis_cmd_arg\([^,]+, "([A-Z]+)"')
    for path in (ROOT / "common/lua").glob("*.lua"):
        text = re.sub(r"--.*", "", path.read_text())
        names = called.findall(text)
        if len(names) != len(re.findall(r"redis\.p?call\(", text)):
            yield path, "a command whose name is not written where it is called"
        yield from ((path, name) for name in names)
    for path in sources(".c", rooms=ROOMS):
        yield from ((path, name) for name in built.findall(path.read_text()))


def check_redis_user():
    """the Redis user of docs/SECURITY.md may do all that scripts and programs do"""
    command = re.search(r"^redis-cli ACL SETUSER (?:.*\\\n)*.*$", (ROOT / "docs/SECURITY.md").read_text(), re.M)
    allowed = {word[1:].split("|")[0].upper() for word in command.group(0).replace("'", "").split() if word.startswith("+")}
    refused = {"CONFIG"}  # INFO is asked then
    for path, command in sorted(set(redis_commands())):
        if command.upper() not in allowed | refused:
            yield f"{name(path)}: {command}"


def main():
    wanted = sys.argv[1:]
    known = {check_name[6:] for check_name in globals() if check_name.startswith("check_")}
    if not known.issuperset(wanted):
        sys.exit(f"no such check: {', '.join(set(wanted) - known)}; there are {', '.join(sorted(known))}")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for check_name, check in sorted(globals().items()):
        if not check_name.startswith("check_") or (wanted and check_name[6:] not in wanted):
            continue
        try:
            problems = list(check())
            word = "failed" if problems else "passed"
        except Skip as reason:
            problems, word = [str(reason)], "skipped"
        counts[word] += 1
        print(f"{word}  {check.__doc__}", flush=True)
        for problem in problems[:40]:
            print("    " + problem.replace("\n", "\n    "))
        if len(problems) > 40:
            print(f"    … and {len(problems) - 40} more")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
