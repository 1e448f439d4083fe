"""Schedules of the v1 API: what is stored, shown, changed and refused. That they fire is the scheduler's tests' affair."""
import concurrent.futures
import datetime
import itertools
import re
import subprocess
import zoneinfo

import pytest

from stack import BUILD, Stack, until

PATH = "/api/v1/drift/schedule"
READ_TOKEN = "read-only-token-0123456789"
UNKNOWN = "019aa9a3-31d0-7c2e-8f5d-2b1f6c0e9a41"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# What the reference has, in its two places, and what is added to both.
LISTED = {"id", "scheduleType", "cron", "label", "enabled", "lastRunAt", "nextRunAt"}
SUMMED = {"enabled", "cron", "humanReadable", "nextRun", "lastRun"}
ADDED = {"timezone", "jitterSeconds", "missedPolicy", "humanReadable"}


@pytest.fixture(scope="module")
def api():
    """Redis and the api alone: nothing fires."""
    with Stack(read_token=READ_TOKEN) as stack:
        stack.start_redis()
        stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        stack.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
        yield stack


@pytest.fixture
def workspace(api, numbers=itertools.count()):
    """A workspace of this test's own; its name."""
    name = f"w{next(numbers)}"
    put_workspace(api, name)
    return name


def put_workspace(api, name, project="p", **fields):
    answer = api.put(f"/api/v1/projects/{project}/workspaces/{name}", {"directory": ".", **fields})
    assert answer.status in (200, 201), answer


def fields_of(workspace, **fields):
    return {"projectId": "p", "workspaceId": workspace, "scheduleType": "drift", "cron": "30 2 * * *", **fields}


def create(api, workspace, **fields):
    answer = api.post(PATH, fields_of(workspace, **fields))
    assert answer.status == 201, answer
    return answer.json


def update(api, schedule, **fields):
    answer = api.put(f"{PATH}/{schedule['id']}", fields)
    assert answer.status == 200, answer
    return answer.json


def show(api, schedule):
    answer = api.get(f"{PATH}/{schedule['id']}")
    assert answer.status == 200, answer
    return answer.json


def listed(api, workspace):
    answer = api.get(f"{PATH}?projectId=p&workspaceId={workspace}")
    assert answer.status == 200 and set(answer.json) == {"schedules"}, answer
    return answer.json["schedules"]


def summary(api, workspace):
    answer = api.get(f"/api/v1/drift?projectId=p&workspaceId={workspace}")
    assert answer.status == 200, answer
    return answer.json


def refused(answer, status, code, *fields):
    assert answer.status == status and answer.json["error"]["code"] == code, answer
    assert {detail["field"] for detail in answer.json["error"].get("details", [])} == set(fields)
    return answer.json["error"]["message"]


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def stored(api, schedule, *fields):
    """Of the schedule in Redis."""
    return api.redis_cli("hmget", "{kedge}:schedule:" + schedule["id"], *fields).split()


# ---- one schedule ----
def test_a_schedule_is_created_shown_and_deleted(api, workspace):
    answer = api.post(PATH, fields_of(workspace))
    assert answer.status == 201, answer
    made = answer.json
    assert re.fullmatch(UUID, made["id"]) and answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert made == {
        "id": made["id"], "scheduleType": "drift", "cron": "30 2 * * *", "label": None, "enabled": False, "timezone": "UTC",
        "jitterSeconds": 0, "missedPolicy": "one", "lastRunAt": None, "nextRunAt": None, "humanReadable": "At 02:30 AM"}
    assert show(api, made) == made and listed(api, workspace) == [made]
    gone = api.request("DELETE", answer.headers["Location"])
    assert (gone.status, gone.json) == (200, {"success": True})
    assert listed(api, workspace) == []
    refused(api.get(answer.headers["Location"]), 404, "NOT_FOUND")
    refused(api.request("DELETE", answer.headers["Location"]), 404, "NOT_FOUND")


def test_everything_that_is_given_is_kept_as_it_was_given(api, workspace):
    given = {"cron": " 0  3 * * MON-fri ", "label": "Nächtlich \"1\"", "enabled": True, "timezone": "Europe/Berlin",
             "jitterSeconds": 3600, "missedPolicy": "all", "scheduleType": "drift_detection"}
    made = create(api, workspace, **given)
    assert {key: made[key] for key in given} == given
    assert "Monday through Friday" in made["humanReadable"] and "Europe/Berlin" in made["humanReadable"]
    assert show(api, made) == made


