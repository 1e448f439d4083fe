#!/usr/bin/python3
"""A Debian root to build and run in: made by debootstrap, entered with bubblewrap.

    with Root("trixie", packages=["valkey-server"], sets=["build", "run"]) as root:
        root.copy_tree()                                # Kedge's source, into /kedge
        root.run("make", cwd="/kedge")                  # as root, with this machine's network

    tests/ship/debian.py trixie [package …]     prints the path of such a root's tar archive

`sets` are those of docker/packages.sh, installed by it. What debootstrap and apt have made is
kept as an archive in build/ship/, so that a second root takes seconds. A Root is a private copy
in a temporary directory, and is gone afterwards. Needs root, debootstrap, bubblewrap and a
Debian mirror: `missing()` says what of them is not there, and then a test is skipped, with that
sentence. KEDGE_DEBIAN_MIRROR names another mirror.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "ship"
MIRROR = os.environ.get("KEDGE_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT_SECONDS = 14 * 86400
PACKAGES_SCRIPT = ROOT / "docker" / "packages.sh"


def until(condition, seconds, what):
    """The first true value of condition(), polled until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def missing():
    """Why no root can be made here; "" when it can."""
    if os.geteuid() != 0:
        return "making a Debian root needs root"
    tools = [tool for tool in ("debootstrap", "bwrap", "git") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def offline(suite="trixie"):
    """Why nothing can be installed in a root; "" when the mirror answers."""
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/{suite}/Release", timeout=20).close()
        return ""
    except (OSError, urllib.error.URLError) as problem:
        return f"the Debian mirror {MIRROR} does not answer: {problem}"


def call(command, **options):
    done = subprocess.run([str(word) for word in command], text=True, errors="replace", stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def bubblewrap(directory, command, binds=None, cwd="/", environment=None, readonly=None):
    """The argv that runs `command` in `directory` as its root file system, with a clean environment."""
    words = ["bwrap", "--die-with-parent", "--bind", directory, "/", "--dev", "/dev", "--proc", "/proc",
             "--tmpfs", "/run", "--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf", "--unshare-pid", "--chdir", cwd, "--clearenv"]
    for there, here in (binds or {}).items():
        words += ["--bind", there, here]
    for there, here in (readonly or {}).items():
        words += ["--ro-bind", there, here]
    for name, value in {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **(environment or {})}.items():
        words += ["--setenv", name, value]
    return [str(word) for word in (*words, *command)]


def kept_name(suite, packages, sets):
    if not packages and not sets:
        return f"{suite}-base.tar"
    text = " ".join(sorted(packages))
    if sets:
        text += "\n" + " ".join(sets) + "\n" + PACKAGES_SCRIPT.read_text()
    return f"{suite}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.tar"


def unpack(kept, made):
    call(["tar", "-xf", kept, "-C", made])
    made.chmod(0o755)
    os.utime(kept)


def make_base(suite, made):
    call(["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, made, MIRROR])


def add_packages(suite, made, packages, sets):
    """What a person does: Kedge's own script for Kedge's packages, apt for all others."""
    unpack(archive(suite), made)
    # Nothing here must survive a crash of the machine: dpkg need not wait for the disk.
    (made / "etc/dpkg/dpkg.cfg.d/kedge").write_text("force-unsafe-io\n")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    if sets:
        call(bubblewrap(made, ["/packages.sh", *sets], readonly={PACKAGES_SCRIPT: "/packages.sh"}))
        (made / "packages.sh").unlink()
    if packages:
        call(bubblewrap(made, ["apt-get", "update", "-q"], environment=environment))
        call(bubblewrap(made, ["apt-get", "install", "-y", "-q", "--no-install-recommends", *sorted(packages)], environment=environment))
    call(bubblewrap(made, ["apt-get", "clean"]))


def archive(suite, packages=(), sets=()):
    """The path of a tar archive of a minimal root with these packages; made when it is not there."""
    kept = KEPT / kept_name(suite, packages, sets)
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(kept.with_suffix(".lock"), "w") as lock, Directory() as made:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second gets what the first has made
        if kept.exists():
            return kept
        if packages or sets:
            add_packages(suite, made, packages, sets)
        else:
            make_base(suite, made)
        part = kept.with_suffix(".part")
        call(["tar", "-cf", part, "--one-file-system", "-C", made, "."])
        part.rename(kept)
    forget_old()
    return kept


def forget_old():
    """A new list of packages makes a new archive: what nobody used for long is of an old one."""
    for kept in KEPT.glob("*.tar"):
        with contextlib.suppress(OSError):
            if time.time() - kept.stat().st_mtime > KEPT_SECONDS:
                kept.unlink()


class Directory:
    """A directory that any user may enter from inside, and only its owner from outside."""

    def __enter__(self):
        self.closed = pathlib.Path(tempfile.mkdtemp(prefix="kedge-debian-"))
        self.open = self.closed / "root"
        self.open.mkdir()
        self.open.chmod(0o755)
        return self.open

    def __exit__(self, *_):
        deadline = time.monotonic() + 20
        while self.closed.exists() and time.monotonic() < deadline:
            shutil.rmtree(self.closed, ignore_errors=True)  # what was killed in it may still be writing


def tree():
    """The files of the source, relative: what git has, and what is new and not ignored."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)]


class Root:
    def __init__(self, suite, packages=(), sets=()):
        self.suite, self.packages, self.sets = suite, tuple(packages), tuple(sets)

    def __enter__(self):
        kept = archive(self.suite, self.packages, self.sets)
        self.place = Directory()
        self.directory = self.place.__enter__()
        try:
            unpack(kept, self.directory)
        except BaseException:
            self.place.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.place.__exit__()

    def copy_tree(self, where="kedge"):
        """Kedge's source as somebody gets it who clones it: nothing that was built here."""
        for name in tree():
            target = self.directory / where / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)

    def run(self, *command, **options):
        """Its output; RuntimeError with the end of it when it fails."""
        return call(self.command(*command, **options))

    def command(self, *command, **options):
        """The argv of it, for those who start it themselves."""
        return bubblewrap(self.directory, command, **options)


if __name__ == "__main__":
    sys.exit(missing()) if missing() else print(archive(sys.argv[1], sys.argv[2:]))
