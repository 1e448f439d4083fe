"""The monkey: kills, freezes, restarts and cuts, and remembers what it did to whom."""
import collections
import contextlib
import heapq
import itertools
import os
import pathlib
import signal
import time

from cluster import NAMES, SCHEDULERS, WORKERS
from stack import until

FREEZE_S = (1, 20)
DOWN_S = (0, 8)
GONE_S = (0, 30)       # a host that is lost comes back later, or at the end
FROZEN_S = (1, 5)
PAUSED_S = (1, 5)
AMBUSH_S = 1.5
SUSPENDED_S = (20, 35) # around lease and grace: its runs are done elsewhere meanwhile
# The runs that may apply, by what they were told before.
READ_MARKED = """
local marked = redis.call('ZRANGE', KEYS[1] .. 'orphans', 0, -1)
for _, run in ipairs(redis.call('HVALS', KEYS[1] .. 'active')) do
    if redis.call('HGET', KEYS[1] .. 'run:' .. run, 'marked') == '1' then
        marked[#marked + 1] = run
    end
end
return marked
"""


class Monkey:
    def __init__(self, cluster, random):
        self.cluster, self.random = cluster, random
        self.later = []  # heap of (when, tie, action)
        self.ties = itertools.count()
        self.touched = {}  # name -> since when (wall clock): frozen or down now
        self.faults = []   # (name, from, to): was not at work
        self.killed = set()  # runs whose runner it killed
        self.struck = set()  # pids below the programs that it killed or froze
        self.thaw_at = None  # when applies are not frozen any more
        self.freezes = []  # (from, to, what was marked before): so long nothing may begin to apply
        self.frozen = None  # (since, what was marked) of the freeze that is
        self.resume_at = None  # when firing and claiming go on
        self.counts = collections.Counter()
        self.complaints = []

    # ---- the time ----
    def rage(self, seconds):
        end = time.monotonic() + seconds
        due = 0
        while time.monotonic() < end:
            self.catch_up()
            self.thaw_applies()
            self.end_pause()
            self.look_for_deaths()
            if time.monotonic() >= due:
                self.strike()
                due = time.monotonic() + self.random.uniform(0.2, 2.5)
            time.sleep(0.05)

    def catch_up(self, everything=False):
        while self.later and (everything or self.later[0][0] <= time.monotonic()):
            heapq.heappop(self.later)[2]()

    def after(self, seconds, action):
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.ties), action))

    def heal(self):
        self.catch_up(everything=True)
        self.look_for_deaths()
        until(lambda: self.set_frozen(False), 20, "applies are not frozen")
        self.resume_at = self.resume_at and 0
        until(lambda: self.end_pause() or self.resume_at is None, 20, "nothing is paused")

    def look_for_deaths(self):
        """Nothing ends that was not told to."""
        for name in NAMES:
            process = self.cluster.processes[name]
            if name not in self.touched and not process.running():
                self.complaints.append(f"{name} ended by itself with {process.popen.returncode}:\n"
                                       + process.log.read_text(errors="replace")[-2000:])
                self.launch(name)

    # ---- one fault ----
    def strike(self):
        faults = ((self.kill, 5), (self.freeze, 5), (self.stop, 3), (self.kill_runner, 3), (self.kill_applying, 4),
                  (self.kill_at_mark, 6), (self.freeze_runner, 3), (self.kill_terraform, 3), (self.lose_host, 1),
                  (self.suspend_host, 2), (self.cut_connections, 1), (self.freeze_applies, 3),
                  (self.strike_sending, 8), (self.kill_schedulers, 1), (self.pause, 1))
        fault = self.random.choices([f for f, _ in faults], [w for _, w in faults])[0]
        what = fault()
        if what:
            self.counts[f"{fault.__name__} {what}"] += 1

    def whom(self):
        """A process that is well; Redis and the api seldom, since all others hang on them."""
        weights = {"redis": 2, "api": 2, **dict.fromkeys(SCHEDULERS, 2), **dict.fromkeys(WORKERS, 4)}
        well = [name for name in NAMES if name not in self.touched]
        return self.random.choices(well, [weights[name] for name in well])[0] if well else None

    def touch(self, name):
        self.touched[name] = time.time()

    def well(self, name):
        self.faults.append((name, self.touched.pop(name), time.time()))

    def launch(self, name):
        self.cluster.launch(name)

    def relaunch(self, name):
        self.launch(name)
        self.well(name)

    def kill(self):
        name = self.whom()
        if name:
            self.kill_one(name)
        return name and name.rstrip("123")

    def kill_one(self, name):
        self.touch(name)
        self.cluster.processes[name].kill()
        self.after(self.random.uniform(*DOWN_S), lambda: self.relaunch(name))

    def stop(self):
        """SIGTERM, and as long as that takes; a status other than 0 is a complaint."""
        name = self.whom()
        if name:
            self.touch(name)
            self.cluster.processes[name].signal(signal.SIGTERM)
            self.after(0.1, lambda: self.wait_for_stop(name, time.monotonic() + 40))
        return name and name.rstrip("123")

    def wait_for_stop(self, name, deadline):
        process = self.cluster.processes[name]
        if process.running() and time.monotonic() < deadline:
            self.after(0.1, lambda: self.wait_for_stop(name, deadline))
            return
        if process.running():
            self.complaints.append(f"{name} did not stop within 40 s")
            process.kill()
        elif process.popen.returncode != 0 and process.events():  # else it had hardly begun
            self.complaints.append(f"{name} stopped with {process.popen.returncode}")
        self.relaunch(name)

    def freeze(self):
        name = self.whom()
        if name:
            self.freeze_one(name)
        return name and name.rstrip("123")

    def freeze_one(self, name):
        self.touch(name)
        process = self.cluster.processes[name]
        process.signal(signal.SIGSTOP)
        limits = self.random.choice((FREEZE_S, SUSPENDED_S)) if name in WORKERS else FREEZE_S
        self.after(self.random.uniform(*limits), lambda: self.resume(name, [process.pid]))

    def pick(self, pids):
        return self.random.choice(pids) if pids else None

    def kill_runner(self):
        return self.strike_down(self.pick(self.cluster.runners()), signal.SIGKILL) and "runner"

    def kill_applying(self):
        return self.strike_down(self.pick(self.cluster.runners(applying=True)), signal.SIGKILL) and "runner"

    def kill_at_mark(self):
        """The worker or the runner, in the moment between the question whether an apply may begin and its first step."""
        end = time.monotonic() + AMBUSH_S
        run_id = name = None
        while not run_id and time.monotonic() < end:
            run_id, name = self.cluster.at_step("mark")
        if run_id and self.random.random() < 0.5:
            runners = [pid for pid, command in self.cluster.strays() if " --runner " in command and run_id in command]
            return self.strike_down(self.pick(runners), signal.SIGKILL) and "runner"
        if not run_id or not name or name in self.touched:
            return None
        self.kill_one(name)
        return "worker"

    def strike_sending(self):
        """Kills or freezes a scheduler while deliveries are under way."""
        end = time.monotonic() + AMBUSH_S
        name = self.pick([name for name in SCHEDULERS if name not in self.touched])
        while name and time.monotonic() < end:
            if self.cluster.redis_json("keys", "{kedge}:flying:*"):
                self.random.choice((self.kill_one, self.freeze_one))(name)
                return "scheduler"
        return None

    def kill_schedulers(self):
        """All at once."""
        names = [name for name in SCHEDULERS if name not in self.touched]
        for name in names:
            self.kill_one(name)
        return names and "all"

    def kill_terraform(self):
        return self.strike_down(self.pick(self.cluster.terraforms()), signal.SIGKILL) and "terraform"

    def freeze_runner(self):
        pid = self.pick(self.cluster.runners() + self.cluster.terraforms())
        if self.strike_down(pid, signal.SIGSTOP):
            self.after(self.random.uniform(*FREEZE_S), lambda: self.signal(pid, signal.SIGCONT))
            return "runner"
        return None

    def strike_down(self, pid, number):
        """Kills or freezes a process below a worker, and remembers it."""
        if pid is None:
            return False
        with contextlib.suppress(OSError):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            self.struck.add(pid)
            if number == signal.SIGKILL and " --runner " in command:
                self.killed.add(self.cluster.run_of(command))
        return self.signal(pid, number)

    @staticmethod
    def signal(pid, number):
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(pid, number)
            return True
        return False

    def stop_host(self):
        """A worker and all that it has started stand still: its name and their pids."""
        name = self.pick([name for name in WORKERS if name not in self.touched])
        if not name:
            return None, []
        self.touch(name)
        self.cluster.processes[name].signal(signal.SIGSTOP)
        pids = self.cluster.below(name)
        for pid in pids:
            self.strike_down(pid, signal.SIGSTOP)
        return name, pids

    def lose_host(self):
        name, pids = self.stop_host()
        if name:
            for pid in pids:
                self.strike_down(pid, signal.SIGKILL)
            self.cluster.processes[name].kill()
            self.after(self.random.uniform(*GONE_S), lambda: self.relaunch(name))
        return name and "worker"

    def suspend_host(self):
        name, pids = self.stop_host()
        if name:
            pids.append(self.cluster.processes[name].pid)
            self.after(self.random.uniform(*SUSPENDED_S), lambda: self.resume(name, pids))
        return name and "worker"

    def resume(self, name, pids):
        for pid in pids:
            self.signal(pid, signal.SIGCONT)
        self.well(name)

    def freeze_applies(self):
        """No apply begins."""
        if self.thaw_at is not None:
            return None
        self.thaw_at = 0  # it may be frozen without an answer
        if not self.set_frozen(True):
            return None
        marked = self.cluster.script(READ_MARKED)
        if marked is not None:
            self.frozen = (time.time(), set(marked))
        self.thaw_at = time.monotonic() + self.random.uniform(*FROZEN_S)
        return "applies"

    def thaw_applies(self):
        if self.thaw_at is not None and self.thaw_at <= time.monotonic() and self.set_frozen(False):
            self.thaw_at = None

    def set_frozen(self, frozen):
        if not frozen and self.frozen:
            self.freezes.append((self.frozen[0], time.time(), self.frozen[1]))
            self.frozen = None
        with contextlib.suppress(OSError, ValueError):
            return self.cluster.put("/api/v1/freeze", {"frozen": frozen, "reason": "chaos"}, timeout=3).status == 200
        return False

    def pause(self):
        """No schedule fires, no run is claimed."""
        if self.resume_at is not None or self.cluster.redis_json("hset", "{kedge}:meta", "paused", "1") is None:
            return None
        self.touch("pause")
        self.resume_at = time.monotonic() + self.random.uniform(*PAUSED_S)
        return "all"

    def end_pause(self):
        if self.resume_at is not None and self.resume_at <= time.monotonic() and self.cluster.redis_json(
                "hset", "{kedge}:meta", "paused", "0") is not None:
            self.resume_at = None
            self.well("pause")

    def cut_connections(self):
        done = self.cluster.redis_json("client", "kill", "type", "normal", "skipme", "yes")
        return "redis" if done is not None else None
