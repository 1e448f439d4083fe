"""A Kedge whose Redis is a master with two replicas and three sentinels, each a process of
its own on a loopback address that nobody else has; and clients that remember what they were
told."""
import contextlib
import json
import random
import socket
import subprocess
import threading
import time
import uuid

from stack import Stack, until
from test_security import documented_user

REDISES, SENTINELS = 3, 3
MASTER = "the-master"
MAX_LAG_S = 2
SENTINEL_PASSWORD = "the-sentinels-password"
KEDGE_PASSWORD = "the-password-of-kedge"

REDIS_CONF = f"""
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
min-replicas-to-write 1
min-replicas-max-lag {MAX_LAG_S}
repl-diskless-sync-delay 0
repl-timeout 10
user {" ".join(documented_user(KEDGE_PASSWORD))}
"""
SENTINEL_CONF = f"""
requirepass {SENTINEL_PASSWORD}
sentinel sentinel-pass {SENTINEL_PASSWORD}
sentinel down-after-milliseconds {MASTER} 1000
sentinel failover-timeout {MASTER} 3000
sentinel parallel-syncs {MASTER} 2
"""

# Quick, and a witness: each apply that begins and ends is a line `what directory run` of
# WORLD/log; what is applied in the directory `gated` waits for WORLD/open.
TERRAFORM = """#!/bin/bash
world=@WORLD@
[ "$1" = version ] && exec echo '{"terraform_version": "1.11.4"}'
out=- run=-
for argument; do
    case $argument in
    -out=*) out=${argument#-out=} run=${out%/out/*} run=${run##*/} ;;
    */sealed/plan) run=${argument%/sealed/plan} run=${run##*/} ;;
    esac
done
note() { echo "$1 ${PWD##*/} $run" >> "$world/log"; }
case $1 in
init)
    mkdir -p "$TF_DATA_DIR"
    echo '{"backend": {"type": "local", "config": {"path": "/somewhere"}}}' > "$TF_DATA_DIR/terraform.tfstate"
    ;;
plan)
    sleep 0.1
    echo plan > "$out"
    exit 2
    ;;
apply)
    note begin
    if [ "${PWD##*/}" = gated ]; then
        while [ ! -e "$world/open" ]; do sleep 0.05; done
    fi
    sleep 0.3
    note end
    echo "Apply complete! Resources: 0 added, 1 changed, 0 destroyed."
    ;;
show)
    cat << END
{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [
{"address": "terraform_data.it", "mode": "managed", "type": "terraform_data", "name": "it",
"provider_name": "terraform.io/builtin/terraform", "change": {"actions": ["update"], "before": {"input": "a"},
"after": {"input": "b"}, "after_unknown": {}, "before_sensitive": false, "after_sensitive": false}}]}
END
    ;;
esac
"""


class Node:
    """A redis-server or a sentinel. The address stays its own over restarts."""

    def __init__(self, name):
        self.name = name
        host = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        with socket.create_server((host, 0)) as free:
            self.address = free.getsockname()

    def __str__(self):
        return f"{self.address[0]}:{self.address[1]}"