def test_fields_are_those_of_the_reference_and_some_more(api, workspace):
    made = create(api, workspace, enabled=True)
    assert set(made) == LISTED | ADDED and [set(one) for one in listed(api, workspace)] == [LISTED | ADDED]
    summed = summary(api, workspace)
    assert set(summed["schedule"]) == LISTED | SUMMED | ADDED
    assert [set(one) for one in summed["schedules"]] == [LISTED | SUMMED | ADDED]


@pytest.mark.parametrize("kind", ["drift", "drift_check", "drift_detection"])
def test_the_type_is_shown_as_it_was_given(api, workspace, kind):
    assert create(api, workspace, scheduleType=kind)["scheduleType"] == kind


def test_the_location_begins_with_the_public_url(api, workspace):
    port = api.start_another_api("public", public_url="https://kedge.example")
    answer = api.post(PATH, fields_of(workspace), port=port)
    assert answer.headers["Location"] == f"https://kedge.example{PATH}/{answer.json['id']}"


# ---- the next run ----
def test_the_next_run_is_the_next_minute_that_fits(api, workspace):
    before = now()
    made = create(api, workspace, cron="* * * * *", enabled=True)
    tick = when(made["nextRunAt"])
    assert before < tick <= now() + datetime.timedelta(minutes=1) and (tick.second, tick.microsecond) == (0, 0)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_next_run_is_by_the_clock_of_the_zone(api, workspace, zone):
    tick = when(create(api, workspace, cron="17 4 * * *", timezone=zone, enabled=True)["nextRunAt"])
    assert now() < tick <= now() + datetime.timedelta(days=1, hours=2)
    local = tick.astimezone(zoneinfo.ZoneInfo(zone))
    assert (local.hour, local.minute, local.second) == (4, 17, 0)


def test_jitter_is_a_part_of_the_next_run_and_another_for_each(api, workspace):
    offsets = []
    for _ in range(4):
        made = create(api, workspace, cron="@daily", jitterSeconds=36000, enabled=True)
        due = when(made["nextRunAt"])
        offset = due - due.replace(hour=0, minute=0, second=0, microsecond=0)
        assert datetime.timedelta() <= offset < datetime.timedelta(hours=10)
        offsets.append(offset)
    assert len(set(offsets)) == 4


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_one_that_never_comes_is_accepted_and_says_so(api, workspace, cron):
    made = create(api, workspace, cron=cron, enabled=True)
    assert made["nextRunAt"] is None and made["enabled"] is True and "never" in made["humanReadable"]
    assert api.redis_cli("zscore", "{kedge}:due", made["id"]).strip() == ""
    assert update(api, made, cron="0 0 28 2 *")["nextRunAt"] is not None
    assert update(api, made, cron=cron)["nextRunAt"] is None


def test_only_enabled_ones_have_a_next_run(api, workspace):
    made = create(api, workspace)
    assert made["nextRunAt"] is None
    on = update(api, made, enabled=True)
    assert on["nextRunAt"] is not None and on == {**made, "enabled": True, "nextRunAt": on["nextRunAt"]}
    assert update(api, made, enabled=False) == made


def test_the_last_run_is_shown(api, workspace):
    made = create(api, workspace, enabled=True)
    api.redis_cli("hset", "{kedge}:schedule:" + made["id"], "last", "1737455400123")
    assert show(api, made) == {**made, "lastRunAt": "2025-01-21T10:30:00.123Z"}
    assert summary(api, workspace)["schedule"]["lastRun"] == "2025-01-21T10:30:00.123Z"


def let_tick(kedge, made):
    """Its tick is that of the minute that is; answers it as it is when that has fired."""
    minute = int(now().timestamp()) // 60 * 60000
    kedge.redis_cli("hset", "{kedge}:schedule:" + made["id"], "tick", minute, "due", minute)
    kedge.redis_cli("zadd", "{kedge}:due", minute, made["id"])
    return until(lambda: (lambda one: when(one["nextRunAt"]).timestamp() * 1000 > minute and one)(show(kedge, made)), 20, "it fires")


