"""The gardener: changes what is registered while everybody works: schedules, hooks and workspaces
come, change and go. It tries again on every error, as clients do."""
from clients import Client
from cluster import GUESTS, PROJECT, PUSHED, PUSHED_PROJECT, TARGETS, WORKSPACES
from timetable import soon

HOOKS_MAX, SCHEDULES_MAX = 6, 6
KINDS = ("generic", "slack", "teams")


def is_guest(workspace):
    return workspace.startswith("x")


class Gardener(Client):
    def __init__(self, cluster, seed, timetable):
        super().__init__(cluster, seed)
        self.timetable = timetable
        self.hooks, self.schedules = [], []  # ids that may be gone
        self.number = 0

    def step(self):
        act = self.random.choice((self.add_hook, self.change_hook, self.change_hook, self.test_hook, self.drop_hook,
                                  self.register, self.register, self.relabel, self.relabel, self.add_schedule,
                                  self.change_schedule, self.drop_schedule, self.invite, self.dismiss))
        act()
        self.counts[act.__name__] += 1
        self.over.wait(self.random.uniform(0, 0.3))

    def one_of(self, ids):
        return self.random.choice(ids) if ids else None

    def one_guest(self):
        return f"x{self.random.randrange(GUESTS)}"

    # ---- hooks that come and go ----
    def add_hook(self):
        if len(self.hooks) >= HOOKS_MAX:
            return
        self.number += 1
        kind = self.random.choice(KINDS)
        body = {"kind": kind, "url": self.cluster.receiver.url(f"/{'ok' if kind == 'generic' else kind}/passing{self.number}")}
        if self.random.random() < 0.3:
            body.update(projectId=PROJECT, workspaceId=self.one_guest())
        answer = self.ask("POST", "/api/v1/hooks", (201, 400), body=body)
        if answer and answer.status == 201:
            self.hooks.append(answer.json["id"])

    def change_hook(self):
        hook = self.one_of(self.hooks)
        if hook:
            self.ask("PUT", f"/api/v1/hooks/{hook}", (200, 404, 409), body={"enabled": self.random.random() < 0.7})

    def test_hook(self):
        hook = self.one_of(self.hooks)
        if hook:
            self.ask("POST", f"/api/v1/hooks/{hook}/test", (202, 404, 409))

    def drop_hook(self):
        hook = self.one_of(self.hooks)
        if hook and self.ask("DELETE", f"/api/v1/hooks/{hook}", (200, 404)):
            self.hooks.remove(hook)

    # ---- workspaces ----
    def register(self):
        """Another revision of a workspace, or of one that pushes check."""
        if self.random.random() < 0.2:
            n = self.random.randrange(PUSHED)
            path, body = f"{PUSHED_PROJECT}/workspaces/v{n}", {"directory": f"e{n}"}
        else:
            n = self.random.randrange(WORKSPACES)
            path, body = f"{PROJECT}/workspaces/w{n}", {"directory": f"d{n % TARGETS}"}
        body["variables"] = {"n": str(self.random.randrange(3))}
        self.ask("PUT", f"/api/v1/projects/{path}", (200,), body=body)

    def invite(self):
        guest = self.one_guest()
        answer = self.ask("PUT", f"/api/v1/projects/{PROJECT}/workspaces/{guest}", (200, 201), body={"directory": f"d{guest[1:]}"})
        if answer and self.random.random() < 0.5:
            self.ask("POST", "/api/v1/drift", (202, 404), body={"projectId": PROJECT, "workspaceId": guest})

    def dismiss(self):
        """Its schedules and hooks go with it. Not often, so that it comes to a tick."""
        if self.random.random() < 0.7:
            return
        force = self.random.choice(("", "?force=true"))
        self.ask("DELETE", f"/api/v1/projects/{PROJECT}/workspaces/{self.one_guest()}{force}", (200, 404, 409))

    # ---- schedules ----
    def relabel(self):
        """Loses no tick of it."""
        schedule = self.one_of(list(self.timetable.entries))
        self.number += 1
        self.ask("PUT", f"/api/v1/drift/schedule/{schedule}", (200, 409), body={"label": f"label {self.number}"})

    def add_schedule(self):
        if len(self.schedules) >= SCHEDULES_MAX:
            return
        answer = self.ask("POST", "/api/v1/drift/schedule", (201, 404), body={
            "projectId": PROJECT, "workspaceId": self.one_guest(), "scheduleType": "drift", "cron": "* * * * *",
            "enabled": True, "jitterSeconds": self.random.randrange(60)})
        if answer and answer.status == 201:
            self.schedules.append(answer.json["id"])
            soon(self.cluster, answer.json["id"])

    def change_schedule(self):
        schedule = self.one_of(self.schedules)
        if schedule:
            self.ask("PUT", f"/api/v1/drift/schedule/{schedule}", (200, 404, 409), body={"enabled": self.random.random() < 0.9})

    def drop_schedule(self):
        schedule = self.one_of(self.schedules) if self.random.random() < 0.3 else None
        if schedule and self.ask("DELETE", f"/api/v1/drift/schedule/{schedule}", (200, 404)):
            self.schedules.remove(schedule)

    def leave(self):
        """Takes the guests away: nothing of theirs ticks any more."""
        self.over.clear()
        for n in range(GUESTS):
            self.ask("DELETE", f"/api/v1/projects/{PROJECT}/workspaces/x{n}?force=true", (200, 404))
