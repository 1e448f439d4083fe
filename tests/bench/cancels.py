"""Cancels at random moments, with the real terraform: is everything whole afterwards, and how
soon does terraform hear of it?"""
import collections
import os

from cancel_storm import KINDS, Storm, Thief
from tables import table

COUNT = int(os.environ.get("BENCH_CANCELS", "100"))
LOST = max(COUNT // 5, 1)
HEARTBEAT_S = 5.0  # it comes every four, and takes a moment
MORE = 10  # hands of the thief, for cancels that come too late


def row(label, storm, slack=1.0):
    """All that is checked after each cancel has held, or there would be no row."""
    latencies = [1000 * seconds for seconds in storm.latencies(slack)]
    ends = collections.Counter(one.run["status"] for one in storm.cancelled)
    return [label, len(storm.cancelled), storm.late, ", ".join(f"{count} {end}" for end, count in sorted(ends.items())),
            0, 0, 0, len(latencies), *(f"{latencies[int(len(latencies) * part)]:.1f}" if latencies else "-" for part in (0.5, 0.99)),
            f"{latencies[-1]:.1f}" if latencies else "-"]


def bench_cancels():
    rows = []
    with Storm(1) as storm:
        for kind in KINDS:
            storm.learn(kind)
        storm.cancel(COUNT)
        rows.append(row(", ".join(KINDS), storm))
    with Storm(2, kinds=("apply",), cost=1, sleep=6) as storm:
        storm.learn("apply")
        with Thief(storm.kedge, LOST + MORE):
            storm.cancel(LOST)
        rows.append(row("apply, the message to its worker lost", storm, HEARTBEAT_S))
    table("Cancels at random moments of runs with the real terraform; ms from before the request to its SIGINT",
          ["", "cancels", "too late", "ends", "states unreadable", "locks left", "processes left", "met terraform at work",
           "p50", "p99", "max"], rows)