class Failover(Stack):
    def __init__(self, targets, **settings):
        super().__init__(max_queued=2000, log_level="info", **settings)
        self.redises = [Node(f"redis{n}") for n in range(REDISES)]
        self.sentinels = [Node(f"sentinel{n}") for n in range(SENTINELS)]
        hosts = ",".join(map(str, self.sentinels))
        terraform = self.dir / "terraform"
        terraform.write_text(TERRAFORM.replace("@WORLD@", str(self.world)))
        terraform.chmod(0o755)
        (self.world / "log").touch()
        self.targets = [f"d{n}" for n in range(targets)]
        self.settings.update(
            KEDGE_REDIS_URL=f"redis+sentinel://kedge:{KEDGE_PASSWORD}@{hosts}/{MASTER}/2?sentinel-password={SENTINEL_PASSWORD}",
            terraform=terraform, sandbox_read=f"/usr:/lib:/lib64:/bin:/etc:{terraform}")

    # ---- Redis ----
    def launch(self, node, text=None):
        """As it left its configuration, when no text is given."""
        host, port = node.address
        directory = self.dir / "redis" / node.name
        directory.mkdir(exist_ok=True)
        conf = directory / "redis.conf"
        if text is not None:
            conf.write_text(f"bind {host}\nport {port}\ndir {directory}\nprotected-mode no\n{text}")
        mode = ["--sentinel"] if node in self.sentinels else []
        process = self.spawn(node.name, "redis-server", conf, *mode)
        until(lambda: self.ask_node(node, "ping", timeout=2) is not None, 20, f"{node.name} answers")
        return process

    def start_redis(self):
        first = self.redises[0]
        host, port = first.address
        for node in self.redises:
            of_first = "" if node is first else f"replicaof {host} {port}\n"
            self.launch(node, f"{REDIS_CONF}replica-announce-ip {node.address[0]}\n{of_first}")
        until(lambda: len(self.replicas(first)) == REDISES - 1, 20, "the replicas have joined")
        for node in self.sentinels:
            self.launch(node, f"sentinel monitor {MASTER} {host} {port} 2\n{SENTINEL_CONF}"
                              f"sentinel announce-ip {node.address[0]}\n")

    def ask_node(self, node, *words, timeout=5):
        """The reply, of whatever it is; None: it is away, or refuses."""
        host, port = node.address
        secret = ["--no-auth-warning", "-a", SENTINEL_PASSWORD] if node in self.sentinels else ["-n", "2"]
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(["redis-cli", "-h", host, "-p", str(port), *secret, "-e", "--json", *map(str, words)],
                                  capture_output=True, text=True, timeout=timeout)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return None

    def replicas(self, node):
        """Those that are in step with it."""
        role = self.ask_node(node, "role")
        return role[2] if role and role[0] == "master" else []

    def knows_all(self, sentinel):
        state = self.ask_node(sentinel, "sentinel", "master", MASTER) or {}
        return (state.get("num-slaves"), state.get("num-other-sentinels")) == (str(REDISES - 1), str(SENTINELS - 1))

    def named(self, sentinel):
        """The node that a sentinel names."""
        address = self.ask_node(sentinel, "sentinel", "get-master-addr-by-name", MASTER)
        return next((node for node in self.redises if address and [*map(str, node.address)] == address), None)

    def master(self):
        """What all sentinels agree on, once it has taken its office."""
        found = {self.named(sentinel) for sentinel in self.sentinels}
        node = found.pop() if len(found) == 1 else None
        return node if node and (self.ask_node(node, "role") or [None])[0] == "master" else None

    def redis_json(self, *words):
        return self.ask_node(until(self.master, 20, "there is a master"), *words)

    # ---- Kedge ----
    def start(self, workers=2, schedulers=2):
        self.start_redis()
        self.start_api()
        for number in range(workers):
            self.start_worker(f"worker{number}", data_dir=self.dir / "data" / str(number))
        for number in range(schedulers):
            self.start_scheduler(f"scheduler{number}")
        until(lambda: self.get("/readyz").status == 200, 20, "the api is ready")
        self.repository("acme/net", {f"{name}/main.tf": "terraform {}\n" for name in [*self.targets, "gated"]})
        for name in self.targets:
            self.register("acme/net", "p", name, directory=name, variables={}, backendConfig={})
        until(lambda: all(self.knows_all(node) for node in self.sentinels), 20, "the sentinels know each other")
        return self

    def applies(self):
        """(what, directory, run id) of each apply's begin and end."""
        return [tuple(line.split(" ")) for line in (self.world / "log").read_text().splitlines()]


class Poster(threading.Thread):
    """Asks for checks and applies, each again under its Idempotency-Key until it is accepted."""

    def __init__(self, stack, seed):
        super().__init__(daemon=True)
        self.stack, self.random = stack, random.Random(seed)
        self.over = threading.Event()
        self.accepted = []  # (when, run or batch id, Idempotency-Key, path, body)
        self.complaints = []

    def run(self):
        try:
            while not self.over.wait(self.random.uniform(0, 0.06)):
                self.post(*self.pick())
        except Exception as problem:  # a client that died proves nothing
            self.complaints.append(f"a client died: {problem!r}")

    def pick(self):
        target = self.random.choice(self.stack.targets)
        if self.random.random() < 0.15:
            return "/api/apply", {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": target}]}
        return "/api/v1/drift", {"projectId": "p", "workspaceId": target}

    def post(self, path, body):
        key = str(uuid.uuid4())
        while not self.over.is_set():
            with contextlib.suppress(OSError, ValueError):
                answer = self.stack.post(path, body, headers={"Idempotency-Key": key, "Prefer": "respond-async"}, timeout=5)
                if answer.status == 202:
                    data = answer.json.get("data", answer.json)
                    self.accepted.append((time.monotonic(), data["runId"], key, path, body))
                    return
                if answer.status not in (429, 503):
                    self.complaints.append(f"{path}: {answer}")
                    return
            self.over.wait(0.05)

    def stop(self):
        self.over.set()
        self.join()
