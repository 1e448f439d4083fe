"""Schedules that tick several times a second, while schedulers and Redis are killed at random:
each tick must become exactly one run.

A run's id begins with its tick, so that every run tells which tick it is of. What was queued is
noted, then taken out of Redis with all that belongs to it; what is there again after that was
taken out for sure has been made twice.
"""
import contextlib
import json
import random
import subprocess
import time

from stack import Stack, until

SCHEDULERS = ("scheduler1", "scheduler2", "scheduler3")
MINUTE_MS = 60000
RECONNECT_S = 2  # the longest pause between two attempts of a scheduler to connect
SETTLE_S = 6

# A schedule that is new begins with the next whole minute, its due time may be a minute later:
# the tick before serves as well while its due time is to come.
BEGIN = """
local key, now = KEYS[1] .. 'schedule:' .. ARGV[1], redis.call('TIME')[1] * 1000
local due = tonumber(redis.call('HGET', key, 'due'))
if due - 60000 > now + 3000 then
    redis.call('HINCRBY', key, 'tick', -60000)
    redis.call('ZADD', KEYS[1] .. 'due', redis.call('HINCRBY', key, 'due', -60000), ARGV[1])
end
return redis.call('HMGET', key, 'tick', 'due')
"""
# Everything queued: run, schedule, status, when it was queued.
READ = """
local out = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1] .. 'runs', 0, -1)) do
    local run = redis.call('HMGET', KEYS[1] .. 'run:' .. id, 'schedule', 'status', 'queued')
    out[#out + 1] = {id, run[1], run[2], run[3]}
end
return out
"""
# Takes those runs away, as if they had been worked off and forgotten.
DROP = """
local function K(name) return KEYS[1] .. name end
for _, id in ipairs(ARGV) do
    local run = redis.call('HMGET', K('run:' .. id), 'target', 'scope', 'pkey', 'coalesce')
    if run[1] then
        redis.call('ZREM', K('q:' .. run[1]), id)
        redis.call('ZREM', K('ready'), run[1])
        redis.call('HDEL', K('coalesce'), run[4])
        redis.call('HINCRBY', K('waiting'), '', -1)
        redis.call('HINCRBY', K('waiting'), run[3], -1)
        redis.call('ZREM', K('runs'), id)
        redis.call('DEL', K('run:' .. id), K('spec:' .. id), K('runs:' .. run[2]), K('last:' .. run[2]))
    end
end
return 1
"""


