"""The reference of the drift API, endpoint by endpoint and field by field, as a client of it would use it: one walk through
a workspace's life with the real terraform, then every parameter left out and wrong."""
import http.client
import json
import re

import pytest

import openapi_check
from conftest import needs_terraform
from model import STOP, Model
from stack import FOLLOWS_FILE, PATIENCE, TOKEN, Stack, until

pytestmark = needs_terraform

# ---- what the reference says ----
# A shape is a type, a pattern, a set of words, (shape, None), [shape of each element] or {key: shape}: these keys and no
# other, but one with "?" may be absent.
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
COUNT = int
CHANGE = {"attribute": str, "before": object, "after": object, "action": {"create", "update", "delete"}}
RESOURCE = {"address": str, "type": str, "severity": {"critical", "warning", "info"}, "action": {"update", "create", "delete"},
            "changes": [CHANGE]}
SUCCESS = {"success": {True}}
SCHEDULE = {"id": ID, "scheduleType": str, "cron": str, "label": (str, None), "enabled": bool, "lastRunAt": (TIME, None),
            "nextRunAt": (TIME, None)}
SCHEDULE_OF_SUMMARY = {"enabled": bool, "cron": str, "humanReadable": str, "nextRun": (TIME, None), "lastRun": (TIME, None)}

# What its "..." stand for here, and what is there besides.
RESOURCE_TOLD = {
    **RESOURCE, "name": str, "provider": str, "origin": {"outside", "code", "both"}, "ignored": bool,
    "changes": [{**CHANGE, "origin": {"outside", "code", "both"}, "sensitive": bool}]}
TIMINGS = dict.fromkeys(("queued", "checkout", "init", "plan", "show"), COUNT)
COUNTS = dict.fromkeys(("toAdd", "toChange", "toDestroy", "toImport", "driftedCount"), COUNT)
MEASURED = {"timings": TIMINGS, "terraformVersion": re.compile(r"\d+\.\d+\.\d+\S*"), "peakRssBytes": COUNT, "sandbox": {"landlock", "none"}}
PLANNED = {**COUNTS, "summary": str, "totalResources": COUNT, "changesOutside": bool, "outputChanges": bool,
           "checkFailures": COUNT, "driftFingerprint?": re.compile("[0-9a-f]{32}"), **MEASURED}
METADATA = {**PLANNED, "driftedResources": [RESOURCE_TOLD]}
RUN = {
    "id": ID, "status": {"running", "clean", "drift_detected", "error", "cancelled"}, "output": (str, None), "metadata": (METADATA, None),
    "startedAt": (TIME, None), "endedAt": (TIME, None),
    "projectId": {"p"}, "workspaceId": {"w"}, "kind": {"drift_check"}, "trigger": {"api"}, "scheduleId": None, "ref": {"main"},
    "commit": (re.compile("[0-9a-f]{40}"), None), "outputTruncated": bool, "error": None, "queuedAt": TIME, "attempts": COUNT}
ADDED_TO_SCHEDULES = {"timezone": str, "jitterSeconds": COUNT, "missedPolicy": str, "humanReadable": str}
SCHEDULE_TOLD = {**SCHEDULE, **ADDED_TO_SCHEDULES}
SUMMED_SCHEDULE = {**SCHEDULE_TOLD, **SCHEDULE_OF_SUMMARY}
SUMMARY = {
    "status": {"never_run", "running", "clean", "drift_detected", "error"}, "lastRun": (RUN, None), "totalResources": COUNT,
    "driftedCount": COUNT, "driftedResources": [RESOURCE_TOLD], "schedule": (SUMMED_SCHEDULE, None), "schedules": [SUMMED_SCHEDULE]}

UNKNOWN = "019aa9a3-31d0-7c2e-8f5d-2b1f6c0e9a41"
PAIR = {"workspaceId": "w", "projectId": "p"}
OF_A_SCHEDULE = {"cron": "0 6 * * 1-5", "label": "mornings", "enabled": True}
ASKED = {"address": "aws_s3_bucket.logs", "type": "aws_s3_bucket", "severity": "critical", "action": "update",
         "changes": [{"attribute": "acl", "before": "public-read", "after": "private", "action": "update"}]}


