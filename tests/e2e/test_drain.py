"""SIGTERM: each client of an api gets a whole answer, each run of a worker its end or its place back."""
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import threading
import time

import pytest

from conftest import needs_terraform, once
from model import STOP, Model
from stack import BUILD, PATIENCE, TOKEN, Stack, until

PROGRAMS = ("api", "worker", "scheduler")
ORDER = {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "."}]}


class Client(threading.Thread):
    """One request on a connection of its own; .problem when the answer was not whole."""

    def __init__(self, stack, method, path, body=None, headers=None):
        super().__init__(daemon=True)
        self.call = method, path, body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **(headers or {})}
        self.connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=40 * PATIENCE)
        self.status, self.headers, self.body, self.problem = 0, {}, b"", None
        self.start()

    def run(self):
        method, path, body, headers = self.call
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            self.status, self.headers = answer.status, answer.headers
            self.body = answer.read()
        except http.client.IncompleteRead as problem:
            self.body, self.problem = problem.partial, "cut"
        except (OSError, http.client.HTTPException) as problem:
            self.problem = repr(problem)

    def ended(self):
        self.join(40 * PATIENCE)
        assert not self.is_alive()
        return self


def connect(stack, text=b""):
    connection = socket.create_connection(("127.0.0.1", stack.port), 40 * PATIENCE)
    connection.sendall(text)
    return connection


def head(method, path, length=0, more=""):
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n{more}\r\n").encode()


def read_all(connection):
    """What comes until the end of the connection; a reset is no end."""
    text = b""
    while piece := connection.recv(65536):
        text += piece
    connection.close()
    return text


def statuses(text):
    return [int(line.split()[1]) for line in text.decode().split("\r\n") if line.startswith("HTTP/1.1 ")]


def terminate(process):
    process.signal(signal.SIGTERM)
    until(lambda: process.events("draining"), 10, "it drains")


@pytest.fixture
def waiting():
    """An api and a model, no worker: whatever is started waits. .run_id is a check that does."""
    with Stack() as stack:
        stack.model = Model(stack)
        stack.settings.update(ai_url=stack.model.url, ai_model="m")
        stack.start(workers=0, scheduler=False)
        stack.register("acme/net")
        stack.api, stack.run_id = stack.processes["api"], stack.trigger()
        yield stack


def requests_that_wait(stack):
    run = f"/api/v1/runs/{stack.run_id}"
    one = {"projectId": "p", "workspaceId": "w"}
    return {
        "poll": Client(stack, "GET", run + "?wait=60"),
        "reconcile": Client(stack, "POST", "/api/v1/drift/reconcile", one),
        "plan": Client(stack, "POST", "/api/plan", {**ORDER, "paths": [{"directory": "a"}]}),
        "apply": Client(stack, "POST", "/api/apply", {**ORDER, "paths": [{"directory": "b"}]}),
        "detect": Client(stack, "POST", "/api/drift/detect", ORDER),
        "events": Client(stack, "GET", run + "/log", headers={"Accept": "text/event-stream"}),
        "text": Client(stack, "GET", run + "/log?follow=1"),
        "words": Client(stack, "POST", "/api/v1/drift/ai-suggest", {"resources": [
            {"address": "a.b", "type": "a", "name": "b", "severity": "info", "action": "update", "changes": []}]}),
    }


def all_wait(stack):
    text = stack.get("/metrics").text
    return (f"kedge_http_long_polls 5\n" in text and 'kedge_streams_open{kind="logs"} 2\n' in text
            and 'kedge_streams_open{kind="ai"} 1\n' in text)