class Killing(Stack):
    def __init__(self, schedules, seed):
        super().__init__(log_level="info")
        self.random = random.Random(seed)
        self.count = schedules
        self.first = {}  # schedule -> (its first tick, its offset), ms
        self.seen = {}  # run -> (schedule, status, queued ms)
        self.gone = set()  # runs that were taken out for sure
        self.doubled = set()
        self.kills = {"scheduler": 0, "redis": 0}
        self.outages = []  # of Redis, in Unix seconds
        self.later = []  # (when, what is started again)

    def begin(self):
        self.start_redis()
        self.start_api()
        until(lambda: self.get("/readyz").status == 200, 20, "the api is ready")
        self.put("/api/v1/projects/kill", {"repository": "acme/kill", "type": "Git", "ref": "main"})
        for number in range(self.count):
            self.put(f"/api/v1/projects/kill/workspaces/w{number}", {"directory": f"d{number}"})
            answer = self.post("/api/v1/drift/schedule", {
                "projectId": "kill", "workspaceId": f"w{number}", "scheduleType": "drift", "cron": "* * * * *",
                "enabled": True, "jitterSeconds": 60})
            assert answer.status == 201, answer
            self.first[answer.json["id"]] = None
        for schedule in self.first:
            tick, due = map(int, self.script(BEGIN, schedule))
            self.first[schedule] = tick, due - tick
        for name in SCHEDULERS:
            self.start_scheduler(name)

    # ---- what was queued ----
    def script(self, text, *arguments):
        """Its reply, or None when Redis did not answer."""
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(["redis-cli", "-s", self.socket, "--json", "eval", text, "1", "{kedge}:", *arguments],
                                  capture_output=True, text=True, timeout=5)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return None

    def drain(self):
        runs = self.script(READ)
        if not isinstance(runs, list):
            return False
        for run, schedule, status, queued in runs:
            if run in self.gone:
                self.doubled.add(run)
            self.seen[run] = schedule, status, int(queued)
        ids = [run[0] for run in runs]
        if ids and self.script(DROP, *ids) == 1:
            self.gone.update(ids)
        return True

    # ---- faults ----
    def strike(self):
        """Kills a scheduler, unless it is the last one, or Redis."""
        alive = [name for name in SCHEDULERS if self.processes[name].running()]
        if self.random.random() < 0.25 and self.processes["redis"].running():
            self.kill("redis", self.random.uniform(0.1, 1.5))
        elif len(alive) > 1:
            self.kill(self.random.choice(alive), self.random.uniform(0.1, 3))

    def kill(self, name, seconds):
        self.processes[name].kill()
        self.kills[name.rstrip("123")] += 1
        self.later.append((time.monotonic() + seconds, name))
        if name == "redis":
            self.outages.append([time.time(), None])

    def relaunch(self, everything=False):
        for due, name in list(self.later):
            if not everything and due > time.monotonic():
                continue
            self.later.remove((due, name))
            if name == "redis":
                self.start_redis()
                self.outages[-1][1] = time.time()
            else:
                self.start_scheduler(name)

    def rage(self, seconds):
        end, due = time.monotonic() + seconds, time.monotonic() + 2
        while time.monotonic() < end:
            self.relaunch()
            if time.monotonic() >= due:
                self.strike()
                due = time.monotonic() + self.random.uniform(0.3, 2.5)
            self.drain()
            time.sleep(0.1)
        self.relaunch(everything=True)

    # ---- the verdict ----
    def expected(self, until_ms):
        """(schedule, tick) -> due time of all that came due by then."""
        return {(schedule, due - offset): due
                for schedule, (tick, offset) in self.first.items()
                for due in range(tick + offset, until_ms + 1, MINUTE_MS)}

    def away(self, due_ms, margin_s):
        """Did that time fall between a kill of Redis and its next answer, or shortly after it?"""
        return any(start <= due_ms / 1000 <= end + margin_s for start, end in self.outages)

    def verdict(self, until_ms):
        due = self.expected(until_ms)
        runs = {}
        for run, (schedule, status, queued) in self.seen.items():
            tick = int(run.replace("-", "")[:12], 16)
            runs.setdefault((schedule, tick), []).append((run, status, queued))
        known = {(schedule, tick) for schedule, (first, _) in self.first.items() for tick in range(first, until_ms + 1, MINUTE_MS)}
        queued = {key: found[0][2] for key, found in runs.items()}
        late = {name: sorted(queued[key] - at for key, at in due.items() if key in queued and not (
                    margin_s is not None and self.away(at, margin_s)))
                for name, margin_s in (("all", None), ("not due in an outage", 0), ("nor shortly after one", RECONNECT_S))}
        return {
            "ticks": len(due), "runs": len(self.seen), "missed": sorted(set(due) - set(runs)),
            "doubled": sorted(self.doubled) + [key for key, found in runs.items() if len(found) > 1],
            "wrong": sorted(set(runs) - known) + [key for key, found in runs.items() if found[0][1] != "queued"],
            "early": [key for key, at in due.items() if key in queued and queued[key] < at],
            "kills": dict(self.kills), "late": late}


def schedule_kill(seconds, schedules=200, seed=None):
    seed = seed or str(random.randrange(10**6))
    with Killing(schedules, seed) as kedge:
        kedge.begin()
        kedge.rage(seconds)
        until_ms = int(time.time() * 1000)
        end = time.monotonic() + SETTLE_S
        while time.monotonic() < end and set(kedge.expected(until_ms)) - {
                (schedule, int(run.replace("-", "")[:12], 16)) for run, (schedule, _, _) in kedge.seen.items()}:
            kedge.drain()
            time.sleep(0.2)
        until(kedge.drain, 10, "Redis answers")
        verdict = kedge.verdict(until_ms)
        kedge.failed = bool(verdict["missed"] or verdict["doubled"] or verdict["wrong"] or verdict["early"])
    return seed, verdict


def share(values, part):
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0
