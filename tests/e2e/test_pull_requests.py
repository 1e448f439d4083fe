"""Pull requests whose apply must be approved, mergeable and undiverged, against a stand-in of GitHub's API; and what the
allowlist keeps from the network."""
import json
import socket
import urllib.request

import pytest

from conftest import needs_terraform
from stack import ROOT, Stack, until

pytestmark = needs_terraform

TOKEN = "github-token-abcdefghij"
APPROVED = {"user": "ann", "state": "APPROVED"}


class Github:
    """The git server and the API of one stack's repositories of type Github."""

    def __init__(self, stack):
        self.git = self.start(stack, "git-http", ROOT / "tests/support/git_http.py", stack.dir / "git")
        self.api = self.start(stack, "vcs-api", ROOT / "tests/support/vcs_api.py")

    @staticmethod
    def start(stack, name, *arguments):
        server = stack.spawn(name, "/usr/bin/python3", *arguments)
        port = until(lambda: server.log.read_text().split("\n")[0] if "\n" in server.log.read_text() else None)
        return f"http://127.0.0.1:{port}"

    def says(self, pull=None, reviews=(), faults=()):
        body = {"token": TOKEN, "faults": list(faults), "pulls": {"acme/pr#7": {"pull": pull or {}, "reviews": list(reviews)}}}
        urllib.request.urlopen(urllib.request.Request(f"{self.api}/_control", json.dumps(body).encode(), method="PUT")).close()


@pytest.fixture(scope="module")
def stack():
    with Stack(github_token=TOKEN, apply_requirements="approved,mergeable,undiverged") as stack:
        stack.github = Github(stack)
        stack.settings |= {"github_url": stack.github.git, "github_api_url": stack.github.api}
        stack.start()
        stack.change_world(pr="1\n")
        stack.repository("acme/pr", {"main.tf": stack.root("pr", "pr")})
        stack.head = stack.pull_request("acme/pr", 7, {"more": ""})
        yield stack


def apply(stack, **more):
    """The one project of the answer."""
    body = {"Repository": "acme/pr", "Ref": "main", "Type": "Github", "Paths": [{"Directory": "."}], "PR": 7, **more}
    return stack.ask("/api/apply", body)["projects"][0]


def was_applied(stack):
    return (stack.dir / "state/pr/default").exists()


@pytest.mark.parametrize("pull, reviews, says", [
    ({}, [], "approved"),
    ({}, [{**APPROVED, "commit": "d" * 40}], "approved"),
    ({}, [{"user": "bob", "state": "CHANGES_REQUESTED"}], "approved"),
    ({"mergeable": False, "mergeable_state": "dirty"}, [APPROVED], "mergeable"),
    ({"draft": True}, [APPROVED], "mergeable"),
    ({"base": {"ref": "release"}}, [APPROVED], "release"),
    ({"sha": "e" * 40}, [APPROVED], "head"),
])
def test_what_is_not_met_is_a_failure_with_its_reason_and_nothing_is_applied(stack, pull, reviews, says):
    stack.github.says({"sha": stack.head, **pull}, [{"commit": stack.head, **review} for review in reviews])
    project = apply(stack)
    assert project["status"] == "failed" and says in project["failure"] and "error" not in project, project
    assert not was_applied(stack)


@pytest.mark.parametrize("fault", [
    {"kind": "garbage"}, {"kind": "truncated"}, {"kind": "status", "status": 404}, {"kind": "redirect"},
    {"kind": "limited", "retry_after": 3600},
])
def test_an_api_that_cannot_be_understood_is_an_error_and_nothing_is_applied(stack, fault):
    stack.github.says({"sha": stack.head}, [{"commit": stack.head, **APPROVED}], [{"match": "/pulls/7", "times": -1, **fault}])
    project = apply(stack)
    assert project["status"] == "error" and project["error"], project
    assert not was_applied(stack)
    everything = json.dumps(project) + "".join(path.read_text(errors="replace") for path in (stack.dir / "log").iterdir())
    assert TOKEN not in everything and TOKEN.encode() not in stack.redis_text()


def test_one_that_is_met_is_applied_and_a_limit_of_a_second_is_waited_for(stack):
    stack.github.says({"sha": stack.head}, [{"commit": stack.head, **APPROVED}],
                      [{"kind": "limited", "retry_after": 1, "times": 1}])
    project = apply(stack)
    assert project["status"] == "success" and "Apply complete!" in project["output"], project
    assert was_applied(stack)
    # The branch moves on: what was approved does not contain it any more.
    stack.repository("acme/pr", {"later": ""})
    stack.change_world(pr="2\n")
    assert "undiverged" in apply(stack)["failure"]
    # Without a pull request nobody is asked, and the branch contains itself.
    stack.github.says(faults=[{"kind": "status", "status": 500, "times": -1}])
    assert apply(stack, PR=0)["status"] == "success"
    # Of a pull request nothing is left in the status of the branch but what the last one wrote.
    records = stack.get("/api/drift/status?repository=acme/pr").json["data"]["projects"]
    assert [(record["directory"], record["has_drift"]) for record in records] == [(".", False)], records


def test_what_the_allowlist_forbids_is_not_looked_for_on_the_network(bare):
    """First the api's own list; then that of a worker which may do less than the api."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        bare.settings |= {"git_url": f"http://127.0.0.1:{server.getsockname()[1]}", "repo_allowlist": "*,!*/other/*"}
        bare.start(workers=0)
        bare.start_worker(repo_allowlist="*/none/*")
        body = {"repository": "other/net", "ref": "main", "type": "Git"}
        for path in ("/api/plan", "/api/apply", "/api/drift/detect", "/api/drift/remediate"):
            assert bare.ask(path, {**body, "paths": [{"directory": "."}]}, 403)["code"] == "FORBIDDEN"
        assert not [key for key in bare.redis_cli("keys", "*").split() if "batch" in key or "run" in key]
        project = bare.ask("/api/plan", {**body, "repository": "acme/net", "paths": [{"directory": "."}]})["projects"][0]
        assert project["status"] == "error" and "KEDGE_REPO_ALLOWLIST" in project["error"], project
        with pytest.raises(BlockingIOError):
            server.accept()
