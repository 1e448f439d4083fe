"""A master with replicas and sentinels: it is killed under load, comes back as a replica, and
is replaced in peace. What may be lost stands in docs/OPERATIONS.md; the rest must not be."""
import collections
import os
import time

import pytest

from conftest import once
from sentinels import MASTER, MAX_LAG_S, Failover, Node, Poster
from stack import BUILD, ENDED, PATIENCE, until

TARGETS, POSTERS = 12, 3
LOAD_S = 1.5
OVER = (*ENDED, "success", "partial", "failed")  # of runs and of batches
FAIL_OVER_S = 30  # down-after, an election or two, our pause: a hang, not a speed
GATED = {"repository": "acme/net", "ref": "main", "type": "Git", "paths": [{"directory": "gated"}]}


@pytest.fixture
def failover():
    with Failover(TARGETS) as stack:
        yield stack.start()


def load(stack, name, seconds):
    """Posters that have been at it for so long, and go on."""
    posters = [Poster(stack, f"{name} {number}") for number in range(POSTERS)]
    for poster in posters:
        poster.start()
    until_s = time.monotonic() + seconds
    until(lambda: time.monotonic() > until_s and all(poster.accepted for poster in posters), 20, "requests are accepted")
    return posters


def accepted_after(posters, when):
    return [entry for poster in posters for entry in poster.accepted if entry[0] > when]


def all_accepted(posters):
    return accepted_after(posters, 0)


def stop(posters):
    for poster in posters:
        poster.stop()
    assert [complaint for poster in posters for complaint in poster.complaints] == []


def status_of(stack, run_id):
    """Its status; None: nobody knows it."""
    answer = stack.get(f"/api/v1/runs/{run_id}")
    assert answer.status in (200, 404), answer
    return answer.json["status"] if answer.status == 200 else None


def is_over(stack, run_id):
    answer = stack.get(f"/api/v1/runs/{run_id}")
    return answer.status == 404 or (answer.status == 200 and answer.json["endedAt"])


def nothing_is_held(stack):
    return all(stack.redis_json("exists", "{kedge}:" + key) == 0
               for key in ("active", "leases", "suspects", "orphans", "ready", "delayed"))


def begin_gated_apply(stack):
    answer = stack.post("/api/apply", GATED, headers={"Prefer": "respond-async"})
    assert answer.status == 202, answer
    until(lambda: any(line[:2] == ("begin", "gated") for line in stack.applies()), 20, "the apply has begun")
    run_id, = [line[2] for line in stack.applies() if line[1] == "gated"]
    return run_id


def end_events(stack):
    """How often each run was said to have ended, as of the events that there are."""
    entries = stack.redis_json("xrange", "{kedge}:events", "-", "+")
    fields = [dict(zip(pairs[::2], pairs[1::2])) for _, pairs in entries]
    return collections.Counter(event["run"] for event in fields if event["status"] in OVER)


def every_apply_ran_once(stack, batches):
    """Those that a batch tells of, and no others."""
    told = [run_id for batch in batches for run_id in stack.run(batch)["runs"]]
    for what in ("begin", "end"):
        ran = collections.Counter(run_id for word, _, run_id in stack.applies() if word == what)
        assert set(ran) == set(told), (what, set(ran) ^ set(told))
        assert set(ran.values()) <= {1}, ran
    assert {stack.run(run_id)["status"] for run_id in told} <= {"applied"}


def take_back(stack, node):
    """A master that was killed starts as the master it was, until the sentinels see it."""
    stack.launch(node)
    until(lambda: len(stack.replicas(stack.master())) == 2, 40, "the old master is a replica")


