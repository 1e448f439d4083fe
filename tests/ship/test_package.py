"""The Debian package: built on Debian 13 and 12, installed where systemd really is process 1.

One machine of each, and the tests in their order: each goes on from where the one before it ended.
"""
import json
import os
import pathlib
import re
import shutil

import pytest

import debian
from machine import Machine, missing, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "ship"
SERVICES = ("kedge-api", "kedge-scheduler", "kedge-worker")
SUITES = ("trixie", "bookworm")
VERSIONS = ("0.1.0", "0.1.1")
EXPOSURE_MAX = 1.7  # what OPERATIONS.md says
TERRAFORM = shutil.which("terraform")
SECRET = "package-secret-0123456789abcdef"
HERE = "/srv/kedge"
# So long that TMPDIR of a run lies in /tmp: sockets have short paths.
DEEP = "/var/lib/kedge/" + "deep-" * 12

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(TERRAFORM is None, reason="terraform is not on PATH"),
]

SETTINGS = {
    "api": f"KEDGE_API_SECRET={SECRET}\nKEDGE_GIT_URL=file://{HERE}/git\nKEDGE_REPO_ALLOWLIST=*\n",
    "worker": f"KEDGE_GIT_URL=file://{HERE}/git\nKEDGE_REPO_ALLOWLIST=*\nKEDGE_RUN_MEMORY=64M\nKEDGE_SANDBOX_WRITE={HERE}\n"
              f"KEDGE_DATA_DIR={DEEP}\nKEDGE_STOP_TIMEOUT=1s\nKEDGE_CANCEL_GRACE=1s\n",
}
# Its one resource follows a file; its provisioner notes when it begins and ends, and waits at the gate between.
CODE = f"""
terraform {{
  backend "local" {{
    path = "{HERE}/state"
  }}
}}
resource "terraform_data" "it" {{
  input            = file("{HERE}/world")
  triggers_replace = file("{HERE}/world")
  provisioner "local-exec" {{
    command = "echo begin >> {HERE}/applies; echo $TMPDIR > {HERE}/tmpdir; touch $TMPDIR/before; read x < {HERE}/gate; touch $TMPDIR/after; ls $TMPDIR >> {HERE}/left; echo end >> {HERE}/applies"
  }}
}}
"""


def build_packages(suite):
    """The same source as two versions of the package, built on that Debian; in one directory, objects are reused."""
    build = BUILT / f"package-{suite}"
    build.mkdir(parents=True, exist_ok=True)
    packages = []
    with debian.Root(suite, packages=["dpkg-dev"], sets=["build"]) as root:
        for version in VERSIONS:
            root.run("make", "-s", f"-j{os.cpu_count()}", "deb", f"B={build.relative_to(ROOT)}", f"DEBDIR={build.relative_to(ROOT)}",
                     f"VERSION={version}", binds={ROOT: "/kedge"}, cwd="/kedge")
            packages += build.glob(f"kedge_{version}_*.deb")
    return packages


