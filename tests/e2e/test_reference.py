"""The reference of the Atlantis API, sample by sample: its curl commands against a started stack, and the answers to them
field by field; then its tables of errors, row by row."""
import json
import re
import shlex
import subprocess

import pytest

import openapi_check
import reference_samples as samples
from conftest import needs_terraform
from stack import PATIENCE, TOKEN, Stack, until

pytestmark = needs_terraform

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# What cannot be equal to the sample, and what it is like instead; all other values are equal.
VARIES = {
    "request_id": UUID, "timestamp": TIME, "id": UUID, "executed_at": TIME, "started_at": TIME, "completed_at": TIME,
    "detected_at": TIME, "checked_at": TIME, "last_checked": TIME, "locked_at": TIME, "locked_by": r"api", "version": r"\d+\.\d+\.\d+",
    "pull_request_url": r".+/owner/repo/pull/123", "error": r"(?s).+"}
# Terraform's words as they are today.
PLANNED = r"(?s).*Terraform will perform the following actions:.*"
UNCHANGED = r"(?s).*No changes\. Your infrastructure matches the configuration\..*"
WORDS = {
    "<terraform plan output>": PLANNED,
    "Terraform will perform the following actions:\n  # aws_vpc.main will be updated...": PLANNED,
    "No changes. Infrastructure is up-to-date.": UNCHANGED,
    "Apply complete! Resources: 2 added, 1 changed, 0 destroyed.": r"(?s).*Apply complete! Resources: 2 added, 1 changed, 0 destroyed\..*",
    "Apply complete! Resources: 0 added, 1 changed, 0 destroyed.": r"(?s).*Apply complete! Resources: 0 added, 1 changed, 0 destroyed\..*"}


def same(sample, answer, at="", more=()):
    """Every field of the sample and no other (but `more`), equal or like it."""
    if isinstance(sample, dict):
        assert isinstance(answer, dict), at
        assert set(answer) - set(more) == set(sample) - set(more) or set(answer) == set(sample), \
            f"{at}: {sorted(answer)} instead of {sorted(sample)}"
        for key in sample:
            same(sample[key], answer[key], f"{at}/{key}", more)
    elif isinstance(sample, list):
        assert isinstance(answer, list) and len(answer) == len(sample), f"{at}: {answer}"
        for number, (one, other) in enumerate(zip(sample, answer)):
            same(one, other, f"{at}/{number}", more)
    else:
        same_value(sample, answer, at)


def same_value(sample, answer, at):
    assert type(answer) is type(sample), f"{at}: {answer!r} instead of {sample!r}"
    name = at.rsplit("/", 1)[-1]
    pattern = WORDS.get(sample) if isinstance(sample, str) else None
    if pattern is None and isinstance(sample, str) and not (name == "id" and "/locks/" in at):
        pattern = VARIES.get(name)
    if pattern:
        assert re.fullmatch(pattern, answer), f"{at}: {answer!r} is not like {pattern}"
    else:
        assert answer == sample, f"{at}: {answer!r} instead of {sample!r}"


def curl(stack, command, **replaced):
    """Runs a sample as it stands, and returns the body of its answer."""
    for old, new in {"https://<ATLANTIS_HOST_NAME>": f"http://127.0.0.1:{stack.port}", "<ATLANTIS_API_SECRET>": TOKEN, **replaced}.items():
        command = command.replace(old, new)
    arguments = shlex.split(command.replace("\\\n", " "))
    done = subprocess.run(arguments + ["-sS", "--max-time", str(60 * PATIENCE), "-w", "\n%{http_code} %{content_type}"],
                          capture_output=True, text=True, check=True)
    body, _, last = done.stdout.rpartition("\n")
    status, _, media = last.partition(" ")
    method, url = arguments[2], arguments[3]
    if openapi_check.available():
        openapi_check.check(method, url.split(str(stack.port), 1)[1], int(status), {"Content-Type": media}, body.encode())
    assert status == "200", f"{command}\n{done.stdout}"
    return json.loads(body)


