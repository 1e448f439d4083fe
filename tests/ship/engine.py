"""A Docker engine for tests: a real dockerd that the machine does not notice.

    with Engine() as engine:
        engine.image                                            # Kedge's, built from this tree
        engine.curl("http://127.0.0.1:4141/readyz")             # a published port

dockerd runs in network and mount namespaces of its own, so its bridges and its rules of iptables
are in nobody's way; slirp4netns gives them a way out without a change to the machine. No
registry is asked: base images are imported from Debian roots (debian.py), under the names that
the project uses. All of it lies in one temporary directory and is gone afterwards. `missing()`
says why it cannot be had here.
"""
import atexit
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import debian
from debian import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ("dockerd", "containerd", "runc", "docker", "slirp4netns", "iptables", "nsenter", "terraform")
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"
# $1: the engine's directory. The tmpfs on /run hides the machine's own sockets.
START = r"""
set -e
ip link set lo up
mount -t tmpfs tmpfs /run
echo "nameserver 10.0.2.3" > "$1/resolv.conf"
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)" 2>/dev/null ||
    { mkdir -p "$(dirname "$(readlink -m /etc/resolv.conf)")"; cp "$1/resolv.conf" "$(readlink -m /etc/resolv.conf)"; }
while ! ip link show tap0 up >/dev/null 2>&1; do sleep 0.05; done
exec dockerd --data-root "$1/data" --exec-root "$1/exec" -p "$1/pid" -H "unix://$1/sock" --storage-driver overlay2
"""


def missing():
    """Why no engine can be had here; "" when it can."""
    why = debian.missing()
    if why:
        return why
    tools = [tool for tool in TOOLS if not shutil.which(tool)]
    if tools:
        return f"not installed: {', '.join(tools)}"
    able = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True)
    return "" if able.returncode == 0 else "the kernel lets nobody make namespaces here"


class Engine:
    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kedge-engine-"))
        self.socket = self.directory / "sock"
        # Compose puts variables of its environment into the file: none of the machine's.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8",
                            "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0",
                            "DOCKER_CONFIG": str(self.directory / "config"), "COMPOSE_DOCKER_CLI_BUILD": "0"}
        self.log = open(self.directory / "log", "wb")
        self.out = self.daemon = None
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        self.daemon = subprocess.Popen(["unshare", "-n", "-m", "sh", "-c", START, "engine", self.directory], stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log, start_new_session=True)
        own = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(f"/proc/{self.daemon.pid}/ns/net") != own, 10, "a network namespace")
        self.out = subprocess.Popen(["slirp4netns", "--configure", "--mtu=1500", "--disable-host-loopback", str(self.daemon.pid), "tap0"],
                                    stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: self.daemon.poll() is not None or self.docker("info", check=False).returncode == 0, 60, "dockerd answers")
        if self.daemon.poll() is not None:
            raise RuntimeError(f"dockerd did not start:\n{(self.directory / 'log').read_text(errors='replace')[-4000:]}")

    def __exit__(self, *_):
        if self.daemon and self.daemon.poll() is None:
            ids = self.docker("ps", "-aq", check=False).stdout.split()
            if ids:
                self.docker("rm", "-f", "-v", *ids, check=False)
            self.daemon.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.daemon.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.daemon.pid, signal.SIGKILL)
            self.daemon.wait(10)
        if self.out:
            self.out.terminate()
            self.out.wait(10)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, words, check=True, **options):
        options = {"env": self.environment, "cwd": ROOT, "timeout": 1800, **options}
        done = subprocess.run([str(word) for word in words], text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done

    def docker(self, *words, **options):
        return self.call(["docker", *words], **options)

    def inside(self, *words):
        """The argv of a command where published ports are on loopback."""
        return ["nsenter", "-t", str(self.daemon.pid), "-n", *words]

    def curl(self, url, *words, **options):
        return self.call(self.inside("curl", "-sS", "--noproxy", "*", "--max-time", "70", *words, url), **options).stdout

    # ---- images ----

    def build(self, text, tag, **files):
        """An image of a Dockerfile's text, with these files (name=path) beside it."""
        with tempfile.TemporaryDirectory(dir=self.directory) as context:
            pathlib.Path(context, "Dockerfile").write_text(text)
            for name, path in files.items():
                shutil.copy(path, pathlib.Path(context, name))
            self.docker("build", "-q", "-t", tag, context)

    @functools.cached_property
    def base_images(self):
        """Imports what stands for the images of Debian, Terraform and Redis; their names."""
        self.docker("import", debian.archive("trixie"), "debian:trixie-slim")
        self.build("FROM scratch\nCOPY terraform /bin/terraform\n", "hashicorp/terraform:1.11.4", terraform=shutil.which("terraform"))
        # The official image's user, data directory and command; started as its user, that one's
        # entrypoint only executes the command.
        self.docker("import", debian.archive("trixie", ["redis-server"]), "base-redis")
        self.build("FROM base-redis\nRUN install -d -o redis -g redis /data\nVOLUME /data\nWORKDIR /data\nCMD [\"redis-server\"]\n", "redis:7-bookworm")
        return ("debian:trixie-slim", "hashicorp/terraform:1.11.4", "redis:7-bookworm")

    @functools.cached_property
    def node_image(self):
        """Stands for the demo's base: Debian's node and npm, which trust whom this machine trusts."""
        self.docker("import", debian.archive("trixie", ["nodejs", "npm"]), "base-node")
        self.build("FROM base-node\nCOPY trusted.crt /usr/local/share/trusted.crt\n"
                   "ENV NODE_EXTRA_CA_CERTS=/usr/local/share/trusted.crt\nCMD [\"node\"]\n", "node:22-trixie-slim", **{"trusted.crt": TRUSTED})
        return "node:22-trixie-slim"

    @functools.cached_property
    def prometheus_image(self):
        """Stands for the official one: Debian's program with that one's user, directories and command line."""
        self.docker("import", debian.archive("trixie", ["prometheus"]), "base-prometheus")
        self.build("FROM base-prometheus\nRUN install -d -o nobody -g nogroup /prometheus && rm -rf /etc/prometheus\nUSER nobody\n"
                   "WORKDIR /prometheus\nVOLUME /prometheus\nEXPOSE 9090\nENTRYPOINT [\"/bin/prometheus\"]\n"
                   "CMD [\"--config.file=/etc/prometheus/prometheus.yml\", \"--storage.tsdb.path=/prometheus\"]\n", "prom/prometheus:v3.5.0")
        return "prom/prometheus:v3.5.0"

    @functools.cached_property
    def image(self):
        """Kedge, built from this tree by the classic builder; its name."""
        assert self.base_images
        self.docker("build", "-f", "docker/Dockerfile", "-t", "kedge:0.1.0", ".")
        return "kedge:0.1.0"

    def inspect(self, name):
        return json.loads(self.docker("inspect", name).stdout)[0]


@functools.cache
def shared():
    """One engine for all tests of this process."""
    engine = Engine()
    engine.__enter__()
    atexit.register(engine.__exit__)
    return engine