class Endpoint:
    """A request as the reference has it: its parameters in the query or the body, with a value that will do."""

    def __init__(self, method, path, query=(), required=(), optional=(), plain=None):
        self.method, self.path, self.plain = method, path, plain
        self.query, self.required, self.optional = dict(query), dict(required), dict(optional)

    def target(self, query=None, **params):
        pairs = self.query if query is None else query
        tail = "?" + "&".join(f"{key}={value}" for key, value in pairs.items()) if pairs else ""
        return self.path.format(**params) + tail


ENDPOINTS = {
    "summary": Endpoint("GET", "/api/v1/drift", query=PAIR),
    "trigger": Endpoint("POST", "/api/v1/drift", required=PAIR),
    "history": Endpoint("GET", "/api/v1/drift/history", query=PAIR),
    "details": Endpoint("GET", "/api/v1/drift/{runId}"),
    "ignore": Endpoint("POST", "/api/v1/drift/{runId}/ignore", required={"resourceAddress": "terraform_data.it"}),
    "cancel": Endpoint("POST", "/api/v1/drift/{runId}/cancel"),
    "ai-suggest": Endpoint("POST", "/api/v1/drift/ai-suggest", required={"resources": [ASKED]}),
    "reconcile": Endpoint("POST", "/api/v1/drift/reconcile", required=PAIR),
    "schedules": Endpoint("GET", "/api/v1/drift/schedule", query=PAIR),
    "create schedule": Endpoint("POST", "/api/v1/drift/schedule", required={**PAIR, "scheduleType": "drift", "cron": "0 6 * * 1-5"},
                                optional={"label": "mornings", "enabled": True}),
    "update schedule": Endpoint("PUT", "/api/v1/drift/schedule/{scheduleId}", optional=OF_A_SCHEDULE),
    "delete schedule": Endpoint("DELETE", "/api/v1/drift/schedule/{scheduleId}"),
}


