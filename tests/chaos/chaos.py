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

import apply_invariants as apply_must
import batch_invariants as batch_must
import invariants as must
import news_invariants as news_must
import push_invariants as push_must
import reconcile_invariants as reconcile_must
import schedule_invariants as schedule_must
from batch_clients import BatchClient, Person
from clients import Client, Witness
from cluster import Cluster
from gardener import Gardener
from monkey import Monkey
from push_clients import Pusher
from reconcile_clients import ReconcileClient
from stack import until
from subscribers import Subscribers
from timetable import Timetable

CLIENTS, BATCH_CLIENTS = 1, 3
QUIET_S = 120  # reapings, and the backlog
MOODY_S = 200  # more: a third retry waits for two minutes
HURRY_S = 3


class Chaos:
    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.reconciler = ReconcileClient(cluster, f"{seed} reconciler")
        self.clients = [*(Client(cluster, f"{seed} {n}") for n in range(CLIENTS)), self.reconciler]
        self.batch_clients = [BatchClient(cluster, f"{seed} batch {n}") for n in range(BATCH_CLIENTS)]
        self.person = Person(cluster)
        self.witness = Witness(cluster)
        self.monkey = Monkey(cluster, random.Random(seed))
        self.timetable, self.subscribers = Timetable(cluster, random.Random(seed)), Subscribers(cluster)
        self.gardener = Gardener(cluster, f"{seed} gardener", self.timetable)
        self.pusher = Pusher(cluster, f"{seed} pusher")
        self.counts = collections.Counter()

    def everybody(self):
        return (*self.clients, *self.batch_clients, self.gardener, self.pusher)

    def rage(self, seconds):
        self.cluster.begin()
        self.subscribers.begin()
        self.timetable.begin()
        for thread in (self.witness, self.person, *self.everybody()):
            thread.start()
        self.monkey.rage(seconds)
        self.monkey.heal()
        for client in self.everybody():
            client.stop()
        for client in (self.gardener, self.pusher):  # what they are at is done first
            client.join()
        self.gardener.leave()
        self.timetable.settle(self.monkey.faults)

    def calm(self, seconds, hurry):
        """Waits for quiet. What does not come to rest shows in the invariants. `hurry`: not for the leases of
        deliveries whose sender was killed."""
        self.cluster.be_moody(False)
        self.hurry_s = HURRY_S if hurry else seconds
        self.hurried = time.monotonic()
        # Twice idle: a run that is claimed while one looks is neither among the waiting nor among the active.
        for condition, limit in ((self.is_idle, seconds), (self.is_deserted, 30), (self.is_idle, seconds)):
            try:
                until(condition, limit, "quiet")
            except AssertionError:
                break
        self.person.stop()
        self.fsck()
        self.witness.stop()
        self.subscribers.listen()

    def is_idle(self):
        self.monkey.look_for_deaths()
        if time.monotonic() - self.hurried > self.hurry_s:
            self.hurried = time.monotonic()
            self.subscribers.hurry()
        return not any(must.nothing_is_held(self.cluster)) and self.subscribers.are_served()

    def is_deserted(self):
        return not any(must.no_process_is_left(self.cluster))

    def fsck(self):
        """A scheduler does it when it starts."""
        self.cluster.redis_cli("hdel", "{kedge}:meta", "fsck_active")
        self.cluster.processes["scheduler1"].stop()
        self.cluster.launch("scheduler1")
        until(lambda: self.cluster.redis_json("hexists", "{kedge}:meta", "fsck_active") == 1, 20, "fsck is done")

    def records(self):
        """Every run and every batch that anybody knows of, as the api says."""
        ids = {run for _, run, _ in self.witness.events}.union(
            *(client.accepted for client in self.clients), self.pusher.told.values(), *(client.batches for client in self.batch_clients))
        known = {run: self.record(run) for run in ids}
        batches = {run for run, record in known.items() if "runs" in record}
        return ({run: record for run, record in known.items() if run not in batches}, {batch: known[batch] for batch in batches})

    def record(self, run_id):
        """What resolves a batch is a run that only its batch tells of."""
        kind, status = self.cluster.redis_json("hmget", "{kedge}:run:" + run_id, "kind", "status")
        if kind == "resolve":
            return {"status": status, "kind": kind}
        answer = self.cluster.get(f"/api/v1/runs/{run_id}")
        return answer.json if answer.status == 200 else {"status": answer}

    def verdict(self):
        """Invariant -> the sentences that say where it does not hold."""
        records, batches = self.records()
        histories = must.histories(self.witness.events)
        self.cluster.histories = histories
        lines = must.read_witness(self.cluster.witness)
        runs = {run: history for run, history in histories.items() if run not in batches}
        self.counts.update(f"batch {batch['status']}" for batch in batches.values())
        found = {**self.of_runs(records, runs, lines), **self.of_batches(records, batches, histories),
                 **self.of_applies(records, runs, lines), **self.of_schedules(), **self.of_news(), **self.of_pushes()}
        return {name: list(sentences) for name, sentences in found.items()}

    def of_batches(self, records, batches, histories):
        cluster, clients = self.cluster, self.batch_clients
        return {
            "accepted batches end": batch_must.accepted_batches_end(clients, batches),
            "the end of a batch stays": batch_must.a_batch_end_stays(clients, batches),
            "each batch ends once": batch_must.each_batch_ends_once(histories, batches),
            "counts equal the runs": batch_must.counts_equal_the_runs(cluster, batches, records),
            "answers stay": batch_must.answers_stay(cluster, clients, batches),
            "results tell of every run": batch_must.results_tell_of_every_run(batches),
            "no batch is left open": batch_must.no_batch_is_left_open(cluster),
        }

    def of_applies(self, records, runs, lines):
        cluster, monkey = self.cluster, self.monkey
        applies = apply_must.Applies(lines)
        final = {run: record["status"] for run, record in records.items()}
        forced = set().union(*(client.forced for client in (*self.batch_clients, self.reconciler)))
        terms = self.reconciler.terms
        self.counts["reconciles applied"] = len(applies.begun.keys() & terms.keys())
        self.counts["orphans settled"] = len(self.person.resolved)
        self.counts["applies"] = len(applies.begun)
        return {
            "applies begin once": apply_must.applies_begin_once(applies),
            "what begins is marked": apply_must.what_begins_is_marked(cluster, applies),
            "what begins is told": apply_must.what_begins_is_told(records, applies),
            "what is applied did apply": apply_must.what_is_applied_did_apply(final, applies),
            "what did apply is applied": apply_must.what_did_apply_is_applied(cluster, records, applies),
            "what is frozen does not begin": apply_must.what_is_frozen_does_not_begin(records, applies),
            "one interrupt": apply_must.one_interrupt(records, applies, forced),
            "orphans have a reason": apply_must.orphans_have_a_reason(cluster, monkey, applies, records, runs),
            "no state stays locked": apply_must.no_state_stays_locked(monkey, lines),
            "nothing begins while frozen": reconcile_must.nothing_begins_while_frozen(monkey, applies),
            "terms are kept": reconcile_must.terms_are_kept(terms, lines),
            "only what was seen is reconciled": reconcile_must.only_what_was_seen_is_reconciled(terms, records, lines),
            "what is left is told": reconcile_must.what_is_left_is_told(terms, records, lines),
        }

    def of_schedules(self):
        timetable, faults, runs = self.timetable, self.monkey.faults, self.timetable.runs()
        self.counts["ticks"] = len(timetable.due())
        self.counts["ticks of guests"] = sum(schedule not in timetable.entries for schedule, _ in runs)
        self.counts["ticks skipped"] = sum(status == "skipped" for found in runs.values() for _, _, status in found)
        return {
            "due ticks have a run": schedule_must.due_ticks_have_a_run(timetable, faults),
            "missed ticks follow the policy": schedule_must.missed_ticks_follow_the_policy(timetable, faults),
            "no tick has two runs": schedule_must.no_tick_has_two_runs(runs),
            "scheduled runs have a tick": schedule_must.scheduled_runs_have_a_tick(timetable, runs),
            "nothing ticks": schedule_must.nothing_ticks(self.cluster),
        }

    def of_news(self):
        subscribers, news = self.subscribers, news_must.News(self.cluster, self.witness.events)
        self.counts.update(kind for _, kind in news.expected)
        self.counts["requests to hooks"] = len(subscribers.requests)
        self.counts["told again"] = news_must.told_again(subscribers)
        return {
            "news is delivered": news_must.news_is_delivered(news, subscribers),
            "people are told": news_must.people_are_told(news, subscribers),
            "nothing else is told": news_must.nothing_else_is_told(news, subscribers),
            "ids are stable": news_must.ids_are_stable(subscribers),
            "requests are signed": news_must.requests_are_signed(subscribers),
            "messages are sound": news_must.messages_are_sound(subscribers),
            "everything is sent": news_must.everything_is_sent(subscribers),
        }

    def of_pushes(self):
        runs = push_must.read(self.cluster)
        self.counts["commits checked"] = len(runs)
        return {
            "one run a commit and workspace": push_must.one_run_a_commit_and_workspace(runs),
            "taken pushes have a run": push_must.taken_pushes_have_a_run(self.pusher, runs),
            "only pushes queue": push_must.only_pushes_queue(self.pusher, runs),
        }

    def of_runs(self, records, runs, lines):
        cluster, clients, monkey, counts = self.cluster, self.clients, self.monkey, self.counts
        final = {run: record["status"] for run, record in records.items()}
        counts.update(map(str, final.values()))
        counts["given back or reaped"] = must.returns(runs)
        counts["plans"] = sum(1 for line in lines if line[0] == "exit")
        return {
            "nobody complains": [text for who in (monkey, self.person, *self.everybody()) for text in who.complaints],
            "accepted runs end": must.accepted_runs_end(clients, final),
            "an end stays": must.an_end_stays(clients, final, runs),
            "each run ends once": must.each_run_ends_once(runs),
            "events and runs agree": must.the_stream_says_what_the_run_says(runs, final),
            "what never ran never started": must.what_never_ran_never_started(runs, lines),
            "results are true": must.results_are_true(records, final, lines),
            "one at a time on a target": must.one_at_a_time(cluster, monkey.faults, lines, counts),
            "nothing is held": must.nothing_is_held(cluster),
            "no process is left": must.no_process_is_left(cluster),
            "directories stay small": must.directories_stay_small(cluster),
            "fsck finds nothing": must.fsck_finds_nothing(cluster),
            "no move is refused": must.no_move_is_refused(cluster),
            "work was done": [] if counts["clean"] and counts["plans"] else ["no plan came to an end"],
        }

    def summary(self):
        asked = sum((client.counts for client in self.everybody()), collections.Counter())
        return "\n".join(
            f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            for what, counts in (("faults", self.monkey.counts), ("clients", asked), ("seen", self.counts)))


def chaos(seconds, seed, moody=True):
    """Returns the verdict and the summary."""
    with Cluster() as cluster:
        cluster.be_moody(moody)
        play = Chaos(cluster, seed)
        play.rage(seconds)
        play.calm(QUIET_S + (MOODY_S if moody else 0), hurry=not moody)
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