def test_every_kind_of_request_gets_its_answer(waiting):
    waiting.model.says(["words", "first"], ["gate"], ["words", " second"], *STOP)
    clients = requests_that_wait(waiting)
    until(lambda: all_wait(waiting), 30, "all of them wait")
    body = b'{"projectId": "p", "workspaceId": "w"}'
    upload = connect(waiting, head("POST", "/api/v1/drift", len(body)) + body[:10])
    idle, busy = connect(waiting, head("GET", "/healthz")), connect(waiting, head("GET", "/healthz"))
    until(lambda: all(select.select([one], [], [], 0)[0] for one in (idle, busy)), 10, "both are answered")
    assert all(statuses(one.recv(65536)) == [200] for one in (idle, busy))
    pipelined = connect(waiting, head("GET", f"/api/v1/runs/{waiting.run_id}?wait=60") + head("GET", "/healthz"))
    until(lambda: "kedge_http_long_polls 6\n" in waiting.get("/metrics").text, 10, "it waits too")

    began = time.monotonic()
    terminate(waiting.api)
    busy.sendall(head("GET", "/readyz"))
    upload.sendall(body[10:])
    waiting.model.open_gates()
    with pytest.raises(ConnectionRefusedError):
        connect(waiting)
    assert waiting.api.popen.wait(20 * PATIENCE) == 0
    print(f"the api stopped within {time.monotonic() - began:.2f} s")

    for client in clients.values():
        client.ended()
    problems = {name: client.problem for name, client in clients.items() if client.problem}
    assert problems == {"text": "cut"}, "a text that is not whole must look so; all else is whole"
    assert {name: client.status for name, client in clients.items()} == {
        "poll": 200, "reconcile": 202, "plan": 202, "apply": 202, "detect": 202, "events": 200, "text": 200, "words": 200}
    assert json.loads(clients["poll"].body)["status"] == "queued"
    assert clients["words"].body.decode() == "first second"
    for name in ("reconcile", "plan", "apply", "detect"):
        answer = json.loads(clients[name].body)
        run_id = (answer.get("data") or answer)["runId"]
        assert clients[name].headers["Location"] == f"/api/v1/runs/{run_id}", name
        clients[name].run_id = run_id
    refused = read_all(busy)
    assert statuses(refused) == [503] and b"shutting down" in refused and b"Connection: close" in refused
    assert statuses(read_all(upload)) == [202]
    assert read_all(idle) == b"", "it was between two requests"
    assert statuses(read_all(pipelined)) == [200], "the second one is for the next connection"

    waiting.start_api()
    until(lambda: waiting.get("/readyz").status == 200, 20, "the api is back")
    assert {waiting.run(clients[name].run_id)["status"] for name in ("reconcile", "plan", "apply", "detect")} == {"queued"}


def test_an_upload_that_stands_still_holds_up_nobody(waiting):
    upload = connect(waiting, head("POST", "/api/v1/drift", 100) + b"{")
    until(lambda: "kedge_http_requests_in_flight 2\n" in waiting.get("/metrics").text, 10, "it has begun")
    began = time.monotonic()
    assert waiting.api.stop(9) == 0
    print(f"the api stopped within {time.monotonic() - began:.2f} s of an upload that stands still")
    try:
        assert read_all(upload) == b""
    except ConnectionResetError:
        pass


def test_a_second_signal_hurries(waiting):
    waiting.model.says(["words", "first"], ["hang"])
    clients = requests_that_wait(waiting)
    until(lambda: all_wait(waiting), 30, "all of them wait")
    began = time.monotonic()
    terminate(waiting.api)
    assert waiting.api.stop() == 0
    assert time.monotonic() - began < 6 * PATIENCE, "the model has eight seconds without it"
    assert clients["reconcile"].ended().status == 202


def test_a_delay_is_for_balancers_that_ask():
    with Stack(drain_delay="5m") as stack:
        stack.start(workers=0, scheduler=False)
        stack.register("acme/net")
        run_id = stack.trigger()
        poll = Client(stack, "GET", f"/api/v1/runs/{run_id}?wait=60")
        until(lambda: "kedge_http_long_polls 1\n" in stack.get("/metrics").text, 10, "it waits")
        stack.processes["api"].signal(signal.SIGTERM)
        until(lambda: stack.get("/readyz").status == 503, 10, "it is not ready")
        assert stack.get("/status").json["shutting_down"] is True
        answer = stack.get("/healthz")
        assert answer.status == 200 and answer.headers["Connection"] == "close"
        assert poll.is_alive() and not stack.processes["api"].events("draining")
        assert stack.processes["api"].stop() == 0, "the second signal ends the delay"
        assert poll.ended().status == 200


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_start_without_redis_is_ended_with_status_0(bare, program):
    process = bare.spawn(program, BUILD / f"kedge-{program}")
    until(lambda: process.events("redis_away") or process.events("redis_unchecked"), 20, "it looks for Redis")
    process.signal(signal.SIGHUP)
    until(lambda: process.events("secrets_loaded") or program != "api", 20, "it lives")
    process.signal(signal.SIGTERM)
    assert process.stop() == 0


