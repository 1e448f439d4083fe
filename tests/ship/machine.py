"""A Debian root that is booted: systemd is its process 1, in namespaces of its own.

    with Machine("trixie", packages=["redis-server"]) as machine:
        machine.run("systemctl", "start", "redis-server")

Nothing is emulated: services, sandboxes and cgroups are systemd's and the kernel's. It has a
loopback network of its own and a cgroup of its own (of the unified hierarchy, which has no
controllers where others hold them: no limit of memory is in force). Needs what debian.py
needs, a kernel that lets root make namespaces, and a mounted cgroup2: `missing()` says.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import debian
from debian import until

SYSTEMD = ("systemd", "systemd-sysv", "dbus")
# Runs as root in new namespaces; $1 is the root, the other arguments are pairs of what is
# mounted read-only and where.
BOOT = r"""
set -e
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
ip link set lo up
while [ $# -gt 0 ]; do
    if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root$(dirname "$2")"; touch "$root$2"; fi
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
    shift 2
done
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
cd "$root"
mkdir -p .before
pivot_root . .before
umount -l /.before
rmdir /.before
exec env -i container=kedge-test PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --log-target=journal
"""


def cgroup2():
    """Where the unified hierarchy is mounted; None where it is not."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(place, os.W_OK):
            return pathlib.Path(place)
    return None


def missing():
    """Why nothing can be booted here; "" when it can."""
    why = debian.missing()
    if why:
        return why
    if cgroup2() is None:
        return "no writable cgroup2 is mounted, which systemd needs"
    able = subprocess.run(["unshare", "-m", "-p", "-u", "-i", "-n", "-C", "--fork", "true"], capture_output=True)
    return "" if able.returncode == 0 else "the kernel lets nobody make namespaces here"


class Machine(debian.Root):
    def __init__(self, suite, packages=(), binds=None):
        super().__init__(suite, (*SYSTEMD, *packages))
        self.binds = binds or {}
        self.popen = None

    def __enter__(self):
        super().__enter__()
        self.directory.chmod(0o755)
        self.group = cgroup2() / f"kedge-ship-{os.getpid()}"
        try:
            self.prepare()
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def prepare(self):
        """What is to be done in the root, with this machine's network, before it is booted."""

    def boot(self):
        self.group.mkdir(exist_ok=True)
        words = [str(word) for pair in self.binds.items() for word in pair]
        self.console = tempfile.TemporaryFile()
        # The namespace of cgroups begins where its first process is.
        self.popen = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec setpriv --pdeathsig KILL unshare -m -p -u -i -n -C --fork --kill-child sh -c "$@"',
             str(self.group), BOOT, "boot", str(self.directory), *words],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console)
        self.init = until(self.child, 20, "unshare has its child")
        until(lambda: self.popen.poll() is not None or self.ask("systemctl", "is-system-running").stdout.strip() in
              ("running", "degraded"), 90, "systemd has started the system")
        if self.popen.poll() is not None:
            self.console.seek(0)
            raise RuntimeError(f"systemd did not start:\n{self.console.read()[-4000:].decode(errors='replace')}")

    def shut_down(self, seconds=180):
        """As its administrator does it; what is in /run and /tmp is gone, and `boot` starts it again."""
        self.ask("systemctl", "poweroff")
        self.popen.wait(seconds)

    def cut_power(self):
        self.popen.kill()  # with it ends process 1, and with that all that is in its namespaces
        self.popen.wait(30)
        until(lambda: "populated 0" in (self.group / "cgroup.events").read_text(), 10, "its processes are gone")
        # The next boot would remove these, but knows boots by the kernel's id, which stays the same.
        for private in self.directory.glob("var/tmp/systemd-private-*"):
            shutil.rmtree(private)

    def child(self):
        found = pathlib.Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children")
        with contextlib.suppress(OSError):
            text = found.read_text() if found.exists() else subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(self.popen.pid)], capture_output=True, text=True).stdout
            return int(text.split()[0]) if text.split() else None
        return None

    def __exit__(self, *_):
        try:
            if self.popen:
                self.cut_power()
            for directory in sorted((path for path in self.group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
                directory.rmdir()
            self.group.rmdir()
        finally:
            super().__exit__()

    def enter(self, *command):
        """The argv that runs `command` in the booted system, as root."""
        return ["nsenter", "-t", str(self.init), "-m", "-p", "-u", "-i", "-n", "-C", "env", "-i", f"PATH={debian.PATH}", "HOME=/root",
                "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *map(str, command)]

    def ask(self, *command, **options):
        return subprocess.run(self.enter(*command), capture_output=True, text=True, errors="replace", **options)

    def run(self, *command, **options):
        """Its output; an AssertionError with what it said when it fails."""
        done = self.ask(*command, **options)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def write(self, path, text, mode=0o644):
        target = self.directory / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def journal(self, service):
        return self.ask("journalctl", "-u", service, "-o", "cat", "--no-pager").stdout
