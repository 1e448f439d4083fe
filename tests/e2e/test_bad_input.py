"""What a repository or a registration can get wrong: each ends in a code and a sentence."""
import os

import pytest

from conftest import needs_terraform
from stack import FOLLOWS_FILE, until

pytestmark = needs_terraform


def error_of(run):
    assert run["status"] == "error", run
    assert run["error"]["message"] and "internal" not in run["error"]["message"].lower()
    return run["error"]["code"]


@pytest.mark.parametrize("directory", ["../x", "/etc", "a/../../x", "a\nb"])
def test_a_directory_outside_is_refused_when_it_is_registered(shared, directory):
    shared.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    answer = shared.put("/api/v1/projects/p/workspaces/w", {"directory": directory})
    assert answer.status == 400, answer
    assert [d["field"] for d in answer.json["error"]["details"]] == ["directory"]


def test_a_symbolic_link_out_of_the_repository_is_refused_by_name(shared):
    shared.repository("acme/link", {"main.tf": FOLLOWS_FILE})
    copy = shared.dir / "copies/acme/link"
    os.symlink("/etc", copy / "out")
    shared.repository("acme/link", {})
    shared.register("acme/link", "link", directory="out")
    run = shared.check("link")
    assert error_of(run) == "DIRECTORY_NOT_FOUND" and "out" in run["error"]["message"]


def test_an_unknown_directory(shared):
    shared.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    shared.register("acme/net", "dir", directory="not/there")
    run = shared.check("dir")
    assert error_of(run) == "DIRECTORY_NOT_FOUND" and "not/there" in run["error"]["message"]


def test_an_unknown_ref(shared):
    shared.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    shared.register("acme/net", "ref", ref="no-such-branch")
    run = shared.check("ref")
    assert error_of(run) == "REF_NOT_FOUND" and "no-such-branch" in run["error"]["message"]


def test_an_unknown_repository(shared):
    shared.register("acme/gone", "gone")
    run = shared.check("gone")
    assert error_of(run) == "REPOSITORY_NOT_FOUND" and "acme/gone" in run["error"]["message"]


def test_a_mistyped_terraform_workspace_creates_nothing(shared):
    shared.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    shared.register("acme/net", "mistyped", workspace="prodd")
    before = sorted(p.name for p in (shared.dir / "state").iterdir())
    shared.put("/api/v1/projects/mistyped/workspaces/w", {
        "directory": ".", "workspace": "prodd", "variables": {"world": str(shared.world)},
        "backendConfig": {"path": f"{shared.dir}/state/mistyped.tfstate"}})
    run = shared.check("mistyped")
    assert error_of(run) == "WORKSPACE_NOT_FOUND" and "prodd" in run["error"]["message"]
    assert sorted(p.name for p in (shared.dir / "state").iterdir()) == before
    assert not list(shared.dir.rglob("terraform.tfstate.d"))


def test_invalid_hcl_is_terraforms_own_failure_with_its_output(shared):
    shared.repository("acme/hcl", {"main.tf": 'resource "terraform_data" {\n'})
    shared.register("acme/hcl", "hcl")
    run = shared.check("hcl")
    assert error_of(run) == "TERRAFORM_FAILED" and "main.tf" in run["output"]


def test_a_provider_that_cannot_be_had(shared):
    shared.repository("acme/provider", {
        "main.tf": 'terraform {\n  required_providers {\n    x = { source = "127.0.0.1:1/no/such" }\n  }\n}\n'})
    shared.register("acme/provider", "provider", variables=None, backendConfig=None)
    run_id = shared.trigger("provider")
    run = until(lambda: (lambda r: (r["status"] == "error" or r["attempts"] and r["status"] == "queued") and r)(
        shared.run(run_id)), 60, "an error or a retry")
    if run["status"] == "queued":  # taken for infrastructure: it waits to be tried again and says why
        assert shared.post(f"/api/v1/runs/{run_id}/cancel").status == 200
        assert shared.ended(run_id)["status"] == "cancelled"
    else:
        assert error_of(run) == "TERRAFORM_FAILED"


def test_a_plan_with_five_thousand_changes_is_counted_whole_and_listed_in_part(shared):
    shared.repository("acme/many", {"main.tf": 'resource "terraform_data" "it" {\n  count = 5000\n  input = count.index\n}\n'})
    shared.register("acme/many", "many", variables=None, backendConfig=None)
    run = shared.check("many", seconds=120)
    assert run["status"] == "drift_detected", run["error"]
    metadata = run["metadata"]
    assert metadata["toAdd"] == 5000 and metadata["driftedCount"] == 5000
    assert 0 < len(metadata["driftedResources"]) <= 2000 and metadata["truncated"] is True


def test_a_line_of_five_megabytes_and_an_output_of_fifty_are_cut_and_marked(shared):
    shared.repository("acme/long", {"main.tf": """
variable "n" { default = 1 }
locals { line = join("", [for i in range(1024) : format("%05120d", i)]) }
output "lines" { value = [for i in range(10) : "${i}${local.line}"] }
"""})
    shared.register("acme/long", "long", variables=None, backendConfig=None)
    run = shared.check("long", seconds=180)
    assert run["status"] == "clean" and run["metadata"]["outputChanges"] is True, run["error"]
    assert run["outputTruncated"] is True and len(run["output"]) <= 1024 * 1024 + 200


def test_only_outputs_changed_is_clean_with_a_mark(shared):
    shared.repository("acme/outputs", {"main.tf": 'output "x" { value = 1 }\n'})
    shared.register("acme/outputs", "outputs", variables=None, backendConfig=None)
    run = shared.check("outputs")
    assert run["status"] == "clean" and run["metadata"]["outputChanges"] is True


def test_a_repository_outside_the_allowlist_is_refused_at_registration(bare):
    bare.settings["repo_allowlist"] = "localhost/acme/*,!localhost/acme/secret"
    bare.start_redis()
    bare.start_api()
    body = {"repository": "acme/secret", "type": "Git", "ref": "main"}
    assert bare.put("/api/v1/projects/p", {**body, "repository": "acme/net"}).status == 201
    for repository in ("acme/secret", "ACME/Secret", "other/net"):
        answer = bare.put("/api/v1/projects/q", {**body, "repository": repository})
        assert answer.status == 403 and answer.json["error"]["code"] == "FORBIDDEN", answer


def test_a_repository_that_only_the_api_allows_is_refused_before_it_is_fetched(bare):
    bare.start_redis()
    bare.start_api()
    worker = bare.start_worker(repo_allowlist="localhost/acme/*,!localhost/acme/secret", odd="1")
    for name in ("net", "secret"):
        bare.repository(f"acme/{name}", {"main.tf": FOLLOWS_FILE})
        bare.register(f"acme/{name}", name)
    assert bare.check("net")["status"] == "drift_detected"
    fetched = sorted((bare.dir / "data/git").iterdir())
    run = bare.check("secret")
    assert error_of(run) == "REPOSITORY_NOT_ALLOWED" and "localhost/acme/secret" in run["error"]["message"]
    assert sorted((bare.dir / "data/git").iterdir()) == fetched
    assert len(worker.events("config_warning")) == 1  # its runners do not say it again
    bare.processes["worker"].stop()
    bare.start_worker("strict", repo_allowlist=None)
    assert error_of(bare.check("net")) == "REPOSITORY_NOT_ALLOWED"