def fits(shape, value, at="answer"):
    """Asserts that the value has exactly that shape."""
    if isinstance(shape, dict):
        inner = {key.rstrip("?"): one for key, one in shape.items() if not key.endswith("?") or key[:-1] in value}
        assert isinstance(value, dict) and set(value) == set(inner), f"{at}: {value!r} has not the fields {sorted(shape)}"
        for key, one in inner.items():
            fits(one, value[key], f"{at}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{at}: {value!r} is no list"
        for number, one in enumerate(value):
            fits(shape[0], one, f"{at}[{number}]")
    elif isinstance(shape, tuple):
        fits(shape[0] if value is not None else None, value, at)
    elif isinstance(shape, set):
        assert value in shape, f"{at}: {value!r} is none of {shape}"
    elif isinstance(shape, re.Pattern):
        assert isinstance(value, str) and shape.fullmatch(value), f"{at}: {value!r} is not like {shape.pattern}"
    elif shape is None:
        assert value is None, f"{at}: {value!r}"
    else:
        assert isinstance(value, shape) and (shape is object or isinstance(value, bool) == (shape is bool)), f"{at}: {value!r} is no {shape}"


# ---- the walk ----
WORDS = ["The bucket", " was made", " public: apply."]


class Walk:
    """The life of one workspace; the answers by the name of the step."""

    def __init__(self, stack, model):
        self.stack, self.model, self.answers = stack, model, {}

    def ask(self, step, name, body=None, status=200, **params):
        endpoint = ENDPOINTS[name]
        if body is None and endpoint.required:
            body = endpoint.required
        answer = self.stack.request(endpoint.method, endpoint.target(**params), body, timeout=120 * PATIENCE)
        assert answer.status == status, f"{step}: {answer}"
        assert answer.headers["Content-Type"] == "application/json", answer.headers["Content-Type"]
        self.answers[step] = answer.json
        return answer.json

    def check(self, step):
        run = self.ask(f"{step}: trigger", "trigger", status=202)["runId"]
        until(lambda: self.stack.get(f"/api/v1/drift/{run}").json["status"] not in ("queued", "running"), 60, "the check ends")
        self.ask(f"{step}: details", "details", runId=run)
        self.ask(f"{step}: summary", "summary")
        return run

    def never_run(self):
        self.ask("never run: summary", "summary")
        self.ask("never run: history", "history")

    def running(self):
        gate = self.stack.world / "it"
        gate.unlink()
        self.stack.gate("it")
        run = self.ask("running: trigger", "trigger", status=202)["runId"]
        reader = self.stack.waits_at_gate("it")
        self.ask("running: summary", "summary")
        self.ask("running: details", "details", runId=run)
        self.ask("cancel", "cancel", runId=run)
        self.stack.open_gate("it", reader)
        self.stack.ended(run)
        self.ask("cancelled: details", "details", runId=run)
        self.ask("cancelled: summary", "summary")
        self.stack.change_world(it="as it should be\n")

    def clean(self):
        self.check("clean")

    def drift(self):
        self.stack.change_world(it="changed by hand\n")
        self.run = self.check("drift")
        self.ask("history", "history")

    def suggest(self):
        """With the resources as the summary has them, and as the reference does."""
        found = self.answers["drift: summary"]["driftedResources"]
        self.answers["suggest, one"] = self.stream(found)
        self.answers["suggest, some"] = self.stream([ASKED, {**ASKED, "address": "aws_s3_bucket.web", "severity": "info"}])

    def stream(self, resources):
        """(status, type, the first word and the rest, what the model was asked)"""
        self.model.says(["azure"], ["words", WORDS[0]], ["gate"], ["words", *WORDS[1:]], *STOP)
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60 * PATIENCE)
        path = ENDPOINTS["ai-suggest"].target()
        connection.request("POST", path, json.dumps({"resources": resources}),
                           {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise AssertionError(answer.read())
        first = answer.read(len(WORDS[0]))  # the model waits to be let go on
        self.model.open_gates()
        words = [first.decode(), answer.read().decode()]
        connection.close()
        if openapi_check.available():
            openapi_check.check("POST", path, answer.status, answer.headers, "".join(words).encode())
        return answer.status, answer.headers["Content-Type"], words, self.model.last()

    def ignore(self):
        self.ask("ignore", "ignore", runId=self.run)
        self.ask("ignored: summary", "summary")

    def reconcile(self):
        self.ask("reconcile", "reconcile")
        self.check("reconciled")

    def error(self):
        self.stack.repository("acme/net", {"main.tf": FOLLOWS_FILE + 'output "x" {\n  value = nothing.like.that\n}\n'})
        self.check("error")

    def schedules(self):
        self.ask("no schedules", "schedules")
        made = self.ask("create schedule, the least", "create schedule", status=201)["id"]
        full = {**ENDPOINTS["create schedule"].required, **ENDPOINTS["create schedule"].optional}
        kept = self.ask("create schedule, all of it", "create schedule", full, status=201)["id"]
        self.ask("schedules", "schedules")
        self.ask("summary with schedules", "summary")
        for name, value in OF_A_SCHEDULE.items():
            self.ask(f"update schedule: {name}", "update schedule", {name: value}, scheduleId=made)
        self.ask("update schedule: nothing", "update schedule", {}, scheduleId=made)
        self.ask("delete schedule", "delete schedule", scheduleId=made)
        self.ask("schedules, one left", "schedules")
        self.ask("delete the other", "delete schedule", scheduleId=kept)


STEPS = ("never_run", "running", "clean", "drift", "suggest", "ignore", "reconcile", "error", "schedules")


@pytest.fixture(scope="module")
def walk():
    """Goes on after a step that failed: what it has not answered fails, the others tell."""
    with Stack(AZURE_OPENAI_API_KEY="azure-key-0123456789", AZURE_OPENAI_DEPLOYMENT="drift-model",
               AZURE_OPENAI_API_VERSION="2024-06-01") as stack:
        model = Model(stack)
        stack.settings["AZURE_OPENAI_ENDPOINT"] = model.url
        stack.start()
        stack.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        stack.apply("acme/net")
        stack.register("acme/net")
        walk = Walk(stack, model)
        walk.failures = {}
        for step in STEPS:
            try:
                getattr(walk, step)()
            except Exception as problem:  # a test below reports it
                walk.failures[step] = problem
        yield walk


def test_each_step_of_the_walk_was_made(walk):
    assert walk.failures == {}


FAILED = {**RUN, "metadata": (MEASURED, None), "error": {"code": str, "message": str}}
CANCELLED = {**RUN, "metadata": object}
APPLIED = {
    **RUN, "status": {"applied"}, "kind": {"reconcile"},
    "metadata": {**METADATA, "timings": {**TIMINGS, "apply": COUNT}, "driftAfter": {**COUNTS, "summary": str}}}


def summary_of(run):
    return {**SUMMARY, "lastRun": run}


SHORT = {**RUN, "metadata": (PLANNED, None)}  # history leaves the resources to the details


@pytest.mark.parametrize("step,shape", [
    ("never run: summary", SUMMARY),
    ("never run: history", []),
    ("running: trigger", {"runId": ID}),
    ("running: summary", SUMMARY),
    ("running: details", RUN),
    ("cancel", SUCCESS),
    ("cancelled: details", CANCELLED),
    ("cancelled: summary", summary_of(CANCELLED)),
    *[(f"{step}: {what}", shape) for step in ("clean", "drift", "reconciled")
      for what, shape in (("trigger", {"runId": ID}), ("details", RUN), ("summary", SUMMARY))],
    ("ignore", METADATA),
    ("ignored: summary", SUMMARY),
    ("reconcile", APPLIED),
    ("error: trigger", {"runId": ID}),
    ("error: details", FAILED),
    ("error: summary", summary_of(FAILED)),
    ("no schedules", {"schedules": [SCHEDULE_TOLD]}),
    ("create schedule, the least", SCHEDULE_TOLD),
    ("create schedule, all of it", SCHEDULE_TOLD),
    ("schedules", {"schedules": [SCHEDULE_TOLD]}),
    ("summary with schedules", {**SUMMARY, "lastRun": FAILED, "schedule": SUMMED_SCHEDULE}),
    *[(f"update schedule: {name}", SCHEDULE_TOLD) for name in (*OF_A_SCHEDULE, "nothing")],
    ("delete schedule", SUCCESS),
    ("schedules, one left", {"schedules": [SCHEDULE_TOLD]}),
])
def test_an_answer_has_the_shape_that_the_reference_gives_it(walk, step, shape):
    assert step in walk.answers, walk.failures
    if shape == []:
        assert walk.answers[step] == []
    else:
        fits(shape, walk.answers[step])


def test_history_is_an_array_of_runs_newest_first(walk):
    first, second, third = walk.answers["history"]
    for run, shape in ((first, SHORT), (second, SHORT), (third, CANCELLED)):
        fits(shape, run)
    assert [run["status"] for run in (first, second, third)] == ["drift_detected", "clean", "cancelled"]
    assert [run["id"] for run in (first, second, third)] == [
        walk.answers[f"{step}: trigger"]["runId"] for step in ("drift", "clean", "running")]


def test_what_drifted_has_a_fingerprint_and_what_has_not_has_none(walk):
    assert [name for name in ("clean", "drift", "reconciled") if "driftFingerprint" in walk.answers[f"{name}: details"]["metadata"]] == ["drift"]


@pytest.mark.parametrize("step,status,counts", [
    ("never run", "never_run", (0, 0, 0)), ("running", "running", (0, 0, 0)), ("cancelled", "never_run", (0, 0, 0)),
    ("clean", "clean", (1, 0, 0)), ("drift", "drift_detected", (1, 1, 1)), ("ignored", "clean", (1, 0, 1)),
    ("reconciled", "clean", (1, 0, 0)), ("error", "error", (1, 0, 0))])
def test_a_summary_tells_how_the_workspace_stands(walk, step, status, counts):
    summary = walk.answers[f"{step}: summary"]
    assert summary["status"] == status
    assert (summary["totalResources"], summary["driftedCount"], len(summary["driftedResources"])) == counts
    assert (summary["lastRun"] is None) == (step == "never run")


def test_the_last_run_of_a_summary_is_the_run_of_its_id(walk):
    for step in ("running", "cancelled", "clean", "drift", "reconciled", "error"):
        told, details = walk.answers[f"{step}: summary"]["lastRun"], walk.answers[f"{step}: details"]
        assert (step, told["id"], told["status"], told["metadata"]) == (step, details["id"], details["status"], details["metadata"])


def test_details_have_the_plan_and_the_resources(walk):
    run = walk.answers["drift: details"]
    resource, = run["metadata"]["driftedResources"]
    assert "terraform_data.it will be updated in-place" in run["output"]
    assert (resource["address"], resource["action"], resource["severity"]) == ("terraform_data.it", "update", "warning")
    change, = (change for change in resource["changes"] if change["attribute"] == "input")
    assert (change["before"], change["after"], change["action"]) == ("as it should be\n", "changed by hand\n", "update")


def test_ignore_answers_the_metadata_as_it_is_now(walk):
    resource, = walk.answers["ignore"]["driftedResources"]
    assert resource["ignored"] is True and walk.answers["ignore"]["driftedCount"] == 0
    before = walk.answers["drift: details"]["metadata"]
    assert {**walk.answers["ignore"], "driftedCount": 1, "driftedResources": before["driftedResources"]} == before


def test_reconcile_answers_what_the_apply_came_to(walk):
    run = walk.answers["reconcile"]
    assert "Apply complete! Resources: 0 added, 1 changed, 0 destroyed." in run["output"]
    assert run["metadata"]["toChange"] == 1 and run["metadata"]["driftAfter"]["driftedCount"] == 0
    assert "changed by hand" in (walk.stack.dir / "state" / "p-w.tfstate").read_text()


@pytest.mark.parametrize("step,addresses", [
    ("suggest, one", ["terraform_data.it"]), ("suggest, some", ["aws_s3_bucket.logs", "aws_s3_bucket.web"])])
def test_suggestions_stream_as_text_while_the_model_speaks(walk, step, addresses):
    assert step in walk.answers, walk.failures
    status, media, words, asked = walk.answers[step]
    assert (status, media) == (200, "text/plain; charset=utf-8") and words == [WORDS[0], "".join(WORDS[1:])]
    assert asked["path"] == "/openai/deployments/drift-model/chat/completions?api-version=2024-06-01"
    assert asked["headers"]["api-key"] == "azure-key-0123456789"
    body = json.loads(asked["body"])
    said = json.dumps(body["messages"])
    assert body["stream"] is True
    assert all(address in said for address in addresses)


def test_schedules_are_what_was_asked_for(walk):
    least, whole = walk.answers["create schedule, the least"], walk.answers["create schedule, all of it"]
    assert (least["enabled"], least["label"], least["nextRunAt"]) == (False, None, None)
    assert {name: whole[name] for name in OF_A_SCHEDULE} == OF_A_SCHEDULE and whole["nextRunAt"]
    assert {one["id"] for one in walk.answers["schedules"]["schedules"]} == {least["id"], whole["id"]}
    summary = walk.answers["summary with schedules"]
    assert summary["schedule"]["id"] == whole["id"] and summary["schedule"]["nextRun"] == whole["nextRunAt"]
    assert {one["id"] for one in summary["schedules"]} == {least["id"], whole["id"]}
    changed = walk.answers["update schedule: nothing"]
    assert {name: changed[name] for name in OF_A_SCHEDULE} == OF_A_SCHEDULE and changed["nextRunAt"]
    assert walk.answers["no schedules"] == {"schedules": []}
    assert walk.answers["schedules, one left"] == {"schedules": [whole]}


# ---- parameters ----
@pytest.fixture(scope="module")
def door():
    """Redis and an api with a workspace: nothing comes to a worker."""
    with Stack(AZURE_OPENAI_ENDPOINT="http://127.0.0.1:9", AZURE_OPENAI_API_KEY="azure-key-0123456789",
               AZURE_OPENAI_DEPLOYMENT="drift-model") as stack:
        stack.start_redis()
        stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        stack.register("acme/net")
        stack.run_id = stack.trigger()
        answer = stack.post("/api/v1/drift/schedule", ENDPOINTS["create schedule"].required)
        assert answer.status == 201, answer
        stack.schedule_id = answer.json["id"]
        yield stack


def send(stack, endpoint, query=None, body=None, **options):
    params = {"runId": stack.run_id, "scheduleId": stack.schedule_id}
    return stack.request(endpoint.method, endpoint.target(query, **{**params, **options.pop("params", {})}), body, **options)


def refused(answer, status, code, fields=()):
    assert answer.status == status, answer
    assert (answer.json["success"], answer.json["data"], answer.json["error"]["code"]) == (False, None, code)
    if fields:
        assert {detail["field"] for detail in answer.json["error"]["details"]} == set(fields), answer
    return answer.json["error"]["message"]


def rows(attribute):
    return [(name, key) for name, endpoint in ENDPOINTS.items() for key in getattr(endpoint, attribute)]


def less(pairs, key):
    return {name: value for name, value in pairs.items() if name != key}


@pytest.mark.parametrize("name,key", rows("query") + rows("required"))
def test_a_required_parameter_that_is_missing_is_named(door, name, key):
    endpoint = ENDPOINTS[name]
    body = less(endpoint.required, key) if endpoint.required else None
    message = refused(send(door, endpoint, less(endpoint.query, key), body), 400, "VALIDATION_ERROR", [key])
    assert re.fullmatch(rf"missing required parameter: {key}(, or runId)?", message)


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if len(endpoint.query) + len(endpoint.required) > 1])
def test_all_that_are_missing_are_named_at_once(door, name):
    endpoint = ENDPOINTS[name]
    answer = send(door, endpoint, {}, {} if endpoint.required else None)
    refused(answer, 400, "VALIDATION_ERROR", [*endpoint.query, *endpoint.required])


