"""What a plan may not see or touch. Each plan below succeeds in showing a secret without the sandbox."""
import pytest

from conftest import needs_terraform
from stack import FOLLOWS_FILE, VARIANT, Stack

pytestmark = [needs_terraform, pytest.mark.skipif(VARIANT == "asan", reason="the sandbox hides /proc/self from the sanitizer")]

SECRET = "do-not-show-this-0123456789"


@pytest.fixture(scope="module")
def boxed():
    with Stack() as stack:
        (stack.dir / "env" / "default.env").write_text(f"TF_VAR_quiet={SECRET}\n")
        stack.settings["env_dir"] = stack.dir / "env"
        stack.settings["api_secret"] = "another-secret-0123456789"
        stack.settings.pop("api_secret")
        yield stack.start()


def output_of(stack, name, hcl):
    stack.repository(f"acme/{name}", {"main.tf": hcl})
    stack.register(f"acme/{name}", name, variables=None, backendConfig=None)
    run = stack.check(name)
    log = stack.get(f"/api/v1/runs/{run['id']}/log").text
    return run, run["output"] + log


def refused(run, text):
    assert run["status"] == "error" and run["error"]["code"] == "TERRAFORM_FAILED", run
    words = " ".join(text.lower().split())  # terraform wraps its lines
    assert "permission denied" in words or "no file exists" in words, text


def test_the_sandbox_is_in_force(boxed):
    run, _ = output_of(boxed, "fine", 'resource "terraform_data" "x" {}\n')
    assert run["status"] == "drift_detected" and run["metadata"]["sandbox"] == "landlock"


def test_a_plan_cannot_read_the_workers_environment(boxed):
    pid = boxed.processes["worker"].pid
    run, text = output_of(boxed, "environ", f'output "x" {{ value = filebase64("/proc/{pid}/environ") }}\n')
    refused(run, text)


def test_a_plan_cannot_read_its_own_parents_environment(boxed):
    run, text = output_of(boxed, "self", 'output "x" { value = filebase64("/proc/self/environ") }\n')
    refused(run, text)


def test_a_plan_cannot_read_the_env_files(boxed):
    run, text = output_of(boxed, "envdir", f'output "x" {{ value = file("{boxed.dir}/env/default.env") }}\n')
    refused(run, text)
    assert SECRET not in text


def test_a_plan_cannot_read_another_runs_directory(boxed):
    victim, _ = output_of(boxed, "victim", 'resource "terraform_data" "x" {}\n')
    hcl = f'output "x" {{ value = fileset("{boxed.dir}/data", "**/spec.json") }}\n'
    run, text = output_of(boxed, "spy", hcl)
    assert victim["id"] not in text and "spec.json" not in text


def test_a_plan_sees_its_own_variables_but_nobody_sees_their_values(boxed):
    hcl = 'variable "quiet" { type = string }\noutput "x" { value = "<${var.quiet}>" }\n'
    run, text = output_of(boxed, "mask", hcl)
    assert run["status"] == "clean", run
    assert SECRET not in text and "***" in text
    assert SECRET.encode() not in boxed.redis_text()
    for log in (boxed.dir / "log").iterdir():
        assert SECRET.encode() not in log.read_bytes(), log


def test_a_refused_name_in_an_env_file_is_named():
    with Stack() as stack:
        (stack.dir / "env" / "default.env").write_text("TF_CLI_ARGS_plan=-destroy\n")
        stack.settings["env_dir"] = stack.dir / "env"
        stack.start()
        stack.repository("acme/net", {"main.tf": FOLLOWS_FILE})
        stack.register("acme/net")
        run = stack.check()
        assert run["status"] == "error" and "TF_CLI_ARGS_plan" in run["error"]["message"], run
