"""What must hold when all is quiet again. Each check yields sentences: what does not."""
import collections
import json
import time

from cluster import PUSHED, RECONCILED, SCHEDULERS, TARGETS, TIMED
from stack import ENDED, PATIENCE

# Where a run may go from each status; a cancel is told as the status once more.
MOVES = {
    None: {"queued", "delayed", "skipped"},  # of a batch's later group; a tick while a check is under way
    "queued": {"queued", "running", "cancelled"},
    "delayed": {"queued", "cancelled"},
    "running": {"running", "queued", "delayed", "orphaned", "clean", "drift_detected", "applied", "error", "cancelled"},
    "orphaned": {"running", "applied", "error"},
}
# Lease and grace less a heartbeat: a worker that is silent for less loses no run.
SILENCE_S = 18
# After a worker is back: it hears that a run is not its own any more and stops it.
BACK_S = 15
RECONNECT_S = 5
RUN_FILES = {"spec.json", "marked", "output.z", "apply.z", "head", "metadata.json", "log.z", "expand.json", "result.json", "done"}


# ---- what clients were told ----
def accepted_runs_end(clients, final):
    for run_id in set().union(*(client.accepted for client in clients)):
        status = final.get(run_id)
        if status not in ENDED:
            yield f"run {run_id} was accepted and is {status}"


def an_end_stays(clients, final, runs):
    """An orphan is shown as an error, until its worker or a person says what it came to."""
    for client in clients:
        for run_id, status in client.ended.items():
            was_orphan = status == "error" and "orphaned" in runs.get(run_id, ())
            if final.get(run_id) != status and not was_orphan:
                yield f"run {run_id} was {status} and is {final.get(run_id)}"


# ---- the events stream ----
def histories(events):
    runs = collections.defaultdict(list)
    for _, run_id, status in events:
        runs[run_id].append(status)
    return runs


def returns(runs):
    """How often a run was taken from a worker, to be started again."""
    return sum(pair == ("running", "queued") for history in runs.values() for pair in zip(history, history[1:]))


def each_run_ends_once(runs):
    for run_id, history in runs.items():
        before = None
        for status in history:
            if status not in MOVES.get(before, ()):
                yield f"run {run_id} went from {before} to {status}: {history}"
                break
            before = status
        if history[-1] not in ENDED:
            yield f"run {run_id} has no end event: {history}"


def the_stream_says_what_the_run_says(runs, final):
    for run_id, status in final.items():
        if run_id not in runs or runs[run_id][-1] != status:
            yield f"run {run_id} is {status}, its events are {runs.get(run_id)}"


# ---- the witness in the terraform that is none ----
def read_witness(path):
    return [line.split(" ") for line in path.read_text().splitlines()]


def what_never_ran_never_started(runs, lines):
    for what, _, _, _, *rest in lines:
        if what == "start" and rest[1] != "-" and "running" not in runs.get(rest[1], ()):
            yield f"run {rest[1]} was started and never running: {runs.get(rest[1])}"


def results_are_true(records, final, lines):
    """A run that is clean or has drift has a plan that came to that; what resolves a batch has none."""
    seen = collections.defaultdict(set)
    for what, _, _, _, *rest in lines:
        if what == "exit":
            seen[rest[1]].add(rest[0])
    resolved = {run_id for run_id, record in records.items() if record.get("kind") == "resolve"}
    for run_id, status in final.items():
        wanted = {"clean": "0", "drift_detected": "2"}.get(status)
        if wanted and run_id not in resolved and wanted not in seen[run_id]:
            yield f"run {run_id} is {status}, its plans ended with {sorted(seen[run_id])}"


def silences(faults, names):
    """When those workers may not have been heard: their faults and those of Redis, joined,
    where a worker's is among them."""
    joined = []
    for name, start, end in sorted((f for f in faults if f[0] in names or f[0] == "redis"), key=lambda f: f[1]):
        if joined and start <= joined[-1][1] + RECONNECT_S:
            joined[-1][1] = max(end, joined[-1][1])
            joined[-1][2] |= name != "redis"
        else:
            joined.append([start, end, name != "redis"])
    return [(start, end) for start, end, worker in joined if worker]


def is_excused(cluster, faults, when, places):
    """Checks of a worker that is silent too long are done by others while they may still
    run here: they stop soon after it is back."""
    return any(start + SILENCE_S <= when <= end + BACK_S
               for place in places for start, end in silences(faults, cluster.workers_of(place)))


def one_at_a_time(cluster, faults, lines, counts):
    for what, target, pid, when, *rest in lines:
        if what != "overlap":
            continue
        if "apply" not in rest[2:] and is_excused(cluster, faults, float(when), rest[:2]):
            counts["overlaps after a silence"] += 1
        else:
            yield f"two at once on {target} at {when}: {rest[0]} (pid {pid}, {rest[-1]}) met {rest[1]} ({rest[2]})"


# ---- what is left ----
def nothing_is_held(cluster):
    for key in ("active", "leases", "suspects", "orphans", "ready", "delayed", "coalesce"):
        if cluster.redis_json("exists", "{kedge}:" + key) != 0:
            yield f"{key} is left over"
    waiting = cluster.redis_json("hgetall", "{kedge}:waiting")
    if any(int(count) != 0 for count in waiting.values()):
        yield f"waiting counts {waiting}"
    queues = cluster.redis_json("keys", "{kedge}:q:*")
    if queues:
        yield f"queues are left over: {queues}"


def no_process_is_left(cluster):
    for pid, command in cluster.strays():
        if " --sweep " not in command:
            yield f"process {pid} is left: {command}"


def directories_stay_small(cluster):
    """A worker may be a moment behind: it tidies up after the run has ended for everybody."""
    deadline = time.monotonic() + 20 * PATIENCE
    while list(untidy(cluster)) and time.monotonic() < deadline:
        time.sleep(0.1)
    yield from untidy(cluster)


def is_kept(run):
    """An orphan's directory is for a person to look at; without what may hold secrets in clear."""
    return (run / "orphaned").exists() and not {"in", "out", "plan", "tmp", "home"} & {path.name for path in run.iterdir()}


def untidy(cluster):
    for worker in cluster.dir.glob("data/*/w*"):
        targets = sum(1 for _ in (worker / "work").iterdir())
        if targets > TARGETS + TIMED + PUSHED + RECONCILED:
            yield f"{worker} has {targets} work directories for {TARGETS + TIMED + PUSHED + RECONCILED} targets"
        for run in (worker / "runs").iterdir():
            # "marked.ttIHKO": whoever wrote it was killed before the rename. It goes with the directory.
            more = {path.name for path in run.iterdir() if path.stem not in RUN_FILES or len(path.suffix) != 7} - RUN_FILES
            if (more or not (run / "done").exists()) and not is_kept(run):
                yield f"{run} was not tidied up: {sorted(path.name for path in run.iterdir())}"
    for data in cluster.dir.glob("data/*"):
        for path in (data / "git").iterdir():
            if path.is_dir() and {entry.name for entry in path.iterdir()} - {"repo"}:
                yield f"{path} has {sorted(entry.name for entry in path.iterdir())}"


def fsck_finds_nothing(cluster):
    for name in SCHEDULERS:
        for line in (cluster.dir / "log" / f"{name}.log").read_text(errors="replace").splitlines():
            if '"event":"fsck_repaired"' in line:
                yield f"fsck: {json.loads(line)['what']}"


def no_move_is_refused(cluster):
    for path in (cluster.dir / "log").glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            if "may not move" in line or "bad argument" in line:
                yield f"{path.name}: {line}"
