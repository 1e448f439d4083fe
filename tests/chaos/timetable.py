"""Schedules that stay enabled all the time, and which of their ticks must have become a run.

Most tick every minute, each at its own second. Some are made as if nobody had been there when
their ticks came, so that the policies for missed ticks show.
"""
import collections
import time

from cluster import PROJECT, SCHEDULERS, TIMED, WORKSPACES
from stack import until

MINUTE_MS, DAY_MS = 60000, 24 * 60 * 60000
HOUR_MS = 60 * MINUTE_MS
POLICIES = ("one", "skip", "all")
MISSED = [(policy, age_ms) for policy in POLICIES for age_ms in (10 * MINUTE_MS, 2 * HOUR_MS)]
MISSED_MINUTES = 5
SOON_MS = 3000
# Later than LATE_S a tick was missed; a scheduler that has ATTEND_S of that has seen it.
LATE_S, ATTEND_S = 55, 8

# Puts a schedule's tick back, as if it had not been looked at since; nothing when its due time
# would come before ARGV[3] ms from now. No answer: it is disabled, or gone.
PUT_BACK = """
local key = KEYS[1] .. 'schedule:' .. ARGV[1]
local due = tonumber(redis.call('HGET', key, 'due') or 0)
if due == 0 then
    return {}
end
if due - ARGV[2] >= redis.call('TIME')[1] * 1000 + tonumber(ARGV[3]) then
    redis.call('HINCRBY', key, 'tick', -ARGV[2])
    redis.call('ZADD', KEYS[1] .. 'due', redis.call('HINCRBY', key, 'due', -ARGV[2]), ARGV[1])
end
return redis.call('HMGET', key, 'tick', 'due')
"""
READ_RUNS = """
local out = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'runs', 0, -1)) do
    local run = redis.call('HMGET', KEYS[1] .. 'run:' .. id, 'trigger', 'schedule', 'workspace', 'status')
    if run[1] == 'schedule' then
        out[#out + 1] = {id, run[2], run[3], run[4]}
    end
end
return out
"""

# Times in ms. Its first tick, and how much later than a tick its run is due.
Entry = collections.namedtuple("Entry", "workspace policy period tick offset")


def tick_of(run_id):
    """The id of a schedule's run begins with the time of its tick."""
    return int(run_id.replace("-", "")[:12], 16)


def soon(cluster, schedule):
    """A schedule that is new begins with the next whole minute: the tick before serves as well, while its due time
    is to come."""
    return cluster.script(PUT_BACK, schedule, MINUTE_MS, SOON_MS)


class Timetable:
    def __init__(self, cluster, random):
        self.cluster, self.random = cluster, random
        self.entries = {}  # schedule id -> Entry
        self.until_ms = 0  # every tick that was due by then is to have its run

    def begin(self):
        now_ms = self.cluster.now_ms()
        for n in range(WORKSPACES):
            self.add(f"w{n}", POLICIES[n % 3], "* * * * *", MINUTE_MS, MINUTE_MS, SOON_MS)
        for n in range(TIMED):
            for policy in POLICIES:
                self.add(f"t{n}", policy, "* * * * *", MINUTE_MS, MINUTE_MS, SOON_MS)
        for n, (policy, age_ms) in enumerate(MISSED):
            when = time.gmtime((now_ms - age_ms) / 1000)
            self.add(f"w{n}", policy, f"{when.tm_min} {when.tm_hour} * * *", DAY_MS, DAY_MS, -DAY_MS)
        self.add(f"w{WORKSPACES - 1}", "all", "* * * * *", MINUTE_MS, MISSED_MINUTES * MINUTE_MS, -DAY_MS)

    def add(self, workspace, policy, cron, period_ms, back_ms, earliest_ms):
        answer = self.cluster.post("/api/v1/drift/schedule", {
            "projectId": PROJECT, "workspaceId": workspace, "scheduleType": "drift", "cron": cron, "enabled": True,
            "missedPolicy": policy, "jitterSeconds": 0 if period_ms == DAY_MS else MINUTE_MS // 1000})
        assert answer.status == 201, answer
        tick, due = map(int, self.cluster.script(PUT_BACK, answer.json["id"], back_ms, earliest_ms))
        self.entries[answer.json["id"]] = Entry(workspace, policy, period_ms, tick, due - tick)

    def settle(self, faults):
        """Waits for what has come due so far, then nothing ticks any more."""
        self.until_ms = self.cluster.now_ms()
        try:
            until(lambda: not self.missing(faults), 30, "every tick has its run")
        except AssertionError:
            pass  # shows in the invariants
        for schedule in self.entries:
            until(lambda s=schedule: self.disable(s), 20, "a schedule is disabled")

    def disable(self, schedule):
        try:
            return self.cluster.put(f"/api/v1/drift/schedule/{schedule}", {"enabled": False}).status == 200
        except OSError:
            return False

    # ---- what must be ----
    def due(self):
        """(schedule, tick) -> the entry, of all that came due."""
        return {(schedule, due - entry.offset): entry
                for schedule, entry in self.entries.items()
                for due in range(entry.tick + entry.offset, self.until_ms + 1, entry.period)}

    def runs(self):
        """(schedule, tick) -> [(run, workspace, status)]; None when Redis does not answer."""
        rows = self.cluster.script(READ_RUNS)
        if rows is None:
            return None
        found = collections.defaultdict(list)
        for run, schedule, workspace, status in rows:
            found[schedule, tick_of(run)].append((run, workspace, status))
        return found

    def wants(self, entry, tick, faults):
        """Does that tick get a run: True, False; None: it may."""
        if entry.policy == "all":
            return True
        if entry.period == DAY_MS:
            return entry.policy == "one" and self.until_ms - tick < HOUR_MS
        return is_attended(faults, (tick + entry.offset) / 1000) or None

    def missing(self, faults):
        runs = self.runs()
        return [(schedule, tick) for (schedule, tick), entry in self.due().items()
                if runs is None or self.wants(entry, tick, faults) and (schedule, tick) not in runs]

    def unwanted(self, faults):
        runs = self.runs()
        return [(schedule, tick) for (schedule, tick), entry in self.due().items()
                if self.wants(entry, tick, faults) is False and (schedule, tick) in runs]

    def is_tick(self, schedule, tick):
        entry = self.entries.get(schedule)
        return entry and tick >= entry.tick and (tick - entry.tick) % entry.period == 0


def is_attended(faults, due):
    """Was there a scheduler for long enough, before the tick was too old to be on time?"""
    def is_away(second):
        gone = {name for name, start, end in faults if start <= second <= end}
        return gone & {"redis", "pause"} or gone >= set(SCHEDULERS)
    return sum(not is_away(due + second) for second in range(LATE_S)) >= ATTEND_S
