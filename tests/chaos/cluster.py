"""The cluster that is mistreated: what runs, under which names, and who works where."""
import contextlib
import json
import os
import pathlib
import subprocess

from stack import Stack

HERE = pathlib.Path(__file__).resolve().parent
TARGETS, WORKSPACES = 10, 30
PROJECT = "chaos"

# Two workers share a data directory, one has its own.
DATA = {"worker1": "shared", "worker2": "shared", "worker3": "own"}
WORKERS = tuple(DATA)
SCHEDULERS = ("scheduler1", "scheduler2")
NAMES = ("redis", "api", *SCHEDULERS, *WORKERS)


class Cluster(Stack):
    def __init__(self):
        super().__init__(cancel_grace="1s", stop_timeout="2s", run_timeout="60s", log_level="info", max_queued=2000)
        terraform = self.dir / "terraform"
        terraform.write_text((HERE / "terraform.sh").read_text().replace("@WORLD@", str(self.world)))
        terraform.chmod(0o755)
        self.witness = self.world / "log"
        self.witness.touch()
        self.settings.update(terraform=terraform, sandbox_read=f"/usr:/lib:/lib64:/bin:/etc:{terraform}")

    def be_moody(self, moody):
        """Moods make a run last, or wait to be tried again, for half a minute and more."""
        if moody:
            (self.world / "moods").touch()
        else:
            (self.world / "moods").unlink(missing_ok=True)

    def begin(self):
        for name in NAMES:
            self.launch(name)
        self.repository("acme/chaos", {f"d{n}/main.tf": "terraform {}\n" for n in range(TARGETS)})
        for n in range(WORKSPACES):
            self.register("acme/chaos", PROJECT, f"w{n}", directory=f"d{n % TARGETS}", variables={}, backendConfig={})

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

    def runners(self):
        return [pid for pid, command in self.strays() if " --runner " in command]

    def terraforms(self):
        return [pid for pid, command in self.strays() if str(self.dir / "terraform") in command]

    def redis_json(self, *arguments):
        """A reply, or None when Redis does not answer now."""
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(["redis-cli", "-s", self.socket, "--json", *arguments],
                                  capture_output=True, text=True, timeout=3)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return None

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