def test_a_tick_that_fires_is_shown_and_so_is_one_that_is_skipped(bare):
    bare.start(workers=0)
    bare.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    put_workspace(bare, "w")
    first, second = (create(bare, "w", cron="* * * * *", enabled=True) for _ in range(2))
    fired = let_tick(bare, first)
    assert when(fired["lastRunAt"]) <= now() < when(fired["nextRunAt"]) + datetime.timedelta(minutes=1)
    run = summary(bare, "w")["lastRun"]
    assert (run["trigger"], run["scheduleId"], run["kind"], run["status"]) == ("schedule", first["id"], "drift_check", "queued")
    let_tick(bare, second)
    listed = bare.get("/api/v1/runs?status=skipped").json
    assert [run["scheduleId"] for run in listed if run["scheduleId"] == second["id"]] == [second["id"]]
    why = {"summary": "A check of this workspace was still waiting or running"}
    told = bare.get("/api/v1/drift/history?projectId=p&workspaceId=w").json
    assert [one["metadata"] for one in told if one["status"] == "skipped"][-1] == why
    assert bare.run(listed[0]["id"])["metadata"] == why and summary(bare, "w")["status"] == "running"


# ---- PUT ----
FULL = {"cron": "30 2 * * *", "label": "nightly", "enabled": True, "timezone": "Europe/Berlin", "jitterSeconds": 60, "missedPolicy": "skip"}


@pytest.mark.parametrize("change,more", [
    ({}, ()),
    ({"label": "other"}, ()),
    ({"missedPolicy": "all"}, ()),
    ({"jitterSeconds": 7200}, ("nextRunAt",)),
    ({"cron": "0 5 * * 1"}, ("nextRunAt", "humanReadable")),
    ({"timezone": "Asia/Tokyo"}, ("nextRunAt", "humanReadable")),
    ({"enabled": False}, ("nextRunAt",)),
    ({"cron": "@hourly", "label": "x", "enabled": False}, ("nextRunAt", "humanReadable")),
], ids=str)
def test_a_put_changes_what_it_names_and_what_follows(api, workspace, change, more):
    made = create(api, workspace, **FULL)
    now_is = update(api, made, **change)
    assert {key for key in made if made[key] != now_is[key]} == set(change) | set(more)
    assert {key: now_is[key] for key in change} == change
    assert show(api, made) == now_is and now_is["id"] == made["id"]


@pytest.mark.parametrize("label", [None, ""])
def test_a_label_is_cleared_by_null_and_by_an_empty_one(api, workspace, label):
    made = create(api, workspace, label="nightly")
    assert update(api, made, label=label) == {**made, "label": None}
    assert update(api, made, cron=None, enabled=None, timezone=None, jitterSeconds=None, missedPolicy=None) == {**made, "label": None}


def test_the_tick_stays_unless_the_rhythm_changes(api, workspace):
    """One that is due and has not been fired is not lost when something else is changed."""
    made = create(api, workspace, cron="* * * * *", enabled=True)
    api.redis_cli("hset", "{kedge}:schedule:" + made["id"], "tick", "1737455400000")
    for change in ({"label": "x"}, {"jitterSeconds": 100}, {"missedPolicy": "all"}, {"cron": "* * * * *"}, {"enabled": True}, {}):
        update(api, made, **change)
        assert stored(api, made, "tick") == ["1737455400000"], change
    before = now()
    assert before < when(update(api, made, cron="*/1 * * * *")["nextRunAt"]) <= now() + datetime.timedelta(minutes=1)


def test_a_due_time_that_is_to_come_is_not_lost_when_it_is_off_for_a_moment(api, workspace):
    """Of a tick that is over already; only a new schedule begins with one that is not."""
    made = create(api, workspace, cron="* * * * *", jitterSeconds=86400, enabled=True)
    update(api, made, enabled=False)
    before = now()
    assert before < when(update(api, made, enabled=True)["nextRunAt"]) <= now() + datetime.timedelta(minutes=1)


def test_a_put_that_changes_nothing_writes_nothing(api, workspace):
    made = create(api, workspace, **FULL)
    before = stored(api, made, "version", "updated")
    update(api, made, **FULL)
    assert stored(api, made, "version", "updated") == before


def at_once(api, schedule, changes):
    """The answers to updates that all have read the same, because Redis answered none of them before it had all."""
    with concurrent.futures.ThreadPoolExecutor(len(changes)) as pool:
        api.redis_cli("client", "pause", 700, "all")
        return list(pool.map(lambda change: api.put(f"{PATH}/{schedule['id']}", change), changes))