@pytest.mark.parametrize("name,key", rows("required") + rows("optional"))
def test_a_parameter_of_another_type_is_refused(door, name, key):
    endpoint = ENDPOINTS[name]
    value = {**endpoint.required, **endpoint.optional}[key]
    wrong = "yes" if isinstance(value, (bool, list)) else 7
    refused(send(door, endpoint, body={**endpoint.required, key: wrong}), 400, "VALIDATION_ERROR", [key])


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_endpoint_wants_a_token(door, name):
    endpoint = ENDPOINTS[name]
    refused(send(door, endpoint, body=endpoint.required or None, token=None), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if "{" in endpoint.path])
def test_an_id_that_nothing_has_is_not_found(door, name):
    endpoint = ENDPOINTS[name]
    params = {"runId": UNKNOWN, "scheduleId": UNKNOWN}
    body = endpoint.required or endpoint.optional or None
    refused(send(door, endpoint, body=body, params=params), 404, "NOT_FOUND")


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if {**endpoint.query, **endpoint.required}.get("projectId")])
def test_a_workspace_that_is_not_there_is_not_found(door, name):
    endpoint = ENDPOINTS[name]
    other = {"workspaceId": "other"}
    answer = send(door, endpoint, {**endpoint.query, **other} if endpoint.query else None,
                  {**endpoint.required, **other} if endpoint.required else None)
    refused(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
@pytest.mark.parametrize("action", ["update", "create", "delete"])
def test_suggestions_take_every_word_of_the_reference(door, severity, action):
    """No model is there: what comes back is not that the request was wrong."""
    answer = send(door, ENDPOINTS["ai-suggest"], body={"resources": [{**ASKED, "severity": severity, "action": action}]})
    refused(answer, 503, "SERVICE_UNAVAILABLE")
