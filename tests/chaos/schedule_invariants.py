"""What must hold of schedules when all is quiet again. Each check yields sentences: what does
not."""
from cluster import PROJECT
from gardener import is_guest


def due_ticks_have_a_run(timetable, faults):
    for schedule, tick in timetable.missing(faults):
        yield f"tick {tick} of schedule {schedule} has no run: {timetable.entries[schedule]}"


def missed_ticks_follow_the_policy(timetable, faults):
    for schedule, tick in timetable.unwanted(faults):
        yield f"tick {tick} of schedule {schedule} has a run against its policy: {timetable.entries[schedule]}"


def no_tick_has_two_runs(runs):
    for (schedule, tick), found in runs.items():
        if len(found) > 1:
            yield f"tick {tick} of schedule {schedule} has {len(found)} runs: {found}"


def scheduled_runs_have_a_tick(timetable, runs):
    for (schedule, tick), found in runs.items():
        for run, workspace, _ in found:
            entry = timetable.entries.get(schedule)
            if is_guest(workspace):
                continue
            if not timetable.is_tick(schedule, tick) or entry.workspace != workspace:
                yield f"run {run} of {PROJECT}/{workspace} is of schedule {schedule} and tick {tick}: {entry}"


def nothing_ticks(cluster):
    left = cluster.redis_json("zcard", "{kedge}:due")
    if left != 0:
        yield f"{left} schedules are still due"
