"""Real drift: a queue of a cloud emulator is changed behind Terraform's back.

Needs the AWS provider in a local filesystem mirror (a directory named tf-plugins) and npm for
the emulator; skipped elsewhere.
"""
import json
import pathlib
import shutil
import socket
import subprocess
import urllib.request

import pytest

from conftest import needs_terraform
from stack import ROOT, VARIANT, Stack, until

pytestmark = [needs_terraform, pytest.mark.skipif(VARIANT != "release", reason="a cloud's provider is slow enough once")]


def provider_mirror():
    for pattern in ("*/tf-plugins", "*/*/tf-plugins"):
        for path in pathlib.Path("/").glob(pattern):
            if list(path.glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")):
                return path
    return None


def emulator_program():
    """fauxqs from npm, kept below build/ for the next call."""
    home = ROOT / "build" / "emulator"
    program = home / "node_modules/.bin/fauxqs"
    if not program.exists():
        if not shutil.which("npm"):
            pytest.skip("npm is not installed: no emulator of a cloud")
        home.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "fauxqs@1"], cwd=home, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("the emulator could not be installed from npm")
    return program


@pytest.fixture(scope="module")
def cloud():
    mirror = provider_mirror()
    if mirror is None:
        pytest.skip("no AWS provider in a local mirror")
    program = emulator_program()
    with Stack() as stack:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        stack.endpoint = f"http://127.0.0.1:{port}"
        (stack.dir / "terraform.rc").write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
        stack.settings.update(
            TF_CLI_CONFIG_FILE=stack.dir / "terraform.rc", run_memory="64M",
            sandbox_read=f"/usr:/lib:/lib64:/etc:/opt:{mirror}:{stack.dir}/terraform.rc")
        environment = stack.environment()
        environment["FAUXQS_PORT"] = str(port)
        log = open(stack.dir / "log/emulator.log", "ab")
        emulator = subprocess.Popen([program], env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            until(lambda: sqs(stack, "ListQueues", {}) is not None, 20, "the emulator answers")
            stack.queue = sqs(stack, "CreateQueue", {"QueueName": "orders", "Attributes": {"VisibilityTimeout": "30"}, "tags": {"team": "payments"}})["QueueUrl"]
            yield stack.start()
        finally:
            emulator.kill()


def sqs(stack, action, body):
    request = urllib.request.Request(stack.endpoint, json.dumps(body).encode(), {
        "X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"})
    try:
        return json.loads(urllib.request.urlopen(request, timeout=5).read() or b"{}")
    except OSError:
        return None


def changes_of(resource):
    return {change["attribute"]: (change["before"], change["after"], change["origin"]) for change in resource["changes"]}


def test_what_moved_outside_is_told_from_what_moved_in_the_code(cloud):
    hcl = (ROOT / "docker/demo/aws_queue/main.tf").read_text()
    variables = {"endpoint": cloud.endpoint, "queue_url": cloud.queue}
    cloud.repository("acme/queue", {"main.tf": hcl})
    copy = cloud.dir / "copies/acme/queue"
    environment = {key: value for key, value in cloud.environment().items() if not key.startswith("KEDGE")}
    for arguments in (["init", "-input=false", f"-backend-config=path={cloud.dir}/state/p-w.tfstate"],
                      ["apply", "-auto-approve", "-input=false", *(f"-var={k}={v}" for k, v in variables.items())]):
        subprocess.run(["terraform", *arguments], cwd=copy, env=environment, check=True, capture_output=True)
    shutil.rmtree(copy / ".terraform")
    (copy / ".terraform.lock.hcl").unlink()
    cloud.register("acme/queue", variables=variables)

    run = cloud.check(seconds=120)
    assert run["status"] == "clean", run
    assert run["metadata"]["totalResources"] == 1

    sqs(cloud, "SetQueueAttributes", {"QueueUrl": cloud.queue, "Attributes": {"VisibilityTimeout": "5"}})
    run = cloud.check(seconds=120)
    assert run["status"] == "drift_detected" and run["metadata"]["changesOutside"] is True, run
    assert run["metadata"]["timings"]["init"] == 0
    resource, = run["metadata"]["driftedResources"]
    assert (resource["address"], resource["action"], resource["origin"], resource["severity"]) == (
        "aws_sqs_queue.orders", "update", "outside", "warning")
    assert changes_of(resource) == {"visibility_timeout_seconds": (5, 30, "outside")}

    cloud.repository("acme/queue", {"main.tf": hcl.replace('team = "payments"', 'team = "billing"')})
    run = cloud.check(seconds=120)
    resource, = run["metadata"]["driftedResources"]
    changes = changes_of(resource)
    assert resource["origin"] == "both", run["metadata"]
    assert changes["visibility_timeout_seconds"] == (5, 30, "outside")
    assert changes["tags.team"] == ("payments", "billing", "code")

    sqs(cloud, "DeleteQueue", {"QueueUrl": cloud.queue})
    run = cloud.check(seconds=120)
    assert run["status"] in ("drift_detected", "error"), run
    if run["status"] == "drift_detected":
        resource, = run["metadata"]["driftedResources"]
        assert (resource["action"], resource["origin"]) == ("create", "outside")