# ---- the walk: each step makes the world as a sample has it, and asks ----
PROJECTS = """
version: 3
projects:
- {{name: vpc, dir: modules/vpc, workspace: production}}
- {{name: ec2, dir: modules/ec2, workspace: {ec2}}}
"""
VPC_AND_EC2 = {"Repository": "owner/repo", "Ref": "main", "Type": "Github", "Projects": ["vpc", "ec2"]}
REMEDIATE = {"repository": "owner/repo", "ref": "main", "type": "Github", "projects": ["vpc", "ec2"]}


class Walk:
    def __init__(self, stack):
        self.stack = stack
        self.answers = {}

    def ask(self, name, command, **replaced):
        self.answers[name] = curl(self.stack, command, **replaced)
        return self.answers[name]

    def push(self, **files):
        """The files of main that are named: top, vpc, ec2, yaml."""
        paths = {"top": "main.tf", "vpc": "modules/vpc/main.tf", "ec2": "modules/ec2/main.tf", "yaml": "atlantis.yaml"}
        self.stack.repository("owner/repo", {paths[name]: text for name, text in files.items()})

    def nothing(self):
        self.ask("no locks", samples.LOCKS)
        self.ask("no drift data", samples.STATUS_OF_DRIFT)
        self.ask("no remediations", samples.REMEDIATIONS)
        self.ask("health", samples.HEALTHZ)
        self.ask("status", samples.STATUS + f" --header 'X-Atlantis-Token: {TOKEN}'")

    def set_up(self):
        stack = self.stack
        stack.change_world(**dict.fromkeys("abcdetuv", "1\n"))
        self.push(top=stack.root("top", "t"), vpc=stack.root("vpc", "a", "b"), ec2=stack.root("ec2", "e"),
                  yaml=PROJECTS.format(ec2="production"))
        stack.pull_request("owner/repo", 1, {})
        assert stack.ask("/api/apply", VPC_AND_EC2)["success_count"] == 2
        top = {"Repository": "owner/repo", "Ref": "main", "Type": "Github", "Paths": [{"Directory": "."}], "PR": 1}
        assert stack.ask("/api/apply", top)["success_count"] == 1

    def detect(self):
        self.stack.change_world(a="2\n", b="2\n")
        self.push(vpc=self.stack.root("vpc", "a", "b", "c"))
        self.ask("detect projects", samples.DETECT_PROJECTS)
        self.ask("detect paths", samples.DETECT_PATHS)

    def drift_status(self):
        self.stack.change_world(b="1\n")
        self.push(vpc=self.stack.root("vpc", "a", "b", "c", "d"))
        self.stack.ask("/api/drift/detect", {**REMEDIATE, "projects": ["vpc"]})
        self.ask("drift status", samples.STATUS_OF_DRIFT)
        self.ask("drift status, filtered", samples.STATUS_OF_DRIFT_FILTERED)

    def remediate(self):
        self.push(vpc=self.stack.root("vpc", "a", "b"))
        self.stack.change_world(e="2\n")
        self.stack.ask("/api/drift/detect", REMEDIATE)
        self.stack.change_world(e="1\n")
        plan = self.ask("remediate: plan", samples.REMEDIATE_PLAN)
        self.push(yaml=PROJECTS.format(ec2="staging"))
        self.ask("remediate: apply", samples.REMEDIATE_APPLY)
        self.push(yaml=PROJECTS.format(ec2="production"), ec2=self.stack.root("ec2", more="output \"x\" {\n  value = nothing.like.that\n}\n"))
        answer = self.stack.post("/api/drift/remediate", {**REMEDIATE, "action": "plan"})
        self.answers["remediate: partial"] = answer.json
        self.ask("remediations", samples.REMEDIATIONS)
        self.ask("remediations, limited", samples.REMEDIATIONS_LIMITED)
        self.ask("remediation", samples.REMEDIATION, **{"550e8400-e29b-41d4-a716-446655440000": plan["data"]["id"]})

    def plan_and_apply(self):
        stack = self.stack
        stack.change_world(t="2\n")
        self.push(top=stack.root("top", "t", "u", "v"), vpc=stack.root("vpc", more="output \"x\" {\n  value = nothing.like.that\n}\n"))
        stack.pull_request("owner/repo", 2, {})
        self.answers["plan: project error"] = stack.post("/api/plan", {**VPC_AND_EC2, "Projects": ["vpc"]}).json
        self.ask("plan", samples.PLAN_WITHOUT_ONE)
        self.ask("plan of a pull request", samples.PLAN_OF_A_PULL_REQUEST)
        self.ask("apply", samples.APPLY)

    def locks(self):
        stack = self.stack
        stack.gate("gate")
        stack.pull_request("owner/repo", 123, {
            "main.tf": stack.root("top", "t", "u", "v", "gate"), "atlantis.yaml": "version: 3\nprojects:\n- {name: terraform, dir: .}\n"})
        order = {"Repository": "owner/repo", "Ref": "main", "Type": "Github", "Projects": ["terraform"], "PR": 123}
        run = stack.ask("/api/plan", order, 202, headers={"Prefer": "respond-async"})["runId"]
        reader = stack.waits_at_gate("gate")
        self.ask("locks", samples.LOCKS)
        stack.open_gate("gate", reader)
        until(lambda: stack.run(run)["status"] not in ("queued", "running"), 30, "the plan ends")