def test_updates_at_once_lose_nothing(api, workspace):
    """Whoever finds that another was faster reads again."""
    changes = {"label": "x", "jitterSeconds": 5, "cron": "@hourly", "timezone": "Asia/Tokyo", "enabled": True}
    made = create(api, workspace)
    answers = at_once(api, made, [{name: value} for name, value in changes.items()])
    assert [answer.status for answer in answers] == [200] * 5
    assert [answer.json[name] for answer, name in zip(answers, changes)] == list(changes.values())
    now_is = show(api, made)
    assert {name: now_is[name] for name in changes} == changes and int(stored(api, made, "version")[0]) == 6


def test_who_is_too_late_too_often_is_told_so(api, workspace):
    made = create(api, workspace)
    answers = at_once(api, made, [{"label": f"{number}"} for number in range(8)])
    done = [answer.json["label"] for answer in answers if answer.status == 200]
    assert len(done) == 5
    assert all("being changed" in refused(answer, 409, "CONFLICT") for answer in answers if answer.status != 200)
    assert show(api, made)["label"] in done and int(stored(api, made, "version")[0]) == 6


# ---- lists and the summary ----
def test_without_schedules_there_are_none(api, workspace):
    assert listed(api, workspace) == []
    assert (summary(api, workspace)["schedule"], summary(api, workspace)["schedules"]) == (None, [])


def test_lists_are_newest_first_and_of_one_workspace(api, workspace):
    put_workspace(api, workspace + "-2")
    made = [create(api, workspace, label=f"{number}") for number in range(5)]
    other = create(api, workspace + "-2")
    assert listed(api, workspace) == made[::-1] and listed(api, workspace + "-2") == [other]
    assert [one["id"] for one in summary(api, workspace)["schedules"]] == [one["id"] for one in made[::-1]]


def test_the_summarys_schedule_is_the_first_that_is_enabled_else_the_first(api, workspace):
    made = [create(api, workspace, cron="@daily", label=f"{number}") for number in range(3)]
    summed = summary(api, workspace)
    assert summed["schedule"] == summed["schedules"][0] and summed["schedule"]["label"] == "2"
    for number in (0, 1):
        update(api, made[number], enabled=True)
        summed = summary(api, workspace)
        assert summed["schedule"] == summed["schedules"][2 - number] and summed["schedule"]["label"] == f"{number}"
    one = summed["schedule"]
    assert one["nextRun"] == one["nextRunAt"] is not None and one["lastRun"] == one["lastRunAt"] is None
    assert {key: one[key] for key in set(one) - {"nextRun", "lastRun"}} == show(api, made[1])


def test_a_workspace_has_a_hundred_at_most(api, workspace):
    made = [create(api, workspace) for _ in range(100)]
    message = refused(api.post(PATH, fields_of(workspace)), 409, "CONFLICT")
    assert "100" in message and len(listed(api, workspace)) == 100
    assert len(summary(api, workspace)["schedules"]) == 100
    api.request("DELETE", f"{PATH}/{made[7]['id']}")
    create(api, workspace)


# ---- what is refused ----
@pytest.mark.parametrize("cron,words", [
    ("61 * * * *", ("minute", "column 1")), ("*/0 * * * *", ("minute", "column 3")), ("0 0 * 13 *", ("month", "column 7")),
    ("0 25 * * *", ("hour", "column 3")), ("0 0 32 * *", ("day of month", "column 5")), ("0 0 * * funday", ("day of week", "column 9")),
    ("", ("empty",)), ("* * * *", ()), ("* * * * * *", ()), ("@never", ()), ("0 0 * * *\n", ()),
    ("*" * 257, ("1 to 256 bytes",)), ("*," * 5000, ("1 to 256 bytes",))], ids=lambda value: str(value)[:20])
def test_a_bad_expression_is_told_its_field_and_column(api, workspace, cron, words):
    made = create(api, workspace)
    for answer in (api.post(PATH, fields_of(workspace, cron=cron)), api.put(f"{PATH}/{made['id']}", {"cron": cron})):
        message = refused(answer, 400, "VALIDATION_ERROR", "cron")
        assert message.startswith("cron") and all(word in message for word in words), message
    assert listed(api, workspace) == [made]


