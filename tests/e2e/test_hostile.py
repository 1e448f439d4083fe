"""Authors of repositories and programs in a plan that mean harm: what they try, and that it comes to nothing."""
import hashlib
import subprocess

import pytest

from conftest import needs_terraform
from stack import FOLLOWS_FILE, VARIANT, Stack

pytestmark = [needs_terraform, pytest.mark.skipif(VARIANT == "asan", reason="the sandbox hides /proc/self from the sanitizer")]

SECRET = "do-not-show-this-0123456789"
PLAIN = 'resource "terraform_data" "x" {}\n'

# A provider's program, as far as the sandbox can tell: started by terraform, free to do what it wants.
THIEF = """#!/bin/sh
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "HELD NOT: $name"; fi; }
put() { echo forged >"$1"; }
run=/proc/nothing; for a; do case $a in -out=*) run=${a#-out=}; run=${run%%/out/plan} ;; esac; done
data=%(dir)s/data; w=$data/w0
case $1 in
version) echo '{"terraform_version":"9.9.9"}' ;;
plan)
  try 'own result' put $run/result.json
  try 'own order' put $run/spec.json
  try 'own log' put $run/log
  try 'own wishes' put $run/ctl
  try 'own inputs' put $run/in/variables.tfvars.json
  try 'read the order' cat $run/spec.json
  try 'list runs' ls $w/runs
  try 'other work' put $w/work/x
  try 'init marker' put ${TF_DATA_DIR%%/tf}/init.json
  try 'providers' put $TF_DATA_DIR/x
  try 'plugin cache' put $data/plugins/x
  try 'git cache' ls $data/git
  try 'id' cat $w/id
  try 'env file' cat %(dir)s/env/default.env
  try 'env directory' ls %(dir)s/env
  try 'worker' cat /proc/%(worker)s/environ
  try 'runner' cat /proc/$PPID/environ
  try 'kill the runner' kill $PPID
  try 'kill the worker' kill %(worker)s
  try 'limits of the worker' prlimit --pid %(worker)s --cpu=1
  try 'move the order' mv $run/spec.json $run/out/x
  try 'link the order' ln $run/spec.json $run/out/x
  try 'move the work' mv $PWD ../gone
  try 'a mount' mount -t tmpfs x $PWD
  env | grep -i -e redis -e %(token)s && echo 'HELD NOT: environment'
  echo 'That is all.' ;;
esac
"""

# Leaves processes behind, in every way a program can.
LEAVER = """#!/bin/sh
case $1 in
version) echo '{"terraform_version":"9.9.9"}' ;;
plan)
  (setsid sh -c 'trap "" HUP INT TERM; while :; do sleep 1000 & wait; done' >/dev/null 2>&1 &)
  setsid sleep 1001 &
  sleep 1002 &
  echo 'That is all.' ;;
esac
"""


def program(stack, name, text):
    path = stack.dir / name
    path.write_text(text)
    path.chmod(0o755)
    stack.processes["worker"].stop()
    return stack.start_worker("worker", terraform=path, sandbox_read=f"/usr:/lib:/lib64:/etc:/opt:/bin:{path}",
                              git_token="clone-" + SECRET)


@pytest.fixture(scope="module")
def robbed():
    with Stack() as stack:
        (stack.dir / "env" / "default.env").write_text(f"TF_VAR_quiet={SECRET}\n")
        stack.settings["env_dir"] = stack.dir / "env"
        stack.start()
        stack.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        stack.register("acme/net")
        yield stack


def test_a_program_in_a_plan_reaches_nothing_but_its_own(robbed):
    path = robbed.dir / "thief"
    worker = program(robbed, "thief", "#!/bin/sh\n")
    path.write_text(THIEF % {"dir": robbed.dir, "worker": worker.pid, "token": "clone-" + SECRET})
    run = robbed.check()
    assert run["status"] == "clean" and run["output"] == "That is all.\n", run


def test_nothing_that_a_program_leaves_behind_outlives_its_run(robbed):
    program(robbed, "leaver", LEAVER)
    run = robbed.check(seconds=20)
    assert run["status"] == "clean", run
    left = subprocess.run(["pgrep", "-f", "sleep 100[012]"], capture_output=True, text=True).stdout.split()
    assert left == []


def test_a_plan_that_reads_without_end_runs_out_of_its_own_memory(kedge):
    kedge.repository("acme/net", {"main.tf": 'output "x" { value = filebase64("/dev/zero") }\n'})
    kedge.register("acme/net", variables=None, backendConfig=None)
    run = kedge.check()
    assert run["status"] == "error" and run["error"]["code"] == "TERRAFORM_KILLED", run
    assert "memory" in run["error"]["message"]