@pytest.fixture(scope="module")
def walk():
    """Goes on after a step that failed: its samples fail, the others tell."""
    with Stack() as stack:
        stack.settings["github_url"] = f"file://{stack.dir}/git"
        stack.start()
        walk = Walk(stack)
        walk.failures = {}
        for step in ("nothing", "set_up", "detect", "drift_status", "remediate", "plan_and_apply", "locks"):
            try:
                getattr(walk, step)()
            except Exception as problem:  # a test below reports it
                walk.failures[step] = problem
        yield walk


def unordered(answer):
    """The request does not say which order the projects of the answer have: that of the sample."""
    answer = json.loads(json.dumps(answer))
    answer["data"]["projects"].sort(key=lambda project: project["project_name"], reverse=True)
    return answer


def test_each_step_of_the_walk_was_made(walk):
    assert walk.failures == {}


@pytest.mark.parametrize("name,sample,more,order", [
    ("plan of a pull request", samples.PLAN_SUCCESS, (), None),
    ("plan", samples.PLAN_SUCCESS, (), None),
    ("plan: project error", samples.PLAN_PROJECT_ERROR, (), None),
    ("apply", samples.APPLY_SUCCESS, (), None),
    ("remediate: plan", samples.REMEDIATION_PLAN, (), unordered),
    ("remediate: apply", samples.REMEDIATION_APPLY, (), None),
    ("remediate: partial", samples.REMEDIATION_PARTIAL, (), None),
    ("detect projects", samples.DETECT_SUCCESS, (), None),
    ("detect paths", samples.DETECT_SUCCESS, (), None),
    ("locks", samples.LOCKS_HELD, (), None),
    ("no locks", samples.LOCKS_NONE, (), None),
    ("drift status", samples.STATUS_WITH_DRIFT, (), unordered),
    ("no drift data", samples.STATUS_WITHOUT_DATA, (), None),
    ("no remediations", samples.REMEDIATION_LIST_EMPTY, (), None),
    # The sample leaves drift_after out, which the remediation had when it was made.
    ("remediation", samples.REMEDIATION_BY_ID, ("drift_after",), unordered),
    ("status", samples.STATUS_OF_SERVER, (), None),
    ("health", samples.HEALTH, (), None),
])
def test_a_sample_is_answered_field_by_field(walk, name, sample, more, order):
    assert name in walk.answers, walk.failures
    answer = walk.answers[name]
    same(sample, order(answer) if order else answer, more=more)


