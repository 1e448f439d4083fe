"""Ignoring drift: rules of a run, of the workspace, of its document; how often each matched;
what no rule can hide. Stored runs are judged again without a plan."""
import time

from conftest import needs_terraform
from stack import FOLLOWS_FILE, until

pytestmark = needs_terraform

WORKSPACE = "/api/v1/projects/p/workspaces/w"
SUMMARY = "/api/v1/drift?projectId=p&workspaceId=w"
# Its keys are what a careless rule would take for patterns or quotes.
KEYS = """
terraform {
  backend "local" {}
}
variable "world" { type = string }
resource "terraform_data" "of" {
  for_each = toset(["a*b", "aXb", "q?[0]", "n"])
  input    = "${each.key} ${file("${var.world}/it")}"
}
"""
REPLACED = FOLLOWS_FILE + """
resource "terraform_data" "new" {
  triggers_replace = file("${var.world}/it")
}
"""


def rules(kedge):
    answer = kedge.get(WORKSPACE)
    assert answer.status == 200, answer
    return answer.json["ignoreRules"]


def ignore(kedge, run, address, status=200, **fields):
    answer = kedge.post(f"/api/v1/drift/{run['id']}/ignore", {"resourceAddress": address, **fields})
    assert answer.status == status, answer
    return answer.json


def forget(kedge, rule_id):
    return kedge.request("DELETE", f"{WORKSPACE}/ignore/{rule_id}").status


def drifted(kedge, what="changed by hand\n"):
    """A check that finds drift, which the scheduler has judged by the rules that were there."""
    (kedge.world / "it").write_text(what)
    run = kedge.check()
    assert run["status"] == "drift_detected", run
    until(lambda: kedge.redis_cli("llen", "{kedge}:outbox").strip() == "0", 20, "the outbox is empty")
    return run


def keyed(kedge, **fields):
    kedge.repository("acme/net", {"main.tf": KEYS})
    kedge.apply("acme/net")
    kedge.register("acme/net", **fields)
    return kedge


def in_a_moment(seconds):
    at = time.time() + seconds
    return at, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def everywhere(kedge, run):
    """How many drifted resources count, by all who say so; they must agree."""
    counts = {
        "run": kedge.run(run["id"])["metadata"]["driftedCount"],
        "summary": kedge.get(SUMMARY).json["driftedCount"],
        "project": kedge.get("/api/v1/projects/p/drift").json["workspaces"][0]["driftedCount"],
        "history": kedge.get("/api/v1/drift/history?projectId=p&workspaceId=w&full=1&limit=1").json[0]["metadata"][
            "driftedCount"],
    }
    assert len(set(counts.values())) == 1, counts
    return counts["run"]


def test_a_rule_is_listed_counted_and_taken_back(applied):
    run = drifted(applied)
    assert rules(applied) == []
    ignore(applied, run, "terraform_data.it", scope="workspace", reason="known")
    rule, = rules(applied)
    assert (rule["source"], rule["scope"], rule["address"]) == ("request", "workspace", "terraform_data.it")
    assert (rule["attribute"], rule["reason"], rule["runId"], rule["expiresAt"]) == (None, "known", None, None)
    assert rule["createdAt"] > run["endedAt"] and rule["expired"] is False
    assert rule["createdBy"], "the name of the token"
    assert (rule["matches"], rule["lastMatchedAt"]) == (0, None)
    assert everywhere(applied, run) == 0
    for count, text in ((1, "once\n"), (2, "twice\n")):
        ended = drifted(applied, text)
        assert ended["metadata"]["driftedCount"] == 0 and ended["metadata"]["driftedResources"][0]["ignored"]
        rule = until(lambda: [r for r in rules(applied) if r["matches"] >= count], 20, "the match is counted")[0]
        assert rule["matches"] == count and rule["lastMatchedAt"] >= ended["endedAt"][:19]
    assert forget(applied, rule["id"]) == 200
    assert rules(applied) == [] and everywhere(applied, ended) == 1
    assert forget(applied, rule["id"]) == 404
    assert applied.get(SUMMARY).json["status"] == "drift_detected"


def test_taking_a_rule_back_moves_the_etag_of_stored_runs(applied):
    run = drifted(applied)
    path = f"/api/v1/runs/{run['id']}"

    def etag():
        return applied.get(path).headers["ETag"]

    first = etag()
    ignore(applied, run, "terraform_data.it")
    ignored = etag()
    ignore(applied, run, "terraform_data.it")
    assert etag() == ignored != first, "the same rule again is no change"
    assert applied.get(path, headers={"If-None-Match": ignored}).status == 304
    assert forget(applied, rules(applied)[0]["id"]) == 200
    answer = applied.get(path, headers={"If-None-Match": ignored})
    assert answer.status == 200 and answer.headers["ETag"] not in (first, ignored)
    assert answer.json["metadata"]["driftedCount"] == 1


