"""The cluster that is mistreated: what runs, under which names, and who works where."""
import contextlib
import json
import os
import pathlib
import re
import subprocess

from receiver import Receiver
from stack import ROOT, Stack, until

HERE = pathlib.Path(__file__).resolve().parent
TARGETS, WORKSPACES = 10, 30
PROJECT = "chaos"
TIMED = 10  # workspaces that nothing but schedules checks
GUESTS = 3  # workspaces that come and go
PUSHED, PUSHED_PROJECT, PUSHED_REPOSITORY = 4, "pushed", "acme/pushed"  # whose checks are queued by pushes
RECONCILED, RECONCILED_PROJECT = 4, "reconciled"  # workspaces c<n>, which are reconciled on request
WEBHOOK_SECRET = "the-secret-of-the-webhooks"
PROJECTS = "version: 3\nprojects:\n" + "".join(
    f"- {{name: p{n}, dir: d{n}{more}}}\n" for n, more in enumerate(
        ["", ", depends_on: [p0]", ", execution_order_group: 1"] + [""] * (TARGETS - 3)))

# Two workers share a data directory, one has its own.
DATA = {"worker1": "shared", "worker2": "shared", "worker3": "own"}
WORKERS = tuple(DATA)
SCHEDULERS = ("scheduler1", "scheduler2", "scheduler3")
RUN_DIRECTORY = re.compile(r"/runs/([0-9a-f-]{36})")
NAMES = ("redis", "api", *SCHEDULERS, *WORKERS)


def max_destroy(n):
    """Of the reconciled workspace c<n>."""
    return n % 3


def protects(n):
    """Does it protect terraform_data.guarded?"""
    return n % 2 == 1


class Cluster(Stack):
    def __init__(self):
        super().__init__(cancel_grace="2s", stop_timeout="2s", run_timeout="60s", log_level="info", max_queued=2000,
                         hook_allow_private="true", hook_timeout="2s", hook_retry="50ms", public_url="http://kedge.test",
                         github_webhook_secret=WEBHOOK_SECRET)
        terraform = self.dir / "terraform"
        terraform.write_text((HERE / "terraform.sh").read_text().replace("@WORLD@", str(self.world)))
        terraform.chmod(0o755)
        self.witness = self.world / "log"
        self.witness.touch()
        self.histories = {}  # run or batch id -> its events, at the end
        self.settings.update(terraform=terraform, sandbox_read=f"/usr:/lib:/lib64:/bin:/etc:{terraform}")

    def be_moody(self, moody):
        """Moods make a run last, or wait to be tried again, for half a minute and more."""
        if moody:
            (self.world / "moods").touch()
        else:
            (self.world / "moods").unlink(missing_ok=True)

    def begin(self):
        self.settings["github_url"] = f"http://127.0.0.1:{self.serve_git()}/plain"
        self.receiver = Receiver(self)
        for name in NAMES:
            self.launch(name)
        modules = [f"d{n}" for n in range(TARGETS)] + [f"t{n}" for n in range(TIMED)]
        self.repository("acme/chaos", {"atlantis.yaml": PROJECTS, **{f"{module}/main.tf": "terraform {}\n" for module in modules}})
        for n in range(WORKSPACES):
            self.register("acme/chaos", PROJECT, f"w{n}", directory=f"d{n % TARGETS}", variables={}, backendConfig={})
        for n in range(TIMED):
            self.register("acme/chaos", PROJECT, f"t{n}", directory=f"t{n}", variables={}, backendConfig={})
        self.repository("acme/reconciled", {f"c{n}/main.tf": "terraform {}\n" for n in range(RECONCILED)})
        for n in range(RECONCILED):
            self.register("acme/reconciled", RECONCILED_PROJECT, f"c{n}", directory=f"c{n}", variables={}, backendConfig={},
                          maxDestroy=max_destroy(n), protected=["terraform_data.g*"] if protects(n) else [])
        self.repository(PUSHED_REPOSITORY, {f"e{n}/main.tf": "terraform {}\n" for n in range(PUSHED)})
        self.put(f"/api/v1/projects/{PUSHED_PROJECT}", {"repository": PUSHED_REPOSITORY, "type": "Github", "ref": "main"})
        for n in range(PUSHED):
            self.put(f"/api/v1/projects/{PUSHED_PROJECT}/workspaces/v{n}", {"directory": f"e{n}"})

    def serve_git(self):
        """The port of a git server that nobody mistreats."""
        process = self.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", self.dir / "git")
        line = until(lambda: "\n" in process.log.read_text() and process.log.read_text(), 20, "the git server prints its port")
        return line.split()[0].rsplit(":", 1)[-1]

    def launch(self, name):
        if name == "redis":
            return self.start_redis()
        if name == "api":
            return self.start_api()
        if name in WORKERS:
            return self.start_worker(name, data_dir=self.dir / "data" / DATA[name])
        return self.start_scheduler(name)

    def workers_of(self, path):
        """The workers whose data directory the path lies in."""
        return [name for name, data in DATA.items() if f"/data/{data}/" in path]

    def runners(self, applying=False):
        """Those of all runs, or of the ones that apply at this moment."""
        strays = self.strays()
        runs = {self.run_of(command) for _, command in strays if " apply " in command} if applying else None
        return [pid for pid, command in strays if " --runner " in command and (runs is None or self.run_of(command) in runs)]

    def terraforms(self):
        return [pid for pid, command in self.strays() if str(self.dir / "terraform") in command]

    @staticmethod
    def run_of(command):
        """The id of the run directory that a command line names, else None."""
        found = RUN_DIRECTORY.search(command)
        return found and found[1]

    def at_step(self, step):
        """(run id, its worker's name) of a run whose runner is there now."""
        for path in self.dir.glob("data/*/w*/runs/*/started"):
            with contextlib.suppress(OSError):
                if path.read_text().strip() == step:
                    return path.parent.name, self.worker_at(str(path))
        return None, None

    def worker_at(self, path):
        """The worker in whose directory the path lies, else None."""
        for name in WORKERS:
            started = self.processes[name].events("started")
            if started and path.startswith(started[0]["dir"] + "/"):
                return name
        return None

    def redis_json(self, *arguments):
        """A reply, or None when Redis does not answer now."""
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(["redis-cli", "-s", self.socket, "--json", *arguments],
                                  capture_output=True, text=True, timeout=3)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return None

    def script(self, text, *arguments):
        """A reply, or None when Redis does not answer now."""
        return self.redis_json("eval", text, "1", "{kedge}:", *map(str, arguments))

    def now_ms(self):
        """Of Redis's clock."""
        seconds, micros = until(lambda: self.redis_json("time"), 20, "Redis answers")
        return int(seconds) * 1000 + int(micros) // 1000

    def below(self, name):
        """What runs in the directory w<n> of that worker, whoever has started it."""
        started = self.processes[name].events("started")
        home = started[0]["dir"] + "/" if started else None
        return [pid for pid, command in self.strays() if home and home in command + self.directory(pid) + "/"]

    @staticmethod
    def directory(pid):
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{pid}/cwd")
        return ""
