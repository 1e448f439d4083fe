"""Secrets appear nowhere: not in Redis, not in a log, not in an answer."""
from conftest import needs_terraform
from stack import ROOT, until

pytestmark = needs_terraform

VARIABLE = "hcl-sensitive-7f3a9c0d"
TOKEN_IN_URL = "clone-token-51e2b8aa"

SENSITIVE = """
terraform {
  backend "local" {}
}
variable "world" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "hcl-sensitive-7f3a9c0d"
}
resource "terraform_data" "it" {
  input = { user = file("${var.world}/it"), password = "${var.password}-${file("${var.world}/it")}" }
}
output "password" {
  value     = var.password
  sensitive = true
}
"""


def nowhere(stack, secret, *answers):
    assert secret.encode() not in stack.redis_text()
    for log in (stack.dir / "log").iterdir():
        assert secret.encode() not in log.read_bytes(), log.name
    for answer in answers:
        assert secret not in answer.text


def answers(stack, run):
    paths = (f"/api/v1/runs/{run['id']}", f"/api/v1/runs/{run['id']}/log", "/api/v1/drift/history?projectId=p&workspaceId=w&full=1&limit=5",
             "/api/v1/drift?projectId=p&workspaceId=w", "/api/v1/workers", "/metrics", "/status")
    return [stack.get(path) for path in paths]


def test_a_variable_marked_sensitive_is_masked_in_report_and_output(kedge):
    kedge.repository("acme/net", {"main.tf": SENSITIVE})
    kedge.apply("acme/net")
    (kedge.world / "it").write_text("moved\n")
    kedge.register("acme/net")
    run = kedge.check()
    assert run["status"] == "drift_detected", run
    resource, = run["metadata"]["driftedResources"]
    assert any(change["sensitive"] and "(sensitive)" in (change["before"], change["after"]) for change in resource["changes"]), resource
    nowhere(kedge, VARIABLE, *answers(kedge, run))


def test_the_token_of_a_clone_url_is_sent_and_never_shown(kedge):
    kedge.repository("acme/net", {"main.tf": SENSITIVE})
    server = kedge.spawn("git-http", "/usr/bin/python3", ROOT / "tests/support/git_http.py", kedge.dir / "git", "--password", TOKEN_IN_URL)
    port = until(lambda: server.log.read_text().split("\n")[0].split()[-1] if "\n" in server.log.read_text() else None)
    kedge.processes["worker"].stop()
    kedge.start_api(git_url=f"http://127.0.0.1:{port}")
    kedge.start_worker("tokenless", git_url=f"http://127.0.0.1:{port}")
    kedge.register("acme/net")
    refused = kedge.check()
    assert refused["error"]["code"] == "REPOSITORY_NOT_FOUND", refused
    kedge.processes["tokenless"].stop()
    kedge.start_worker("with-token", git_url=f"http://127.0.0.1:{port}", git_token=TOKEN_IN_URL)
    run = kedge.check()
    assert run["status"] in ("clean", "drift_detected"), run
    nowhere(kedge, TOKEN_IN_URL, *answers(kedge, run), *answers(kedge, refused))