def test_only_rules_of_requests_are_taken_back(applied):
    applied.register("acme/net", ignore=[{"address": "*", "attribute": "input"}])
    run = drifted(applied)
    rule, = rules(applied)
    assert (rule["source"], rule["createdBy"], rule["createdAt"]) == ("workspace", None, None)
    assert forget(applied, rule["id"]) == 409
    for unknown in ("revision", "0" * 32, "no..such", "%2e"):
        assert forget(applied, unknown) == 404
    assert applied.request("DELETE", "/api/v1/projects/p/workspaces/x/ignore/" + rule["id"]).status == 404
    assert applied.request("DELETE", "/api/v1/projects/x/workspaces/w/ignore/" + rule["id"]).status == 404
    assert everywhere(applied, run) == 1, "the output moved too"
    applied.register("acme/net", ignore=[{"address": "*", "attribute": "*put"}])
    assert everywhere(applied, run) == 0
    applied.register("acme/net", ignore=[])
    assert rules(applied) == [] and everywhere(applied, run) == 1


def test_an_address_of_a_request_is_no_pattern_and_one_of_the_workspace_is(kedge):
    keyed(kedge)
    run = drifted(kedge)
    assert everywhere(kedge, run) == 4
    for left, key in ((3, 'terraform_data.of["a*b"]'), (2, 'terraform_data.of["q?[0]"]')):
        metadata = ignore(kedge, run, key, scope="workspace")
        assert [r["address"] for r in metadata["driftedResources"] if r["ignored"]][-1] == key
        assert metadata["driftedCount"] == left == everywhere(kedge, run)
    ignore(kedge, run, 'terraform_data.of["*"]', status=404)
    ignore(kedge, run, 'TERRAFORM_DATA.of["n"]', status=404)
    ignore(kedge, run, "x" * 1025, status=400)
    for rule in rules(kedge):
        assert forget(kedge, rule["id"]) == 200
    for count, address in ((2, 'terraform_data.of["a*b"]'), (3, 'terraform_data.of["q?[0]"]'), (4, "Terraform_data.of*"),
                           (0, "terraform_data.of[*"), (1, 'terraform_data.of["??*"]')):
        kedge.register("acme/net", ignore=[{"address": address}])
        assert everywhere(kedge, run) == count, address


def test_a_rule_ends_at_its_time_for_stored_runs_too(applied):
    run = drifted(applied)
    path = f"/api/v1/runs/{run['id']}"
    at, text = in_a_moment(3)
    metadata = ignore(applied, run, "terraform_data.it", expiresAt=text)
    before = applied.get(path)
    if time.time() < at:  # on a machine that is slow it has ended by now
        assert metadata["driftedCount"] == 0
        assert rules(applied)[0]["expired"] is False or time.time() >= at
    answer = until(lambda: (lambda a: a.json["metadata"]["driftedCount"] == 1 and a)(applied.get(path)), 20, "the rule ends")
    assert time.time() >= at
    assert answer.headers["ETag"] != before.headers["ETag"] or before.json["metadata"]["driftedCount"] == 1
    assert everywhere(applied, run) == 1
    rule, = rules(applied)
    assert rule["expired"] is True and rule["expiresAt"] == text
    assert forget(applied, rule["id"]) == 200 and rules(applied) == []


def test_no_rule_hides_a_delete_or_a_replace(kedge):
    kedge.repository("acme/net", {"main.tf": REPLACED})
    kedge.apply("acme/net")
    kedge.register("acme/net", ignore=[{"address": "*"}, {"address": "*", "attribute": "*"}])
    run = drifted(kedge)
    shown = {r["address"]: (r["action"], r["ignored"]) for r in run["metadata"]["driftedResources"]}
    assert shown == {"terraform_data.it": ("update", True), "terraform_data.new": ("replace", False)}
    for scope in ("run", "workspace"):
        ignore(kedge, run, "terraform_data.new", status=409, scope=scope)
    kedge.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    gone = kedge.check()
    shown = {r["address"]: (r["action"], r["ignored"]) for r in gone["metadata"]["driftedResources"]}
    assert shown["terraform_data.new"] == ("delete", False) and everywhere(kedge, gone) == 1
    assert kedge.get(SUMMARY).json["status"] == "drift_detected"


def test_a_rule_for_a_run_that_is_gone_is_404(applied):
    run = drifted(applied)
    applied.redis_cli("del", "{kedge}:run:" + run["id"])
    ignore(applied, run, "terraform_data.it", status=404)
    assert rules(applied) == []


def test_matches_are_counted_once_by_two_schedulers_one_of_which_dies(kedge):
    kedge.start_scheduler("scheduler2")
    keyed(kedge, ignore=[{"address": 'terraform_data.of["a*"]'}, {"address": "*", "attribute": "*put"}])
    wanted, checks = [2, 2], 4
    for number in range(checks):
        drifted(kedge, f"turn {number}\n")
        if number == 1:
            kedge.processes["scheduler2"].kill()
    listed = until(lambda: (lambda found: sum(r["matches"] for r in found) >= checks * 4 and found)(rules(kedge)), 30,
                   "all matches are counted")
    assert [r["matches"] for r in listed] == [checks * count for count in wanted]
    assert [r["matches"] for r in rules(kedge)] == [checks * count for count in wanted]


def test_a_workspace_made_again_knows_nothing_of_the_old_rules(applied):
    run = drifted(applied)
    ignore(applied, run, "terraform_data.it", scope="workspace")
    drifted(applied, "again\n")
    until(lambda: rules(applied)[0]["matches"] == 1, 20, "the match is counted")
    assert applied.request("DELETE", WORKSPACE).status == 200
    applied.register("acme/net")
    assert rules(applied) == []
    assert "ignored:" not in applied.redis_cli("keys", "*") and "ignores" not in applied.redis_cli("keys", "*")
