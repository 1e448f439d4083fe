"""A whole Kedge on this machine, private to a test: redis-server, git, the three programs.

    with Stack() as kedge:
        kedge.start()
        kedge.repository("acme/net", {"main.tf": HCL})
        kedge.register("acme/net")
        run = kedge.check()

Everything lies below one short temporary directory (`dir`); ports are picked by the system.
Nothing sleeps for luck: `until` polls with a deadline.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import openapi_check

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/support"))
from tls_files import TlsFiles  # noqa: E402

VARIANT = os.environ.get("KEDGE_TEST_VARIANT", "release")
# "tls": every stack speaks TLS with its Redis, not only those of the tests about it.
REDIS_TLS = os.environ.get("KEDGE_TEST_REDIS") == "tls"
BUILD = ROOT / "build" / VARIANT
# An instrumented program is slower; deadlines are for hangs, not for speed.
PATIENCE = 3 if VARIANT == "asan" else 1
TOKEN = "e2e-secret-token-0123456789"
ENDED = ("clean", "drift_detected", "applied", "error", "cancelled", "skipped")

# A target whose one resource follows a file outside of the repository.
FOLLOWS_FILE = """
terraform {
  backend "local" {}
}
variable "world" { type = string }
resource "terraform_data" "it" {
  input = file("${var.world}/it")
}
"""


def until(condition, seconds=20, what="condition"):
    """The first true value of condition(), polled until the deadline."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class Process:
    """A child in a session of its own, its output in a file."""

    def __init__(self, name, arguments, environment, log, cwd):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.offset = out.tell()
            self.popen = subprocess.Popen(
                [str(a) for a in arguments], env=environment, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True, cwd=cwd)
        self.pid = self.popen.pid

    def events(self, event=None):
        """The JSON log lines that this process has written so far."""
        lines = self.log.read_bytes()[self.offset:].decode(errors="replace").split("\n")
        parsed = []
        for line in lines:
            with contextlib.suppress(ValueError):
                parsed.append(json.loads(line))
        return [line for line in parsed if isinstance(line, dict) and (event is None or line.get("event") == event)]

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, seconds=30):
        """SIGTERM and the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {seconds} s") from None

    def running(self):
        return self.popen.poll() is None

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096


class Stack:
    def __init__(self, redis_tls=REDIS_TLS, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kedge-"))
        self.settings = settings  # KEDGE_ names without the prefix, or whole names
        self.processes = {}
        self.appendfsync = "always"
        self.tls = TlsFiles(self.dir / "tls") if redis_tls else None
        if redis_tls:
            self.tls.make("redis", "DNS:localhost")
            self.redis_port = free_port()  # of TLS; the unix socket is always there
        for name in ("redis", "git", "state", "world", "data", "log", "home", "env"):
            (self.dir / name).mkdir()
        self.world = self.dir / "world"
        (self.world / "it").write_text("as it should be\n")
        self.port = None
        self.failed = False

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.failed = True
        self.close()

    # ---- processes ----
    @property
    def socket(self):
        return self.dir / "redis.sock"

    def redis_settings(self):
        if self.tls is None:
            return {"KEDGE_REDIS_URL": f"unix://{self.socket}"}
        return {"KEDGE_REDIS_URL": f"rediss://localhost:{self.redis_port}", "KEDGE_REDIS_CA": str(self.tls.path("ca"))}

    def environment(self, **more):
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.dir / "home"),
            "LANG": "C.UTF-8",
            **self.redis_settings(),
            "KEDGE_LISTEN": "127.0.0.1:0",
            "KEDGE_API_SECRET": TOKEN,
            "KEDGE_DATA_DIR": str(self.dir / "data"),
            "KEDGE_GIT_URL": f"file://{self.dir}/git",
            "KEDGE_REPO_ALLOWLIST": "*",
            "KEDGE_SANDBOX_WRITE": f"{self.dir}/state:{self.world}",
            "KEDGE_RUN_MEMORY": "64M",
            "KEDGE_LOG_LEVEL": "debug",
            "ASAN_OPTIONS": f"log_path={self.dir}/log/asan:detect_leaks=1",
            "UBSAN_OPTIONS": f"log_path={self.dir}/log/ubsan:print_stacktrace=1:halt_on_error=1",
        }
        if VARIANT == "asan":
            base["KEDGE_SANDBOX"] = "none"  # it hides /proc/self, which the sanitizer must read
        for key, value in {**self.settings, **more}.items():
            full = key if key.isupper() and ("_" in key and key.startswith(("KEDGE_", "AWS_", "TF_", "AZURE_"))) else "KEDGE_" + key.upper()
            if value is None:
                base.pop(full, None)
            else:
                base[full] = str(value)
        return base

    def spawn(self, name, *arguments, **settings):
        process = Process(name, arguments, self.environment(**settings), self.dir / "log" / f"{name}.log", self.dir)
        self.processes[name] = process
        return process

    def redis_tls_arguments(self):
        if self.tls is None:
            return []
        return ["--bind", "127.0.0.1", "--tls-port", self.redis_port, "--tls-auth-clients", "no", "--tls-ca-cert-file", self.tls.path("ca"),
                "--tls-cert-file", self.tls.path("redis"), "--tls-key-file", self.tls.path("redis", "key")]

    def start_redis(self):
        process = self.spawn(
            "redis", "redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir / "redis",
            "--appendonly", "yes", "--appendfsync", self.appendfsync, "--save", "", "--maxmemory-policy", "noeviction",
            *self.redis_tls_arguments())
        until(lambda: self.redis_cli("ping", check=False).strip() == "PONG", 20, "redis answers")
        return process

    def redis_cli(self, *arguments, check=True):
        done = subprocess.run(["redis-cli", "-s", self.socket, *map(str, arguments)], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def start_api(self, name="api", **settings):
        process = self.spawn(name, BUILD / "kedge-api", **settings)
        listening = until(
            lambda: process.events("listening") or not process.running(), 20, f"{name} listens")
        if listening is True:
            raise AssertionError(process.log.read_text())
        self.port = int(listening[0]["address"].rsplit(":", 1)[1])
        return process

    def start_another_api(self, name, **settings):
        """Its port, for `request`; the others go on to ask the first one."""
        first = self.port
        self.start_api(name, **settings)
        port, self.port = self.port, first
        until(lambda: self.get("/readyz", port=port).status == 200, 20, f"{name} is ready")
        return port

    def start_worker(self, name="worker", **settings):
        return self.spawn(name, BUILD / "kedge-worker", **settings)

    def start_scheduler(self, name="scheduler", **settings):
        return self.spawn(name, BUILD / "kedge-scheduler", **settings)

    def start(self, workers=1, scheduler=True):
        self.start_redis()
        self.start_api()
        for number in range(workers):
            self.start_worker(f"worker{number or ''}")
        if scheduler:
            self.start_scheduler()
        until(lambda: self.get("/readyz").status == 200, 20, "the api is ready")
        return self

    def close(self):
        for name in sorted(self.processes, key=lambda name: name == "redis"):
            process = self.processes[name]
            if process.running():
                process.signal(signal.SIGCONT)
                process.signal(signal.SIGTERM)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.popen.wait(20 * PATIENCE)
                continue
            process.kill()
        self.kill_strays()
        complaints = [path.read_text() for path in self.dir.glob("log/*san*")]
        if self.failed or complaints:
            for path in sorted((self.dir / "log").iterdir()):
                print(f"---- {path.name} ----\n{path.read_text(errors='replace')[-6000:]}")
        shutil.rmtree(self.dir, ignore_errors=True)
        if complaints:
            raise AssertionError("the sanitizers complained:\n" + "\n".join(complaints)[:6000])

    def strays(self):
        """Processes whose working directory or arguments lie below this stack's directory."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) in {p.pid for p in self.processes.values()} | {os.getpid()}:
                continue
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.dir) in command or os.readlink(entry / "cwd").startswith(str(self.dir)):
                    found.append((int(entry.name), command))
        return found

    def kill_strays(self):
        for pid, _ in self.strays():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # ---- HTTP ----
    def request(self, method, path, body=None, headers=None, token=TOKEN, timeout=70, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        if openapi_check.available():
            openapi_check.check(method, path, response.status, response.headers, response.body)
        return response

    def get(self, path, **options):
        try:
            return self.request("GET", path, **options)
        except OSError as problem:
            return Response(0, {}, str(problem).encode())

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def put(self, path, body, **options):
        return self.request("PUT", path, body, **options)

    # ---- git ----
    def git(self, *arguments, cwd=None):
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.dir / "home"), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t",
        }
        return subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=environment, check=True,
                              capture_output=True, text=True).stdout.strip()

    def repository(self, repository, files, branch="main"):
        """Commits the files (path -> text; None removes) on the branch and returns the commit id."""
        bare = self.dir / "git" / f"{repository}.git"
        copy = self.dir / "copies" / repository
        if not bare.exists():
            self.git("init", "-q", "--bare", "-b", "main", bare)
            self.git("-C", bare, "config", "http.receivepack", "false")
            self.git("clone", "-q", bare, copy)
        current = self.git("branch", "--show-current", cwd=copy)
        if current != branch:
            self.git("checkout", "-q", "-B", branch, cwd=copy)
        self.commit(copy, files)
        self.git("push", "-q", "origin", branch, cwd=copy)
        return self.git("rev-parse", "HEAD", cwd=copy)

    def commit(self, copy, files):
        for path, text in files.items():
            target = copy / path
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.git("add", "-A", cwd=copy)
        self.git("commit", "-q", "--allow-empty", "-m", "change", cwd=copy)

    def pull_request(self, repository, number, files, name="refs/pull/{}/head"):
        """Commits the files on top of the branch in use, as a pull request's head alone; returns the commit id."""
        copy = self.dir / "copies" / repository
        branch = self.git("branch", "--show-current", cwd=copy)
        self.git("checkout", "-q", "--detach", cwd=copy)
        self.commit(copy, files)
        self.git("push", "-q", "origin", "+HEAD:" + name.format(number), cwd=copy)
        head = self.git("rev-parse", "HEAD", cwd=copy)
        self.git("checkout", "-q", branch, cwd=copy)
        return head

    # ---- the Atlantis family ----
    def root(self, name, *follows, more=""):
        """A root module with its state outside of the repository, and a resource that follows each file of the world."""
        resources = "".join(f'resource "terraform_data" "{file}" {{\n  input = file("{self.world}/{file}")\n}}\n' for file in follows)
        return (f'terraform {{\n  backend "local" {{\n    path = "{self.dir}/state/{name}/default"\n'
                f'    workspace_dir = "{self.dir}/state/{name}"\n  }}\n}}\n{resources}{more}')

    def change_world(self, **files):
        for name, text in files.items():
            (self.world / name).write_text(text)

    def ask(self, path, body, status=200, **options):
        """`data` of a POST of the Atlantis family, or `error` when another status is expected."""
        answer = self.post(path, body, **options)
        assert answer.status == status, answer
        return answer.json["data"] if status < 300 else answer.json["error"]

    def gate(self, name):
        """A file of the world that blocks whoever reads it, until open_gate."""
        os.mkfifo(self.world / name)

    def waits_at_gate(self, name, seconds=30):
        """Waits until somebody reads it; the descriptor is for open_gate."""
        def open_for_writing():
            try:
                return os.open(self.world / name, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return None
        return until(open_for_writing, seconds, f"somebody reads {name}")

    def open_gate(self, name, descriptor):
        """For who waits and for all who come after."""
        (self.world / "open").write_text("open\n")
        (self.world / "open").rename(self.world / name)
        os.write(descriptor, b"open\n")
        os.close(descriptor)

    # ---- Kedge ----
    def register(self, repository, project="p", workspace="w", ref="main", **fields):
        answer = self.put(f"/api/v1/projects/{project}", {"repository": repository, "type": "Git", "ref": ref})
        assert answer.status in (200, 201), answer
        body = {"directory": ".", "variables": {"world": str(self.world)},
                "backendConfig": {"path": str(self.dir / "state" / f"{project}-{workspace}.tfstate")}, **fields}
        body = {key: value for key, value in body.items() if value is not None}
        answer = self.put(f"/api/v1/projects/{project}/workspaces/{workspace}", body)
        assert answer.status in (200, 201), answer
        return answer.json

    def trigger(self, project="p", workspace="w", **options):
        answer = self.post("/api/v1/drift", {"projectId": project, "workspaceId": workspace}, **options)
        assert answer.status == 202, answer
        return answer.json["runId"]

    def run(self, run_id):
        answer = self.get(f"/api/v1/runs/{run_id}")
        assert answer.status == 200, answer
        return answer.json

    def ended(self, run_id, seconds=60):
        return until(lambda: (lambda run: run["status"] in ENDED and run)(self.run(run_id)), seconds, f"run {run_id} ends")

    def running(self, run_id, seconds=20):
        return until(lambda: (lambda run: run["status"] == "running" and run)(self.run(run_id)), seconds, f"run {run_id} runs")

    def check(self, project="p", workspace="w", seconds=60):
        return self.ended(self.trigger(project, workspace), seconds)

    def terraform(self, *arguments, cwd):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.dir / "home"), "CHECKPOINT_DISABLE": "1"}
        return subprocess.run(["terraform", *map(str, arguments)], cwd=cwd, env=environment, check=True,
                              capture_output=True, text=True).stdout

    def apply(self, repository, project="p", workspace="w", directory=".", **variables):
        """What the owner of the repository does: init and apply of its head by hand."""
        copy = self.dir / "copies" / repository / directory
        state = self.dir / "state" / f"{project}-{workspace}.tfstate"
        self.terraform("init", "-input=false", "-reconfigure", f"-backend-config=path={state}", cwd=copy)
        pairs = [f"-var={key}={value}" for key, value in {"world": self.world, **variables}.items()]
        self.terraform("apply", "-auto-approve", "-input=false", *pairs, cwd=copy)
        shutil.rmtree(copy / ".terraform", ignore_errors=True)
        (copy / ".terraform.lock.hcl").unlink(missing_ok=True)

    def redis_text(self):
        """Every byte that Redis keeps, as text: what must hold no secret."""
        return (self.dir / "redis").joinpath("appendonlydir").is_dir() and b"".join(
            path.read_bytes() for path in (self.dir / "redis" / "appendonlydir").iterdir()) or b""