@pytest.mark.parametrize("fields,names", [
    ({"timezone": "Mars/Olympus"}, ["timezone"]), ({"timezone": "../../etc/passwd"}, ["timezone"]), ({"timezone": ""}, ["timezone"]),
    ({"timezone": "/usr/share/zoneinfo/UTC"}, ["timezone"]), ({"timezone": "x" * 5000}, ["timezone"]), ({"timezone": 1}, ["timezone"]),
    ({"jitterSeconds": -1}, ["jitterSeconds"]), ({"jitterSeconds": 86401}, ["jitterSeconds"]), ({"jitterSeconds": 0.5}, ["jitterSeconds"]),
    ({"missedPolicy": "sometimes"}, ["missedPolicy"]), ({"enabled": "true"}, ["enabled"]), ({"label": "x" * 201}, ["label"]),
    ({"color": 1}, ["color"]), ({"nextRunAt": None}, ["nextRunAt"]), ({"Cron": "@daily"}, ["Cron"]),
    ({"cron": "61 * * * *", "timezone": "x", "jitterSeconds": -1, "missedPolicy": "", "enabled": 1, "label": [], "x": 1},
     ["cron", "timezone", "jitterSeconds", "missedPolicy", "enabled", "label", "x"]),
], ids=str)
def test_bad_fields_are_named_all_at_once(api, workspace, fields, names):
    made = create(api, workspace)
    refused(api.post(PATH, fields_of(workspace, **fields)), 400, "VALIDATION_ERROR", *names)
    refused(api.put(f"{PATH}/{made['id']}", fields), 400, "VALIDATION_ERROR", *names)
    assert listed(api, workspace) == [made]


def test_a_creation_needs_four_fields(api):
    refused(api.post(PATH, {}), 400, "VALIDATION_ERROR", "projectId", "workspaceId", "scheduleType", "cron")


@pytest.mark.parametrize("kind", ["", "Drift", "apply", "plan"])
def test_an_unknown_type_is_refused(api, workspace, kind):
    refused(api.post(PATH, fields_of(workspace, scheduleType=kind)), 400, "VALIDATION_ERROR", "scheduleType")


def test_a_put_does_not_take_what_a_schedule_is_of(api, workspace):
    made = create(api, workspace)
    for name, value in (("scheduleType", "drift"), ("projectId", "p"), ("workspaceId", workspace), ("id", made["id"])):
        message = refused(api.put(f"{PATH}/{made['id']}", {name: value}), 400, "VALIDATION_ERROR", name)
        assert message == f"unknown parameter: {name}"


def test_a_reconcile_needs_the_workspaces_leave(api, workspace):
    message = refused(api.post(PATH, fields_of(workspace, scheduleType="reconcile")), 400, "VALIDATION_ERROR", "scheduleType")
    assert "autoReconcile" in message and listed(api, workspace) == []
    put_workspace(api, workspace, autoReconcile=True)
    assert create(api, workspace, scheduleType="reconcile")["scheduleType"] == "reconcile"


def test_unknown_projects_and_workspaces_are_404(api, workspace):
    for project, name, words in (("nope", workspace, "there is no project nope"), ("p", "nope", "project p has no workspace nope")):
        assert refused(api.post(PATH, {**fields_of(name), "projectId": project}), 404, "NOT_FOUND") == words
        assert refused(api.get(f"{PATH}?projectId={project}&workspaceId={name}"), 404, "NOT_FOUND") == words
    refused(api.get(f"{PATH}?projectId=p"), 400, "VALIDATION_ERROR", "workspaceId")
    refused(api.get(PATH), 400, "VALIDATION_ERROR", "workspaceId", "projectId")


def test_unknown_and_malformed_ids(api):
    for method, body in (("GET", None), ("PUT", {}), ("PUT", {"label": "x"}), ("DELETE", None)):
        assert UNKNOWN in refused(api.request(method, f"{PATH}/{UNKNOWN}", body), 404, "NOT_FOUND")
    refused(api.get(f"{PATH}/nightly"), 404, "NOT_FOUND")
    refused(api.request("DELETE", f"{PATH}/nightly"), 404, "NOT_FOUND")
    assert "UUID" in refused(api.put(f"{PATH}/nightly", {}), 400, "VALIDATION_ERROR")
    answer = api.post(f"{PATH}/{UNKNOWN}", {})
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET, HEAD, PUT, DELETE"