class Host(Machine):
    """What an administrator and a client do on it."""

    def __init__(self, suite, package):
        super().__init__(suite, ["redis-server", "git", "curl", "procps"], binds={TERRAFORM: "/usr/local/bin/terraform"})
        self.package = package

    def prepare(self):
        """What the package depends on is fetched now: there is no network later."""
        shutil.copy(self.package, self.directory / "opt")
        super(Machine, self).run("apt-get", "install", "-y", "-q", "--download-only", "--no-install-recommends", f"/opt/{self.package.name}")

    def install(self, package):
        shutil.copy(package, self.directory / "opt")
        return self.run("dpkg", "--install", f"/opt/{package.name}")

    def state(self, service):
        return self.ask("systemctl", "is-active", service).stdout.strip()

    def pid(self, service):
        return int(self.run("systemctl", "show", "-P", "MainPID", service))

    def request(self, method, path, body=None):
        """Status and body; status 0 when nobody answers."""
        words = ["curl", "-s", "-X", method, "-H", f"Authorization: Bearer {SECRET}", "-H", "Content-Type: application/json",
                 "-H", "Prefer: respond-async", "-w", "\n%{http_code}", f"http://127.0.0.1:4141{path}"]
        if body is not None:
            words += ["-d", json.dumps(body)]
        text, _, status = self.ask(*words).stdout.rpartition("\n")
        return int(status or 0), json.loads(text) if text.startswith(("{", "[")) else text

    def call(self, method, path, body=None):
        status, answer = self.request(method, path, body)
        assert 200 <= status < 300, (status, answer)
        return answer

    def healthy(self):
        return self.request("GET", "/readyz")[0] == 200 and all(self.state(service) == "active" for service in SERVICES)

    def terraforms(self):
        """Process ids of the applies that go on."""
        return self.ask("pgrep", "-u", "kedge-worker", "-f", "terraform apply").stdout.split()

    def text(self, name):
        path = self.directory / HERE[1:] / name
        return path.read_text() if path.exists() else ""

    def begin_apply(self, world):
        """Begins one, and returns its run's id when its provisioner waits at the gate."""
        self.run("rm", "-f", f"{HERE}/applies")
        self.write(f"{HERE}/world", world)
        self.call("POST", "/api/apply", {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "."}]})
        until(lambda: self.text("applies"), 60, "the provisioner of the apply begins")
        run, = self.call("GET", "/api/v1/runs?status=running")
        return run["id"]

    def open_gate(self):
        self.run("timeout", "30", "sh", "-c", f"echo open > {HERE}/gate")

    def ended(self, run_id, seconds=60):
        def look():
            run = self.request("GET", f"/api/v1/runs/{run_id}")[1]
            return isinstance(run, dict) and run.get("endedAt") and run
        try:
            return until(look, seconds, f"run {run_id} ends")
        except AssertionError:
            print(self.request("GET", f"/api/v1/runs/{run_id}"), self.journal("kedge-worker")[-6000:], sep="\n")
            raise

    def leftovers(self):
        """Files that are Kedge's by their name or of nobody, and accounts."""
        found = self.run("find", "/", "-xdev", "(", "-path", HERE, "-o", "-path", "/opt", "-o", "-path", "/etc/dpkg/dpkg.cfg.d", "-o", "-path", "/var/log/journal",
                         "-o", "-path", "/tmp", ")", "-prune", "-o", "(", "-name", "*kedge*", "-o", "-nouser", "-o", "-nogroup", ")", "-print")
        return found.split() + [line for name in ("passwd", "group", "shadow") for line in
                                self.run("cat", f"/etc/{name}").split() if "kedge" in line]


@pytest.fixture(scope="module", params=SUITES)
def suite(request):
    why = debian.offline(request.param)
    if why:
        pytest.skip(why)
    return request.param


@pytest.fixture(scope="module")
def packages(suite):
    return build_packages(suite)


@pytest.fixture(scope="module")
def host(suite, packages):
    with Host(suite, packages[0]) as host:
        yield host


def test_it_installs_although_its_redis_is_not_fit(host, packages):
    """Debian's Redis keeps no append-only file: the programs refuse it, and say so; the package is installed."""
    host.run("sh", "-c", "dpkg --install /var/cache/apt/archives/*.deb")
    host.install(packages[0])
    assert host.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "kedge") == f"installed {VERSIONS[0]}"
    for service in SERVICES:
        assert host.run("systemctl", "is-enabled", service).strip() == "enabled"
        assert host.run("id", "-un", service).strip() == service
    assert host.run("stat", "-c", "%a %U", "/etc/kedge/api.env", "/etc/kedge/worker.env", "/etc/kedge/scheduler.env") == "600 root\n" * 3
    until(lambda: "append" in host.journal("kedge-worker"), 20, "the worker says what is wrong with Redis")