# ---- repositories that no git client would make ----

def write(bare, kind, data):
    done = subprocess.run(["git", "-C", bare, "hash-object", "-w", "--literally", "-t", kind, "--stdin"],
                          input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def tree(bare, *entries):
    return write(bare, "tree", b"".join(
        f"{mode} ".encode() + name + b"\0" + bytes.fromhex(object_id) for mode, name, object_id in entries))


def made(stack, name, make):
    """Registers a repository whose commit has the tree that `make` returns."""
    bare = stack.dir / "git" / f"acme/{name}.git"
    stack.git("init", "-q", "--bare", "-b", "main", bare)
    who = "a <a@a> 1 +0000"
    commit = write(bare, "commit", f"tree {make(bare)}\nauthor {who}\ncommitter {who}\n\nx\n".encode())
    stack.git("-C", bare, "update-ref", "refs/heads/main", commit)
    stack.register(f"acme/{name}", name, variables=None, backendConfig=None)


def file(bare, name, text=PLAIN, mode="100644"):
    return mode, name, write(bare, "blob", text.encode())


def nested(bare, depth):
    inner = tree(bare, file(bare, b"main.tf"))
    for _ in range(depth):
        inner = tree(bare, ("40000", b"d", inner))
    return inner


REFUSED = {
    "git": (lambda bare: tree(bare, ("40000", b".GIT", tree(bare, file(bare, b"config")))), ".GIT"),
    "up": (lambda bare: tree(bare, ("40000", b"..", tree(bare, file(bare, b"x")))), '".."'),
    "slash": (lambda bare: tree(bare, file(bare, b"../../x")), '"../../x"'),
    "deep": (lambda bare: nested(bare, 300), "directories"),
    "long": (lambda bare: tree(bare, file(bare, b"n" * 300)), "nnn"),
    # The same name again and again costs no time, and counts as much.
    "bomb": (lambda bare: tree(bare, *[file(bare, b"f", "")] * 500001), "files"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_tree_that_means_harm_is_refused_at_once(shared, name):
    make, words = REFUSED[name]
    made(shared, name, make)
    run = shared.check(name)
    assert run["status"] == "error" and words in run["error"]["message"], run
    assert run["attempts"] == 1


ODD = {
    "names": lambda bare: tree(bare, file(bare, b"a\nb"), file(bare, b"c\x1b[31m"), file(bare, b"\xff"), file(bare, b"main.tf")),
    "cases": lambda bare: tree(bare, file(bare, b"MAIN.TF", "!"), file(bare, b"Main.Tf", "!"), file(bare, b"main.tf")),
    "twice": lambda bare: tree(bare, file(bare, b"a", "/tmp", "120000"), ("40000", b"a", tree(bare, file(bare, b"x"))), file(bare, b"main.tf")),
    "loops": lambda bare: tree(bare, file(bare, b"a", "b", "120000"), file(bare, b"b", "a", "120000"),
                               file(bare, b"me", ".", "120000"), file(bare, b"main.tf")),
    "filters": lambda bare: tree(bare, file(bare, b".gitattributes", "*.tf filter=lfs ident eol=crlf\n"), file(bare, b"main.tf")),
    "modules": lambda bare: tree(bare, file(bare, b".gitmodules", '[submodule "x"]\n path = s\n url = ext::sh -c touch% /tmp/x\n'),
                                 file(bare, b"main.tf"), ("160000", b"s", hashlib.sha1().hexdigest())),
    "dottf": lambda bare: tree(bare, ("40000", b".terraform", tree(bare, file(bare, b"environment", "prod"))), file(bare, b"main.tf")),
}


def test_odd_trees_are_checked_like_any_other(shared):
    for name, make in ODD.items():
        made(shared, name, make)
    for name, run in [(name, shared.trigger(name)) for name in ODD]:
        run = shared.ended(run)
        assert (name, run["status"]) == (name, "drift_detected"), run
        assert run["metadata"]["toAdd"] == 1


def test_links_to_what_is_not_the_repositorys_are_not_read(robbed):
    worker = program(robbed, "nothing", "")
    worker.stop()
    robbed.start_worker("worker", terraform=None)
    for name, target in (("vars", f"{robbed.dir}/env/default.env"), ("order", f"{robbed.dir}/data/w0/id"), ("self", "/proc/self/environ")):
        made(robbed, name, lambda bare, target=target: tree(bare, file(bare, b"a.auto.tfvars", target, "120000"), file(bare, b"main.tf")))
        run = robbed.check(name)
        log = robbed.get(f"/api/v1/runs/{run['id']}/log").text
        assert run["status"] == "error" and SECRET not in run["output"] + log, run
