"""What must hold of batches when all is quiet again. Each check yields sentences: what does
not."""
from batch_clients import BATCH_ENDED

MOVES = {
    None: {"queued", "running"},
    "queued": {"queued", "running", *BATCH_ENDED},
    "running": {"running", *BATCH_ENDED},
}
GOOD = ("clean", "drift_detected", "applied")


def accepted_batches_end(clients, batches):
    for batch_id in set().union(*(client.batches for client in clients)):
        status = (batches.get(batch_id) or {}).get("status")
        if status not in BATCH_ENDED:
            yield f"batch {batch_id} was accepted and is {status}"


def a_batch_end_stays(clients, batches):
    for client in clients:
        for batch_id, status in client.over_with.items():
            if batches[batch_id]["status"] != status:
                yield f"batch {batch_id} was {status} and is {batches[batch_id]['status']}"


def each_batch_ends_once(histories, batches):
    """An end is told again when an orphan of it is settled."""
    for batch_id, batch in batches.items():
        before, history = None, histories.get(batch_id, [])
        orphans = any("orphaned" in histories.get(run, ()) for run in batch["runs"])
        for status in history:
            if status not in MOVES.get(before, {before} if orphans else ()):
                yield f"batch {batch_id} went from {before} to {status}: {history}"
                break
            before = status
        if before != batch["status"]:
            yield f"batch {batch_id} is {batch['status']}, its events are {history}"


def outcome(batch, ok, failed):
    if int(batch["cancel"]) > 0:
        return ("cancelled",)
    if failed == 0:
        return ("success", "error") if ok == 0 else ("success",)  # error: not resolved
    return ("failed",) if ok == 0 else ("partial",)


def counts_equal_the_runs(cluster, batches, records):
    """An orphan has failed, whatever a person says of it later."""
    for batch_id, shown in batches.items():
        batch = cluster.redis_json("hgetall", "{kedge}:batch:" + batch_id)
        runs = [records.get(run_id) for run_id in shown["runs"]]
        if not all(runs):
            yield f"batch {batch_id} has runs that are gone: {shown['runs']}"
            continue
        orphans = [run["id"] for run in runs if cluster.redis_json("hget", "{kedge}:run:" + run["id"], "resolve_reason")]
        ok = sum(run["status"] in GOOD and run["id"] not in orphans for run in runs)
        wanted = {"outstanding": 0, "ok": ok, "failed": len(runs) - ok}
        found = {name: int(batch.get(name, 0)) for name in wanted}
        late = [run["id"] for run in runs if "orphaned" in cluster.histories.get(run["id"], ())]
        if found != wanted and not late:
            yield f"batch {batch_id} counts {found}, its runs are {[run['status'] for run in runs]}"
        elif sum(found.values()) != len(runs):
            yield f"batch {batch_id} of {len(runs)} runs counts {found}"
        if shown["status"] not in outcome(batch, found["ok"], found["failed"]):
            yield f"batch {batch_id} is {shown['status']}, with {found} and cancel {batch['cancel']}"


def answers_stay(cluster, clients, batches):
    """Who waited was told what is told later; but for an orphan, which may have been settled since."""
    for batch_id, data in ((batch, data) for client in clients for batch, answers in client.answers.items() for data in answers):
        batch = batches[batch_id]
        if batch["status"] not in BATCH_ENDED:
            yield f"{batch_id} was answered and is {batch['status']}"
        elif batch["result"] != data and not any("orphaned" in cluster.histories.get(run, ()) for run in batch["runs"]):
            yield f"{batch_id} was answered {data} and is {batch['result']}"


def results_tell_of_every_run(batches):
    for batch_id, batch in batches.items():
        result = batch["result"]
        if batch["runs"] and (not result or len(result["projects"]) != len(batch["runs"])):
            yield f"batch {batch_id} has {len(batch['runs'])} runs and tells {result}"


def no_batch_is_left_open(cluster):
    if cluster.redis_json("exists", "{kedge}:batches_open") != 0:
        yield "batches_open is left over"
    later = cluster.redis_json("keys", "{kedge}:batch_later:*")
    if later:
        yield f"{later} are left over"