# ---- workers ----
class Relay(threading.Thread):
    """Between a program and Redis; while .held is set nothing that Redis says gets through."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.path, self.redis, self.held, self.passed = stack.dir / "relay.sock", str(stack.socket), threading.Event(), 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.start()

    def run(self):
        peers, source = {}, self.listener
        while True:
            listened = [one for one in peers if not (self.held.is_set() and peers[one][1])]
            for one in select.select([source, *listened], [], [], 0.02)[0]:
                if one is source:
                    client, server = source.accept()[0], socket.socket(socket.AF_UNIX)
                    server.connect(self.redis)
                    peers[client], peers[server] = (server, False), (client, True)
                elif one in peers:
                    self.pass_on(peers, one)

    def pass_on(self, peers, one):
        other, self.passed = peers[one][0], time.monotonic()
        try:
            piece = one.recv(65536)
            other.sendall(piece)
        except OSError:
            piece = b""
        if not piece:
            for end in (one, other):
                peers.pop(end, None)
                end.close()


def crashes(stack, run_id):
    return stack.redis_cli("hget", "{kedge}:run:" + run_id, "crashes").strip()


def test_a_claim_on_its_way_is_given_back(bare):
    """Redis has handed out a run, and the worker that is to hear of it is asked to stop."""
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200, 20, "the api is ready")
    bare.register("acme/net")
    relay = Relay(bare)
    worker = bare.start_worker(redis_url=f"unix://{relay.path}", redis_ca=None)
    until(lambda: worker.events("started"), 20, "it has started")
    until(lambda: time.monotonic() - relay.passed > 0.3, 20, "nothing is on its way")
    relay.held.set()
    run_id = bare.trigger()
    bare.running(run_id)
    terminate(worker)
    assert not worker.events("claimed")
    relay.held.clear()
    assert worker.popen.wait(20 * PATIENCE) == 0
    run = bare.run(run_id)
    assert (run["status"], crashes(bare, run_id)) == ("queued", "")
    assert [line["event"] for line in worker.events() if line["event"] in ("claimed", "stopped")] == ["claimed", "stopped"]


def slow(stack, name):
    """A resource whose provisioner tells the world when it begins and ends, and waits at the gate between."""
    script = f"echo begin >> {stack.world}/{name}-done; read x < {stack.world}/{name}; echo end >> {stack.world}/{name}-done"
    return (f'terraform {{\n  backend "local" {{}}\n}}\nvariable "world" {{ type = string }}\n'
            f'resource "terraform_data" "it" {{\n  provisioner "local-exec" {{\n    command = "{script}"\n  }}\n}}\n')


@needs_terraform
@once
def test_an_apply_outlives_the_drain_and_a_plan_keeps_its_place():
    with Stack(stop_timeout="300ms", cancel_grace="500ms", worker_slots="2") as stack:
        stack.start()
        for name, code in (("apply", slow(stack, "apply")), ("plan", f'output "it" {{\n  value = file("{stack.world}/plan")\n}}\n')):
            stack.gate(name)
            stack.repository(f"acme/{name}", {"main.tf": code if name == "apply" else 'terraform {\n  backend "local" {}\n}\n' + code})
            stack.register(f"acme/{name}", name, **({} if name == "apply" else {"variables": None}))
        planned = stack.trigger("plan")
        plan_reader = stack.waits_at_gate("plan")
        applied = stack.post("/api/v1/drift/reconcile", {"projectId": "apply", "workspaceId": "w"}, headers={"Prefer": "respond-async"}).json["runId"]
        apply_reader = stack.waits_at_gate("apply")
        worker = stack.processes["worker"]
        terminate(worker)
        until(lambda: stack.run(planned)["status"] == "queued", 30, "the plan is given back")
        assert crashes(stack, planned) == ""
        began = time.monotonic()
        assert worker.stop() == 0
        print(f"a worker left an apply behind {time.monotonic() - began:.1f} s after the second signal")
        assert stack.run(applied)["status"] == "running"
        os.close(plan_reader)
        stack.start_worker("second")
        plan_reader = stack.waits_at_gate("plan")
        stack.open_gate("apply", apply_reader)
        run = stack.ended(applied)
        assert (run["status"], run["attempts"]) == ("applied", 1), run
        assert (stack.world / "apply-done").read_text() == "begin\nend\n"
        stack.open_gate("plan", plan_reader)
        assert stack.ended(planned)["status"] in ("clean", "drift_detected")
        assert crashes(stack, planned) == ""


def own_processes(stack):
    """The worker's own parts, whatever they play: not terraform."""
    program = (BUILD / "kedge-worker").resolve()
    for pid, _ in stack.strays():
        try:
            if pathlib.Path(os.readlink(f"/proc/{pid}/exe")) == program:
                yield pid
        except OSError:
            pass


@needs_terraform
def test_a_hang_up_ends_nothing(kedge):
    """As a terminal or an operator sends it, to every process of ours."""
    kedge.gate("gate")
    kedge.repository("acme/net", {"main.tf": f'terraform {{\n  backend "local" {{}}\n}}\noutput "it" {{\n  value = file("{kedge.world}/gate")\n}}\n'})
    kedge.register("acme/net", variables=None)
    run_id = kedge.trigger()
    reader = kedge.waits_at_gate("gate")
    parts = list(own_processes(kedge))
    assert parts, "its runner"
    for pid in [*parts, *(kedge.processes[name].pid for name in PROGRAMS)]:
        os.kill(pid, signal.SIGHUP)
    for name in PROGRAMS:
        until(lambda: kedge.processes[name].events("secrets_loaded"), 10, f"the {name} has read again")
    kedge.open_gate("gate", reader)
    run = kedge.ended(run_id)
    assert (run["status"], run["attempts"]) == ("clean", 1), run
    assert all(kedge.processes[name].running() for name in PROGRAMS)
