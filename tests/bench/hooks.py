"""Ends of runs told to hooks: nothing lost, nothing made up, and a nasty receiver beside a healthy
one."""
import collections

from hook_storm import Storm
from stack import Stack
from tables import table

WORKSPACES = 250  # four runs each


def storm(nasty, schedulers):
    """(seconds from the first end until all is taken, answers a path, latencies of the healthy hook in ms)"""
    with Stack(log_level="info", hook_allow_private="true", hook_retry="20ms", hook_timeout="500ms") as kedge:
        kedge.start(workers=0)
        for number in range(1, schedulers):
            kedge.start_scheduler(f"scheduler{number}")
        made = Storm(kedge, WORKSPACES, nasty, pause=0.01)
        made.wait(600)
        taken = max(one["at"] for path in made.paths for one in made.receiver.requests(path))
        return taken - min(made.ended.values()), made.check(), [value * 1000 for value in made.latencies()]


def bench_hooks():
    rows, answers = [], []
    for label, nasty, schedulers in (("healthy alone", False, 1), ("beside a nasty one", True, 1),
                                     ("beside a nasty one, 3 schedulers", True, 3)):
        seconds, said, latencies = storm(nasty, schedulers)
        events = len(latencies)
        rows.append([label, 4 * WORKSPACES, events, len(said["/ok/healthy"]) - events,
                     *(f"{latencies[int(events * part)]:.0f}" for part in (0.5, 0.99)), f"{latencies[-1]:.0f}",
                     f"{seconds:.0f}"])
        if nasty:
            counts = collections.Counter(map(str, said["/nasty"]))
            answers.append([label, len(said["/nasty"]), events, *(counts[word] for word in
                           ("200", "429", "500", "503", "hang", "drop"))])
    table("Ends of runs told to a healthy hook: ms from the end to the request",
          ["", "runs", "events", "sent again", "median", "p99", "max", "all taken after, s"], rows)
    table("What the nasty hook answered until it had every event",
          ["", "requests", "events", "200", "429", "500", "503", "hang", "drop"], answers)

