#!/usr/bin/python3
"""A Debian root to build and run in: made by debootstrap, entered with bubblewrap.

    with Root("trixie", packages=["gcc", "make"]) as root:
        root.run("cc", "--version")                     # as root, with this machine's network
        root.run("make", binds={ROOT: "/kedge"}, cwd="/kedge")

    tests/ship/debian.py trixie [package …]     prints the path of such a root's tar archive

What debootstrap and apt have made is kept as an archive per suite and set of packages in
build/ship/, so that a second root takes seconds. A Root is a private copy in a temporary
directory, and is gone afterwards. Needs root, debootstrap, bubblewrap and a Debian mirror:
`missing()` says what of them is not there, and then a test is skipped, with that sentence.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "ship"
MIRROR = os.environ.get("KEDGE_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing():
    """Why no root can be made here; "" when it can."""
    if os.geteuid() != 0:
        return "making a Debian root needs root"
    tools = [tool for tool in ("debootstrap", "bwrap") if not shutil.which(tool)]
    return f"not installed: {', '.join(tools)}" if tools else ""


def call(command, **options):
    done = subprocess.run([str(word) for word in command], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def bubblewrap(directory, command, binds=None, cwd="/", environment=None):
    """The argv that runs `command` in `directory` as its root file system, with a clean environment."""
    words = ["bwrap", "--die-with-parent", "--bind", directory, "/", "--dev", "/dev", "--proc", "/proc",
             "--tmpfs", "/run", "--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf", "--unshare-pid", "--chdir", cwd, "--clearenv"]
    for there, here in (binds or {}).items():
        words += ["--bind", there, here]
    for name, value in {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **(environment or {})}.items():
        words += ["--setenv", name, value]
    return [str(word) for word in (*words, *command)]


def archive(suite, packages=()):
    """The path of a tar archive of a minimal root with these packages; made when it is not there."""
    names = sorted(packages)
    mark = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12] if names else "base"
    kept = KEPT / f"{suite}-{mark}.tar"
    if kept.exists():
        return kept
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kedge-debian-") as made:
        if names:
            call(["tar", "-xf", archive(suite), "-C", made])
            environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
            for words in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", *names],
                          ["apt-get", "clean"]):
                call(bubblewrap(made, words, environment=environment))
        else:
            call(["debootstrap", "--variant=minbase", "--include=ca-certificates", suite, made, MIRROR])
        part = kept.with_suffix(f".{os.getpid()}")
        call(["tar", "-cf", part, "--one-file-system", "-C", made, "."])
        part.rename(kept)
    return kept


class Root:
    def __init__(self, suite, packages=()):
        self.suite, self.packages = suite, tuple(packages)

    def __enter__(self):
        kept = archive(self.suite, self.packages)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kedge-debian-"))
        call(["tar", "-xf", kept, "-C", self.directory])
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *command, **options):
        """Its output; RuntimeError with the end of it when it fails."""
        return call(self.command(*command, **options))

    def command(self, *command, **options):
        """The argv of it, for those who start it themselves."""
        return bubblewrap(self.directory, command, **options)


if __name__ == "__main__":
    sys.exit(missing()) if missing() else print(archive(sys.argv[1], sys.argv[2:]))