def fail_over_in_peace(stack, old):
    """As docs/OPERATIONS.md says: nothing is written while the sentinels change over."""
    assert stack.ask_node(old, "client", "pause", 60000, "write") == "OK"
    offset = stack.ask_node(old, "role")[1]
    until(lambda: all(int(replica[2]) >= offset for replica in stack.replicas(old)), 20, "the replicas have it all")
    until(lambda: stack.ask_node(stack.sentinels[0], "sentinel", "failover", MASTER) == "OK", 20, "the sentinels begin")
    return until(lambda: (lambda node: node is not old and node)(stack.master()), FAIL_OVER_S, "another is the master")


@once
def test_a_master_that_is_killed_and_one_that_is_replaced(failover):
    gated = begin_gated_apply(failover)
    posters = load(failover, "killed", LOAD_S)
    first = failover.master()

    failover.processes[first.name].kill()
    killed = time.monotonic()
    until(lambda: accepted_after(posters, killed + 0.5), FAIL_OVER_S, "requests are accepted again")
    second = until(failover.master, FAIL_OVER_S, "all sentinels know the new master")
    assert second is not first
    failover.launch(first)  # still as a master, which it is not any more
    (failover.world / "open").touch()
    assert failover.ended(gated, FAIL_OVER_S)["status"] == "applied"
    stop(posters)
    of_first = all_accepted(posters)

    take_back(failover, first)
    posters = load(failover, "replaced", 0.3)
    third = fail_over_in_peace(failover, second)
    replaced = time.monotonic()
    until(lambda: accepted_after(posters, replaced), FAIL_OVER_S, "requests are accepted again")
    stop(posters)
    of_second = all_accepted(posters)
    assert failover.master() is third

    ids = {entry[1] for entry in [*of_first, *of_second]}
    until(lambda: all(is_over(failover, run_id) for run_id in ids), 60, "what was accepted has ended")
    until(lambda: nothing_is_held(failover), 20, "nothing is held")
    lost = {run_id for run_id in ids if status_of(failover, run_id) is None}
    for when, run_id, *_ in of_first:
        assert run_id not in lost or killed - MAX_LAG_S - 1 < when <= killed + 0.1, f"{run_id} was accepted {killed - when} s before"
    assert not lost & {entry[1] for entry in of_second}
    ends = end_events(failover)
    assert {run_id: ends[run_id] for run_id in ids - lost if ends[run_id] != 1} == {}
    batches = {entry[1] for entry in [*of_first, *of_second] if entry[3] == "/api/apply"} - lost
    run = failover.run(gated)
    every_apply_ran_once(failover, [*batches, run["batchId"]] if "batchId" in run else batches)
    assert failover.get("/api/locks").json["data"]["locks"] == []


# ---- what is refused at start ----
@pytest.fixture(scope="module")
def strangers():
    """A cluster of one server without slots, and a sentinel."""
    with Failover(0) as stack:
        bus = Node("bus").address[1]
        stack.launch(stack.redises[0], f"cluster-enabled yes\ncluster-port {bus}\nappendonly yes\n")
        stack.launch(stack.sentinels[0], "")
        yield stack


@pytest.mark.parametrize("program", ("api", "worker", "scheduler"))
@pytest.mark.parametrize("who, database, sentence", (
    ("redis0", 0, "it runs in cluster mode, and Redis Cluster is not supported"),
    ("redis0", 2, "it runs in cluster mode, and Redis Cluster is not supported"),
    ("sentinel0", 0, "this is a Sentinel; it is given as redis+sentinel://host:port/name-of-the-master"),
))
def test_what_is_no_redis_master_is_refused_with_a_sentence(strangers, program, who, database, sentence):
    node, = (node for node in (*strangers.redises, *strangers.sentinels) if node.name == who)
    process = strangers.spawn(f"{program}-{who}-{database}", BUILD / f"kedge-{program}", KEDGE_REDIS_URL=f"redis://{node}/{database}",
                              data_dir=strangers.dir / "data" / program, unsafe_redis="true")
    assert process.popen.wait(20 * PATIENCE) == os.EX_CONFIG, process.log.read_text()
    assert sentence in process.log.read_text() and str(node) in process.log.read_text()