def test_the_services_run_confined_and_report_health(host):
    host.run("sh", "-c", f"mkdir -p {HERE} && cd {HERE} && mkfifo gate && mkdir copy && cd copy && git init -q -b main")
    host.write(f"{HERE}/copy/main.tf", CODE)
    host.write(f"{HERE}/world", "first\n")
    host.run("sh", "-c", f"cd {HERE}/copy && git add -A && git -c user.name=t -c user.email=t@t commit -qm t && "
                         f"git clone -q --bare . {HERE}/git/acme/net.git && chown -R kedge-worker {HERE}")
    for name, text in SETTINGS.items():
        host.write(f"/etc/kedge/{name}.env", text, 0o600)
    host.write("/etc/systemd/system/kedge-worker.service.d/repository.conf", f"[Service]\nReadWritePaths={HERE}\n")
    host.run("sh", "-c", "echo appendonly yes >> /etc/redis/redis.conf && systemctl daemon-reload && systemctl restart redis-server")
    host.run("systemctl", "restart", *SERVICES)
    until(host.healthy, 60, "the three services are up, and the api is ready")
    for service in SERVICES:
        pid = host.pid(service)
        assert host.run("ps", "-o", "user:20=", "-p", pid).strip() == service
        status = dict(line.split(":\t", 1) for line in host.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
        assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapBnd"], 16)) == ("1", "2", 0), status
        exposure = re.search(r"exposure level for \S+: ([\d.]+)", host.run("systemd-analyze", "security", "--no-pager", service))
        assert float(exposure[1]) <= EXPOSURE_MAX, exposure[0]


def test_a_check_runs_in_the_sandbox(host):
    host.call("PUT", "/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    host.call("PUT", "/api/v1/projects/p/workspaces/w", {"directory": "."})
    run = host.ended(host.call("POST", "/api/v1/drift", {"projectId": "p", "workspaceId": "w"})["runId"])
    assert (run["status"], run["metadata"]["sandbox"]) == ("drift_detected", "landlock"), run


def test_an_upgrade_loses_no_running_apply(host, packages):
    run_id = host.begin_apply("second\n")
    at_work, worker = host.terraforms(), host.pid("kedge-worker")
    assert at_work
    host.install(packages[1])
    until(host.healthy, 60, "the services are up again")
    assert host.terraforms() == at_work and host.pid("kedge-worker") != worker
    until(lambda: [(one["version"], len(one["runs"])) for one in host.call("GET", "/api/v1/workers") if one["pid"] == host.pid("kedge-worker")]
          == [(VERSIONS[1], 1)], 20, "the new worker has adopted the run")
    host.open_gate()
    run = host.ended(run_id)
    assert (run["status"], run["attempts"], run["error"]) == ("applied", 1, None), run
    assert host.text("applies").split() == ["begin", "end"]
    assert host.text("tmpdir").startswith("/tmp/")
    assert host.text("left").split() == ["after", "before"]  # its TMPDIR was not emptied under it
    assert SECRET in (host.directory / "etc/kedge/api.env").read_text()


def test_a_shutdown_asks_an_apply_to_end_and_the_next_boot_reports_it(host):
    """When the services have ended the system sends SIGTERM to all: terraform stops, its runner stays to take the result down."""
    run_id = host.begin_apply("shutdown\n")
    host.shut_down()
    host.boot()
    until(host.healthy, 60, "the services are up again")
    run = host.ended(run_id)
    assert (run["status"], run["attempts"], run["error"]["code"]) == ("error", 1, "TERRAFORM_FAILED"), run
    assert "Interrupt received" in run["output"]
    assert host.terraforms() == [] and host.text("applies").split() == ["begin"]


def test_a_power_cut_makes_an_orphan_of_an_apply(host):
    run_id = host.begin_apply("power\n")
    host.cut_power()
    host.boot()
    until(host.healthy, 60, "the services are up again")
    orphan, = until(lambda: host.request("GET", "/api/v1/runs?state=orphaned")[1] or None, 60, "the worker misses it")
    assert orphan["id"] == run_id and host.text("applies").split() == ["begin"]
    host.call("POST", f"/api/v1/runs/{run_id}/resolve", {"status": "error", "reason": "the power was cut", "force": True})


def test_what_was_stopped_stays_so_in_an_upgrade(host, packages):
    host.run("systemctl", "stop", "kedge-scheduler")
    host.install(packages[1])
    assert host.state("kedge-scheduler") == "inactive"
    host.run("systemctl", "start", "kedge-scheduler")
    until(host.healthy, 60, "the services are up again")


def test_a_removal_keeps_data_and_settings_and_an_apply_goes_on(host, packages):
    run_id = host.begin_apply("third\n")
    host.run("apt-get", "remove", "-y", "-q", "kedge")
    assert host.terraforms()
    assert (host.directory / "var/lib/kedge").is_dir() and SECRET in (host.directory / "etc/kedge/api.env").read_text()
    host.open_gate()
    until(lambda: not host.terraforms(), 60, "terraform ends")
    host.install(packages[1])
    until(host.healthy, 60, "the services are up again")
    run = host.ended(run_id)
    assert (run["status"], run["attempts"], run["error"]) == ("applied", 1, None), run
    assert host.text("applies").split() == ["begin", "end"]


def test_a_purge_waits_for_an_apply_and_leaves_nothing(host):
    host.begin_apply("fourth\n")
    refused = host.ask("apt-get", "purge", "-y", "-q", "kedge")
    assert refused.returncode != 0 and "an apply still runs" in refused.stdout + refused.stderr, refused
    assert host.terraforms() and (host.directory / "var/lib/kedge").is_dir()
    host.open_gate()
    until(lambda: not host.ask("ps", "-o", "pid=", "-u", "kedge-worker").stdout.split(), 60, "the apply and its runner end")
    assert host.text("applies").split() == ["begin", "end"]
    host.run("dpkg", "--purge", "kedge")
    host.run("rm", "-r", HERE, "/etc/systemd/system/kedge-worker.service.d")
    assert host.leftovers() == []
    assert host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "kedge*") == ""