def test_the_read_token_reads_only(api, workspace):
    made = create(api, workspace)
    one = f"{PATH}/{made['id']}"
    assert api.get(one, token=READ_TOKEN).json == made
    assert api.get(f"{PATH}?projectId=p&workspaceId={workspace}", token=READ_TOKEN).json == {"schedules": [made]}
    for method, path, body in (("POST", PATH, fields_of(workspace)), ("PUT", one, {"label": "x"}), ("DELETE", one, None)):
        refused(api.request(method, path, body, token=READ_TOKEN), 403, "FORBIDDEN")
        refused(api.request(method, path, body, token=None), 401, "UNAUTHORIZED")
    refused(api.get(one, token=None), 401, "UNAUTHORIZED")
    assert listed(api, workspace) == [made]


# ---- the registry, and a store that is not as it should be ----
def test_schedules_go_with_their_workspace(api, workspace):
    put_workspace(api, workspace + "-2")
    made = [create(api, workspace, enabled=True) for _ in range(3)]
    other = create(api, workspace + "-2", enabled=True)
    assert api.request("DELETE", f"/api/v1/projects/p/workspaces/{workspace}").status == 200
    refused(api.get(f"{PATH}?projectId=p&workspaceId={workspace}"), 404, "NOT_FOUND")
    for one in made:
        refused(api.get(f"{PATH}/{one['id']}"), 404, "NOT_FOUND")
        refused(api.put(f"{PATH}/{one['id']}", {"enabled": True}), 404, "NOT_FOUND")
        assert api.redis_cli("zscore", "{kedge}:due", one["id"]).strip() == ""
    put_workspace(api, workspace)
    assert listed(api, workspace) == [] and listed(api, workspace + "-2") == [other]


def test_schedules_go_with_their_project(api):
    api.put("/api/v1/projects/doomed", {"repository": "acme/net", "type": "Git", "ref": "main"})
    put_workspace(api, "w", "doomed")
    made = create(api, "w", projectId="doomed", enabled=True)
    assert api.request("DELETE", "/api/v1/projects/doomed?force=true").status == 200
    refused(api.get(f"{PATH}/{made['id']}"), 404, "NOT_FOUND")


def test_a_zone_that_is_gone_is_named_when_it_is_needed(api, workspace):
    made = create(api, workspace, enabled=True)
    api.redis_cli("hset", "{kedge}:schedule:" + made["id"], "zone", "Mars/Olympus")
    assert show(api, made)["timezone"] == "Mars/Olympus"
    assert update(api, made, label="x")["nextRunAt"] == made["nextRunAt"]
    refused(api.put(f"{PATH}/{made['id']}", {"cron": "@daily"}), 400, "VALIDATION_ERROR", "timezone")
    assert update(api, made, enabled=False)["nextRunAt"] is None
    assert update(api, made, timezone="UTC", enabled=True)["nextRunAt"] is not None


def test_without_the_database_of_zones_no_zone_is_called_wrong(api, workspace):
    alone = ("unshare", "--map-root-user", "--mount", "sh", "-c")
    hide = "mount -t tmpfs none /usr/share/zoneinfo"
    if subprocess.run([*alone, hide], capture_output=True).returncode:
        pytest.skip("needs unshare and user namespaces")
    process = api.spawn("api-utc", *alone, f'{hide} && exec "$0"', BUILD / "kedge-api")
    address = until(lambda: process.events("listening"), 20, "it listens")[0]["address"]
    port = int(address.rsplit(":", 1)[1])
    until(lambda: api.get("/readyz", port=port).status == 200, 20, "it is ready")
    answer = api.post(PATH, fields_of(workspace, timezone="Europe/Berlin"), port=port)
    assert "install the package tzdata" in refused(answer, 400, "VALIDATION_ERROR", "timezone")
    assert api.post(PATH, fields_of(workspace), port=port).status == 201
    assert process.events("only_utc")


def test_what_is_stored_broken_is_an_internal_error_without_detail(api, workspace):
    made = create(api, workspace)
    api.redis_cli("hset", "{kedge}:schedule:" + made["id"], "type", "broken")
    for method, path, body in (
            ("GET", f"{PATH}/{made['id']}", None), ("PUT", f"{PATH}/{made['id']}", {}), ("DELETE", f"{PATH}/{made['id']}", None),
            ("GET", f"{PATH}?projectId=p&workspaceId={workspace}", None), ("GET", f"/api/v1/drift?projectId=p&workspaceId={workspace}", None)):
        answer = api.request(method, path, body)
        assert refused(answer, 500, "INTERNAL_ERROR") == "internal error", answer
