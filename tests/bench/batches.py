"""Benchmarks of requests over several projects: how well they spread, what one costs more than a
plain run, and what many that wait cost."""
import asyncio
import json
import statistics
import time

from stack import TOKEN, Stack, until
from tables import median_of, milliseconds, table

# An apply that takes its time without taking the processor: what is measured is the spreading.
SLOW = """
terraform {
  backend "local" { path = "%(state)s" }
}
resource "terraform_data" "it" {
  input = timestamp()
  provisioner "local-exec" { command = "sleep 3" }
  triggers_replace = timestamp()
}
"""
PLAIN = """
terraform {
  backend "local" { path = "%(state)s" }
}
resource "terraform_data" "it" { input = file("%(world)s/it") }
"""
PROJECTS = 20


def source(kedge, text, name):
    return text % {"state": f"{kedge.dir}/state/{name}.tfstate", "world": kedge.world}


def post(kedge, path, paths, **more):
    return kedge.post(path, {"Repository": "acme/net", "Ref": "main", "Type": "Git",
                             "Paths": [{"Directory": name} for name in paths]}, timeout=300, **more)


def timed(call):
    start = time.monotonic()
    answer = call()
    return time.monotonic() - start, answer


def bench_batches(pairs=5):
    """20 projects on two workers with two slots each, against one project, in turn."""
    names = [f"d{number}" for number in range(PROJECTS)]
    one, all_of_them = [], []
    with Stack(log_level="info", worker_slots=2) as kedge:
        kedge.start(workers=2)
        kedge.repository("acme/net", {f"{name}/main.tf": source(kedge, SLOW, name) for name in names})
        post(kedge, "/api/plan", names)  # every target has been initialised on some worker
        post(kedge, "/api/plan", names)
        for _ in range(pairs):
            for values, wanted in ((one, names[:1]), (all_of_them, names)):
                seconds, answer = timed(lambda paths=wanted: post(kedge, "/api/apply", paths))
                assert answer.status == 200, answer
                assert answer.json["data"]["success_count"] == len(wanted), answer.json
                values.append(seconds)
    limit = PROJECTS / 4 * statistics.median(one)
    table(f"POST /api/apply over {PROJECTS} projects, 2 workers × 2 slots, {pairs} pairs in turn, s", ["", "median", "min", "max"], [
        ["one project", median_of(one, 2), f"{min(one):.2f}", f"{max(one):.2f}"],
        [f"{PROJECTS} projects", median_of(all_of_them, 2), f"{min(all_of_them):.2f}", f"{max(all_of_them):.2f}"],
        [f"{PROJECTS} / 4 × one", f"{limit:.2f}", "", ""],
        ["ratio", f"{statistics.median(all_of_them) / limit:.3f}", "", ""]])


def bench_one(pairs=15):
    """A request over one project against a v1 check of the same plan, both as a client sees them."""
    v1, atlantis, runs = [], [], []
    with Stack(log_level="info") as kedge:
        kedge.start()
        kedge.repository("acme/net", {"main.tf": source(kedge, PLAIN, "one")})
        answer = kedge.post("/api/apply", {"Repository": "acme/net", "Ref": "main", "Type": "Git", "Paths": [{"Directory": "."}]})
        assert answer.json["data"]["success_count"] == 1, answer.json
        kedge.register("acme/net", variables=None, backendConfig=None)
        body = {"projectId": "p", "workspaceId": "w"}

        def check():
            run = kedge.post("/api/v1/drift", body).json["runId"]
            return kedge.get(f"/api/v1/runs/{run}?wait=60").json

        for number in range(pairs + 2):
            check_s, run = timed(check)
            plan_s, answer = timed(lambda: post(kedge, "/api/plan", ["."]))
            assert run["status"] == "clean" and answer.json["data"]["success_count"] == 1, (run, answer)
            if number >= 2:  # the first ones warm the caches of both
                v1.append(check_s * 1000)
                atlantis.append(plan_s * 1000)
                runs.append(milliseconds(run["endedAt"]) - milliseconds(run["startedAt"]))
    extra = [plan - check for plan, check in zip(atlantis, v1)]
    table(f"One project, {pairs} pairs in turn, ms, from the request to the answer", ["", "median", "min", "max"], [
        [label, median_of(values), f"{min(values):.1f}", f"{max(values):.1f}"] for label, values in (
            ("POST /api/v1/drift, then GET ?wait", v1), ("POST /api/plan", atlantis), ("difference, pair by pair", extra),
            ("claim to finish of the v1 run", runs))])


async def hold_requests(port, count, while_they_wait):
    body = json.dumps({"Repository": "acme/net", "Ref": "main", "Type": "Git", "Paths": [{"Directory": "."}]})
    head = (f"POST /api/plan HTTP/1.1\r\nHost: x\r\nX-Atlantis-Token: {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    connections = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        await writer.drain()
        connections.append((reader, writer))
    seen = await asyncio.to_thread(while_they_wait)
    for _, writer in connections:
        writer.close()
    return seen


def bench_waiting(count=1000):
    """Requests that wait for their batch while no worker is there."""
    with Stack(log_level="info") as kedge:
        kedge.start(workers=0)
        kedge.repository("acme/net", {"main.tf": source(kedge, PLAIN, "one")})
        idle = kedge.processes["api"].rss_bytes()

        def while_they_wait():
            until(lambda: int(kedge.redis_cli("zcard", "{kedge}:ready")) == count, 30, "all are queued")
            times = sorted(timed(lambda: kedge.get("/healthz"))[0] * 1000 for _ in range(500))
            return kedge.processes["api"].rss_bytes(), times

        rss, times = asyncio.run(hold_requests(kedge.port, count, while_they_wait))
    table(f"{count} waiting POST /api/plan", ["", ""], [
        ["api, idle", f"{idle / 1e6:.1f} MB"], ["api, while they wait", f"{rss / 1e6:.1f} MB"],
        ["/healthz meanwhile: median", f"{times[len(times) // 2]:.2f} ms"],
        ["/healthz meanwhile: p99, worst", f"{times[int(len(times) * 0.99)]:.2f} ms, {times[-1]:.2f} ms"]])