def test_filters_leave_one_project_of_the_status(walk):
    data = walk.answers["drift status, filtered"]["data"]
    wanted = [project for project in walk.answers["drift status"]["data"]["projects"] if project["project_name"] == "vpc"]
    assert data["projects"] == wanted
    assert data["summary"] == {"total_projects": 1, "projects_with_drift": 1, "projects_without_drift": 0, "projects_with_errors": 0}


def test_the_older_check_is_told_as_older(walk):
    checked = {project["project_name"]: project["last_checked"] for project in walk.answers["drift status"]["data"]["projects"]}
    assert checked["ec2"] < checked["vpc"]


def test_remediations_are_listed_newest_first_without_their_projects(walk):
    listed = walk.answers["remediations"]
    sample = samples.REMEDIATION_LIST["data"]["results"][0]
    assert set(listed["data"]) == set(samples.REMEDIATION_LIST["data"]) and listed["data"]["repository"] == "owner/repo"
    assert listed["data"]["count"] == len(listed["data"]["results"]) == 3
    made = [walk.answers[name]["data"] for name in ("remediate: partial", "remediate: apply", "remediate: plan")]
    for entry, one in zip(listed["data"]["results"], made):
        assert set(entry) == set(sample) and entry == {**one, "projects": []}
    assert walk.answers["remediations, limited"]["data"] == listed["data"]


def test_a_remediation_by_id_is_what_its_request_got(walk):
    assert walk.answers["remediation"]["data"] == walk.answers["remediate: plan"]["data"]


# ---- the tables of errors ----
@pytest.fixture(scope="module")
def doors():
    """Redis and three apis: one as usual, one without drift storage, one without a secret."""
    with Stack(repo_allowlist="*,!*/other/*") as stack:
        stack.settings["github_url"] = f"file://{stack.dir}/git"
        stack.start_redis()
        stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        stack.ports = {
            "": None, "no storage": stack.start_another_api("no-storage", drift_storage=False),
            "no secret": stack.start_another_api("no-secret", api_secret=None)}
        yield stack


ORDER = {"repository": "owner/repo", "ref": "main", "type": "Github"}
NAMED = {**ORDER, "projects": ["vpc"]}
OTHER = {**NAMED, "repository": "other/repo"}
QUERY = "?repository=owner/repo"
UNKNOWN = "/api/drift/remediate/550e8400-e29b-41d4-a716-446655440000"
POSTS = ("/api/plan", "/api/apply", "/api/drift/remediate", "/api/drift/detect")


def without(key):
    return {name: value for name, value in NAMED.items() if name != key}


@pytest.mark.parametrize("path,body,options,status,code", [
    # The codes of all endpoints.
    *[(path, without(key), {}, 400, "VALIDATION_ERROR") for path in POSTS for key in ("repository", "ref", "type")],
    *[(path, NAMED, {"token": None}, 401, "UNAUTHORIZED") for path in POSTS],
    *[(path, NAMED, {"token": "not-the-token-0123456789"}, 401, "UNAUTHORIZED") for path in POSTS],
    *[(path, OTHER, {}, 403, "FORBIDDEN") for path in POSTS],
    *[(path, NAMED, {"door": "no secret"}, 503, "SERVICE_UNAVAILABLE") for path in POSTS if path != "/api/drift/remediate"],
    # Plan and apply: neither Projects nor Paths.
    *[(path, ORDER, {}, 400, "VALIDATION_ERROR") for path in ("/api/plan", "/api/apply")],
    # POST /api/drift/remediate
    ("/api/drift/remediate", {**NAMED, "action": "destroy"}, {}, 400, "VALIDATION_ERROR"),
    ("/api/drift/remediate", NAMED, {"door": "no secret"}, 400, "VALIDATION_ERROR"),
    ("/api/drift/remediate", NAMED, {"door": "no storage"}, 503, "SERVICE_UNAVAILABLE"),
    # POST /api/drift/detect
    ("/api/drift/detect", NAMED, {"door": "no storage"}, 503, "SERVICE_UNAVAILABLE"),
    # GET /api/drift/status
    ("/api/drift/status", None, {"token": None}, 400, "VALIDATION_ERROR"),
    ("/api/drift/status" + QUERY, None, {"door": "no storage"}, 503, "SERVICE_UNAVAILABLE"),
    # GET /api/drift/remediate
    ("/api/drift/remediate", None, {"token": None}, 400, "VALIDATION_ERROR"),
    ("/api/drift/remediate" + QUERY, None, {"door": "no storage"}, 503, "SERVICE_UNAVAILABLE"),
    # GET /api/drift/remediate/{id}
    ("/api/drift/remediate/", None, {"token": None}, 400, "VALIDATION_ERROR"),
    (UNKNOWN, None, {"token": None}, 404, "NOT_FOUND"),
    (UNKNOWN, None, {"door": "no storage"}, 503, "SERVICE_UNAVAILABLE"),
])
def test_a_row_of_an_error_table(doors, path, body, options, status, code):
    options = dict(options)
    port = doors.ports[options.pop("door", "")]
    answer = doors.request("GET" if body is None else "POST", path, body, port=port, **options)
    assert answer.status == status, answer
    assert answer.json["error"]["code"] == code and answer.json["data"] is None and answer.json["success"] is False


