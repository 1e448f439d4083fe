#!/usr/bin/python3
"""Chaos: a whole Kedge under load, whose parts are killed, frozen, restarted and cut off;
then the invariants.

    tests/chaos/chaos.py [seconds [seed]]       KEDGE_TEST_VARIANT: release or asan

The seed makes the order of faults and requests; what they meet differs from run to run.
Ends with `N passed, N failed, N skipped`, an invariant being one.
"""
import collections
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import invariants as must
from clients import Client, Witness
from cluster import Cluster
from monkey import Monkey
from stack import until

CLIENTS = 3
QUIET_S = 120  # reapings, and the backlog
MOODY_S = 200  # more: a third retry waits for two minutes


class Chaos:
    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.clients = [Client(cluster, f"{seed} {n}") for n in range(CLIENTS)]
        self.witness = Witness(cluster)
        self.monkey = Monkey(cluster, random.Random(seed))
        self.counts = collections.Counter()

    def rage(self, seconds):
        self.cluster.begin()
        for thread in (self.witness, *self.clients):
            thread.start()
        self.monkey.rage(seconds)
        self.monkey.heal()
        for client in self.clients:
            client.stop()

    def calm(self, seconds):
        """Waits for quiet. What does not come to rest shows in the invariants."""
        self.cluster.be_moody(False)
        for condition, limit in ((self.is_idle, seconds), (self.is_deserted, 30)):
            try:
                until(condition, limit, "quiet")
            except AssertionError:
                break
        self.fsck()
        self.witness.stop()

    def is_idle(self):
        self.monkey.look_for_deaths()
        return not any(must.nothing_is_held(self.cluster))

    def is_deserted(self):
        return not any(must.no_process_is_left(self.cluster))

    def fsck(self):
        """A scheduler does it when it starts."""
        self.cluster.redis_cli("hdel", "{kedge}:meta", "fsck_active")
        self.cluster.processes["scheduler1"].stop()
        self.cluster.launch("scheduler1")
        until(lambda: self.cluster.redis_json("hexists", "{kedge}:meta", "fsck_active") == 1, 20, "fsck is done")

    def final(self):
        """The status of every run that anybody knows of, as the api says."""
        runs = {run for _, run, _ in self.witness.events}.union(*(client.accepted for client in self.clients))
        answers = {run: self.cluster.get(f"/api/v1/runs/{run}") for run in runs}
        return {run: answer.json["status"] if answer.status == 200 else answer for run, answer in answers.items()}

    def verdict(self):
        """Invariant -> the sentences that say where it does not hold."""
        cluster, clients, monkey, counts = self.cluster, self.clients, self.monkey, self.counts
        final = self.final()
        runs = must.histories(self.witness.events)
        lines = must.read_witness(cluster.witness)
        counts.update(final.values())
        counts["given back or reaped"] = must.returns(runs)
        counts["plans"] = sum(1 for line in lines if line[0] == "exit")
        found = {
            "nobody complains": [text for who in (monkey, *clients) for text in who.complaints],
            "accepted runs end": must.accepted_runs_end(clients, final),
            "an end stays": must.an_end_stays(clients, final),
            "each run ends once": must.each_run_ends_once(runs),
            "events and runs agree": must.the_stream_says_what_the_run_says(runs, final),
            "what never ran never started": must.what_never_ran_never_started(runs, lines),
            "results are true": must.results_are_true(final, lines),
            "one at a time on a target": must.one_at_a_time(cluster, monkey.faults, lines, counts),
            "nothing is held": must.nothing_is_held(cluster),
            "no process is left": must.no_process_is_left(cluster),
            "directories stay small": must.directories_stay_small(cluster),
            "fsck finds nothing": must.fsck_finds_nothing(cluster),
            "no move is refused": must.no_move_is_refused(cluster),
            "work was done": [] if counts["clean"] and counts["plans"] else ["no plan came to an end"],
        }
        return {name: list(sentences) for name, sentences in found.items()}

    def summary(self):
        asked = sum((client.counts for client in self.clients), collections.Counter())
        return "\n".join(
            f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            for what, counts in (("faults", self.monkey.counts), ("clients", asked), ("seen", self.counts)))


def chaos(seconds, seed, moody=True):
    """Returns the verdict and the summary."""
    with Cluster() as cluster:
        cluster.be_moody(moody)
        play = Chaos(cluster, seed)
        play.rage(seconds)
        play.calm(QUIET_S + (MOODY_S if moody else 0))
        verdict = play.verdict()
        cluster.failed = any(verdict.values())
        return verdict, play.summary()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(10**6))
    print(f"seed {seed}, {seconds:.0f} s", flush=True)
    start = time.monotonic()
    verdict, summary = chaos(seconds, seed)
    for name, sentences in verdict.items():
        print(f"{'FAILED' if sentences else 'ok':6} {name}")
        for sentence in sentences[:10]:
            print(f"       {sentence}")
    failed = sum(map(bool, verdict.values()))
    print(f"{summary}\nseed {seed}, {time.monotonic() - start:.0f} s in all")
    print(f"{len(verdict) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
