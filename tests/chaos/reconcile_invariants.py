"""What must hold of reconciles when all is quiet again, by what the terraform that is none has
noted of its plans and applies. Each check yields sentences: what does not."""
import collections

DESTROYS = ("delete", "replace")


def done(lines):
    """Run -> what its applies did: [(action, name)]."""
    found = collections.defaultdict(list)
    for what, _, _, _, *rest in lines:
        if what == "deeds":
            found[rest[1]] += [tuple(deed.split(":")) for deed in rest[0].split(",")]
    return found


def terms_are_kept(terms, lines):
    for run_id, deeds in done(lines).items():
        if run_id not in terms:
            continue
        limit, protected, _ = terms[run_id]
        if limit is not None and sum(action in DESTROYS for action, _ in deeds) > limit:
            yield f"run {run_id} may destroy {limit} and did {deeds}"
        if protected and any(name == "guarded" for _, name in deeds):
            yield f"run {run_id} did {deeds}, and guarded is protected"


def drifted(record):
    return {(one["action"], one["address"].split(".")[-1]) for one in record["metadata"]["driftedResources"]}


def only_what_was_seen_is_reconciled(terms, records, lines):
    for run_id, deeds in done(lines).items():
        seen = terms[run_id].seen if run_id in terms else None
        if seen and set(deeds) != drifted(records[seen]):
            yield f"run {run_id} did {deeds}, and run {seen} had seen {drifted(records[seen])}"


def second_plans(lines):
    """Run -> the (status, number of deeds) of the plan after its apply, if that came to its end."""
    found, over = {}, set()
    for what, _, _, _, *rest in lines:
        if what == "applied":
            over.add(rest[1])
        elif what == "exit" and rest[1] in over:
            found[rest[1]] = (rest[0], len(rest[2].split(",")) if len(rest) > 2 else 0)
    return found


def what_is_left_is_told(terms, records, lines):
    plans = second_plans(lines)
    for run_id in terms:
        record = records.get(run_id)
        after = ((record or {}).get("metadata") or {}).get("driftAfter")
        if not after:
            continue
        status, count = plans.get(run_id, ("none", 0))
        still = (record.get("error") or {}).get("code") == "STILL_DRIFTED"
        wanted = {"0": (0, False), "2": (count, True)}.get(status)
        if wanted is None or (after["driftedCount"], still) != wanted:
            yield f"run {run_id} says {after} and {record['error']}, its second plan ended with {status}, {count} deeds"


def nothing_begins_while_frozen(monkey, applies):
    """But what was marked before."""
    for since, until, marked in monkey.freezes:
        for run_id, times in applies.begun.items():
            if run_id not in marked and any(since < when < until for when in times):
                yield f"run {run_id} began to apply at {times}; frozen from {since} to {until}"