@pytest.mark.parametrize("path,body,sample", [
    ("/api/drift/status", None, samples.ERROR_FORMAT),
    ("/api/drift/remediate", None, samples.ERROR_FORMAT),
    ("/api/drift/detect", without("repository"), samples.ERROR_FORMAT),
    ("/api/plan", without("repository"), samples.ERROR_FORMAT),
    ("/api/plan", ORDER, samples.PLAN_ERROR),
    ("/api/apply", ORDER, samples.PLAN_ERROR),
])
def test_an_error_has_the_form_and_the_words_of_the_reference(doors, path, body, sample):
    answer = doors.request("GET" if body is None else "POST", path, body)
    assert answer.status == 400
    # `details`: every bad field at once.
    same({**sample, "error": None}, {**answer.json, "error": None})
    assert {key: answer.json["error"][key] for key in ("code", "message")} == sample["error"]
    assert set(answer.json["error"]) <= {"code", "message", "details"}


def test_without_a_secret_the_api_is_disabled(doors):
    for path in POSTS:
        assert "KEDGE_API_SECRET" in doors.post(path, NAMED, port=doors.ports["no secret"]).json["error"]["message"]


def test_reads_need_no_token_unless_they_shall(doors):
    shut = doors.start_another_api("auth-reads", auth_reads=True)
    for path in ("/api/locks", "/api/drift/status" + QUERY, "/api/drift/remediate" + QUERY, "/status"):
        assert doors.get(path, token=None).status == 200
        assert doors.get(path, token=None, port=shut).status == 401
        assert doors.get(path, port=shut).status == 200
    assert doors.get(UNKNOWN, token=None, port=shut).status == 401
    assert doors.get("/healthz", token=None, port=shut).status == 200


def test_what_is_stored_broken_is_an_internal_error_without_detail(walk):
    """The rows of 500: nothing else makes one."""
    stack = walk.stack
    drift, = stack.redis_cli("keys", "{kedge}:drift:*").split()
    batches, = stack.redis_cli("keys", "{kedge}:batches:*").split()
    batch = "{kedge}:batch:" + UNKNOWN.rsplit("/", 1)[1]
    for key in (drift, batches, batch):
        stack.redis_cli("set", key, "broken")
    for method, path, body in (
            ("GET", "/api/drift/status" + QUERY, None), ("GET", "/api/drift/remediate" + QUERY, None), ("GET", UNKNOWN, None),
            ("POST", "/api/drift/remediate", ORDER), ("POST", "/api/drift/detect", NAMED), ("POST", "/api/plan", NAMED)):
        answer = stack.request(method, path, body)
        assert (path, answer.status) == (path, 500), answer
        assert answer.json["error"] == {"code": "INTERNAL_ERROR", "message": "internal error"}
        request_id = answer.json["request_id"]
        assert any(line.get("request_id") == request_id and line["reason"] for line in stack.processes["api"].events("request_failed"))
