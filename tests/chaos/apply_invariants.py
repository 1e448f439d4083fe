"""What must hold of applies when all is quiet again, by what the terraform that is none has
noted. Each check yields sentences: what does not."""
import collections

from invariants import is_excused


class Applies:
    """Notes by run: begun and changed are times, ends are exit statuses."""

    def __init__(self, lines):
        self.begun, self.places = collections.defaultdict(list), {}
        self.changed, self.ends = collections.Counter(), collections.defaultdict(list)
        self.interrupts = collections.Counter()
        for what, _, _, when, *rest in lines:
            if what == "apply":
                self.begun[rest[1]].append(float(when))
                self.places[rest[1]] = rest[0]
            elif what == "changed":
                self.changed[rest[1]] += 1
            elif what == "applied":
                self.ends[rest[1]].append(rest[0])
            elif what == "sigint":
                self.interrupts[rest[1]] += 1


def fields(cluster, run_id, *names):
    return dict(zip(names, cluster.redis_json("hmget", "{kedge}:run:" + run_id, *names)))


def applies_begin_once(applies):
    for run_id, times in applies.begun.items():
        if len(times) > 1:
            yield f"run {run_id} began to apply {len(times)} times: {times}"


def what_begins_is_marked(cluster, applies):
    for run_id in applies.begun:
        if fields(cluster, run_id, "marked")["marked"] != "1":
            yield f"run {run_id} began to apply and is not marked"


def what_begins_is_told(records, applies):
    """As applied or error, never as something that changed nothing; nor after a cancel that came before the mark."""
    for run_id in applies.begun:
        run = records.get(run_id)
        if not run or run["status"] not in ("applied", "error"):
            yield f"run {run_id} began to apply and is {run and run['status']}"


def what_is_applied_did_apply(final, applies):
    for run_id, status in final.items():
        if status == "applied" and (applies.ends[run_id] != ["0"] or applies.changed[run_id] != 1):
            yield f"run {run_id} is applied; it changed the world {applies.changed[run_id]} times, its applies ended with {applies.ends[run_id]}"


def what_did_apply_is_applied(cluster, records, applies):
    """Or is an orphan, which a person has settled."""
    for run_id, ends in applies.ends.items():
        run = records.get(run_id)
        still = run and (run["error"] or {}).get("code") == "STILL_DRIFTED"
        if ends == ["0"] and run and run["status"] != "applied" and not still and not fields(cluster, run_id, "resolve_reason")["resolve_reason"]:
            yield f"run {run_id} did apply and is {run['status']}: {run['error']}"


def what_is_frozen_does_not_begin(records, applies):
    for run_id, run in records.items():
        if (run.get("error") or {}).get("code") == "FROZEN" and run_id in applies.begun:
            yield f"run {run_id} is FROZEN and began to apply"


def one_interrupt(records, applies, forced):
    for run_id, count in applies.interrupts.items():
        batch = (records.get(run_id) or {}).get("batchId")
        if count > 1 and run_id not in forced and batch not in forced:
            yield f"the apply of run {run_id} got {count} SIGINTs"


def orphans_have_a_reason(cluster, monkey, applies, records, runs):
    for run_id, history in runs.items():
        if history[-2:-1] != ["orphaned"] or run_id in monkey.killed:
            continue
        times = applies.begun.get(run_id)
        place = applies.places.get(run_id)
        late = place and any(is_excused(cluster, monkey.faults, times[-1] + seconds, [place]) for seconds in range(-30, 61))
        if not late:
            yield f"run {run_id} became an orphan, and nobody killed its runner: {history}, {records.get(run_id)}"


def no_state_stays_locked(monkey, lines):
    """But by who was killed by the monkey, or stood still when he was told to stop."""
    held = {}
    for what, target, pid, when, *rest in lines:
        if what == "locked":
            held[pid] = (target, when, rest)
        elif what == "unlocked":
            held.pop(pid, None)
    for pid, (target, when, rest) in held.items():
        if int(pid) not in monkey.struck:
            killed = "its runner was killed" if rest[1] in monkey.killed else "nobody killed it"
            yield f"{rest[0]} of {target} (pid {pid}, run {rest[1]}, {when}) has left the state locked: {killed}"
