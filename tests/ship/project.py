"""A clone in which the commands of docs/OPERATIONS.md (section Containers) are typed, on a real engine.

    with project.opened(engine.shared()) as clone:
        clone.settings(KEDGE_LOG_LEVEL="debug")         # docker/.env
        clone.type_block("Start")                       # the lines of the block under that heading
        clone.healthy("worker", 1)

`missing()` says why that cannot be had here. Everything that was started is gone at the end.
"""
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import engine
from engine import ROOT, until

SOURCE = ("Makefile", ".dockerignore", ".gitignore", "common", "api", "worker", "scheduler", "docker", "docs/openapi.yaml")
PROFILES = ("--profile", "demo", "--profile", "metrics")


def missing():
    return engine.missing() or ("" if shutil.which("docker-compose") else "docker-compose is not installed")


def commands(heading):
    """The lines of the shell block under that heading."""
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    block = re.search(rf"\*\*{re.escape(heading)}\*\*.*?```sh\n(.*?)```", text, flags=re.S).group(1)
    return [re.sub(r"\s+# .*", "", line) for line in block.splitlines() if line.strip()]


class Project:
    def __init__(self, docker, directory):
        self.docker, self.directory = docker, pathlib.Path(directory)
        for name in SOURCE:
            target = self.directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(ROOT / name, target) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, target)
        shutil.rmtree(self.directory / "docker/secrets", ignore_errors=True)
        (self.directory / "docker/.env").unlink(missing_ok=True)

    def type(self, command, **options):
        """A line of the documentation, as it is there; compose is the one that is installed."""
        line = command.replace("docker compose", "docker-compose").replace("curl ", "nsenter -t %d -n curl --noproxy '*' " % self.docker.daemon.pid)
        return self.docker.call(["bash", "-c", line], cwd=self.directory, **options).stdout

    def type_block(self, heading):
        return [self.type(line) for line in commands(heading)]

    def remove(self):
        """Types Remove; again where the engine is not yet done with a network's containers."""
        line, = commands("Remove")
        until(lambda: self.type(f"{line} && echo removed", check=False).endswith("removed\n"), 60, "all is removed")

    def compose(self, *words, **options):
        return self.docker.call(["docker-compose", "-f", "docker/compose.yml", *words], cwd=self.directory, **options).stdout

    def settings(self, **values):
        """What the user writes into docker/.env: the example, and at its end these."""
        text = (self.directory / "docker/.env.example").read_text()
        (self.directory / "docker/.env").write_text(text + "".join(f"{name}={value}\n" for name, value in values.items()))

    def secret(self, name):
        return (self.directory / "docker/secrets" / name).read_text().strip()

    def containers(self, service):
        found = self.docker.docker("ps", "-q", "--filter", f"label=com.docker.compose.service={service}").stdout.split()
        return [self.docker.inspect(one) for one in found]

    def healthy(self, service, count):
        def all_well():
            found = self.containers(service)
            return len(found) == count and all(one["State"]["Health"]["Status"] == "healthy" for one in found)
        until(all_well, 90, f"{count} of {service} are healthy")

    def execute(self, service, script):
        return self.docker.docker("exec", self.containers(service)[0]["Id"], "sh", "-ec", script).stdout

    def ask(self, method, path, body=None, *words, token=None):
        """(status, text); (0, "") when nobody answers."""
        said = self.docker.curl(
            f"http://127.0.0.1:4141{path}", "-X", method, "-H", f"Authorization: Bearer {token or self.secret('api/api_secret')}",
            "-H", "Content-Type: application/json", "-w", "\n%{http_code}", *words, *(["-d", json.dumps(body)] if body is not None else []),
            check=False)
        text, _, status = said.rpartition("\n")
        return (int(status), text) if status.isdigit() and int(status) else (0, "")

    def api(self, method, path, body=None):
        status, text = self.ask(method, path, body)
        assert 200 <= status < 300, (method, path, status, text)
        return json.loads(text)

    def repository(self, name, hcl):
        """acme/<name> on the volume that the workers share; settings() must have REPOSITORIES."""
        self.execute("worker", f"""export HOME=/tmp; cd /tmp; rm -rf r; git init -q -b main r; cd r
            cat > main.tf <<'HCL'\n{hcl}\nHCL
            git add -A; git -c user.name=t -c user.email=t@localhost commit -qm x
            mkdir -p /var/lib/kedge/test/acme; git clone -q --bare . /var/lib/kedge/test/acme/{name}.git""")


# Repositories without a server: on the volume of the workers, where runs may write too.
REPOSITORIES = {"KEDGE_GIT_URL": "file:///var/lib/kedge/test", "KEDGE_REPO_ALLOWLIST": "localhost/acme/*",
                "KEDGE_SANDBOX_WRITE": "/var/lib/kedge/test"}


@contextlib.contextmanager
def opened(docker):
    assert docker.image
    with tempfile.TemporaryDirectory(prefix="kedge-clone-", dir=docker.directory) as directory:
        project = Project(docker, directory)
        try:
            yield project
        finally:
            project.compose(*PROFILES, "kill", check=False)
            project.compose(*PROFILES, "down", "-v", "-t", "1", check=False)


def origin(project):
    """Where the clone is from, so that it can be pulled: a bare repository beside it."""
    bare = project.directory.with_name(project.directory.name + ".git")
    git = ["git", "-C", project.directory, "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["git", "init", "-q", "--bare", "-b", "main", bare], [*git, "init", "-q", "-b", "main"], [*git, "add", "-A"],
                  [*git, "commit", "-qm", "x"], [*git, "remote", "add", "origin", bare], [*git, "push", "-q", "-u", "origin", "main"]):
        subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)
    return bare
