"""The demo profile of compose.yml, typed as docs/OPERATIONS.md has it: drift is found, and the receiver prints what Slack would get."""
import pathlib

import pytest
import yaml

import debian
import engine
import project
from engine import until

WHY_NOT = project.missing() or debian.offline()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
MIRRORED = "registry.terraform.io/hashicorp/aws"


def provider_mirror():
    """A file system mirror of this machine that has the provider of the emulator's cloud."""
    for pattern in ("*/tf-plugins", "*/*/tf-plugins"):
        for path in pathlib.Path("/").glob(pattern):
            if list((path / MIRRORED).glob("*/*/terraform-provider-aws*")):
                return path
    return None


@pytest.fixture(scope="module")
def clone():
    docker = engine.shared()
    assert docker.node_image
    with project.opened(docker) as opened:
        yield opened


def demo_says(clone, setting="", more=""):
    """The commands of Demo, with that variable and those options besides; what the demo and the receiver have said."""
    *before, up, logs = project.commands("Demo")
    assert logs.endswith("logs -f demo receiver") and up.endswith("up -d")
    for line in (*before, up):
        clone.type(f"{setting} {line.replace('--profile demo', f'--profile demo {more}')}")
    started = clone.docker.docker("ps", "-aq", "--filter", "label=com.docker.compose.service=demo").stdout.strip()
    until(lambda: not clone.docker.inspect(started)["State"]["Running"], 300, "the demo has ended")
    look = logs.replace("logs -f", "logs --no-color")
    said = clone.type(look)
    assert clone.docker.inspect(started)["State"]["ExitCode"] == 0, said
    until(lambda: "message: " in clone.type(look), 60, f"the receiver prints a message:\n{said}")
    return clone.type(look)


def drift_is_shown(said):
    first, second = said.split("First check")[1].split("Checking for drift")
    assert "status   clean" in first and "status   drift_detected" in second, said
    message = [line for line in said.splitlines() if "message: " in line]
    assert message and "demo" in " ".join(message), said


def test_it_does_with_what_is_built_into_terraform(clone, tell):
    """Without a registry of providers nothing else can be had."""
    said = demo_says(clone)
    drift_is_shown(said)
    assert "The sample builtin cannot be had" not in said
    tell(f"demo: {[line for line in said.splitlines() if 'message: ' in line][0].strip()}")
    clone.compose(*project.PROFILES, "down", "-v", check=False)


@pytest.mark.skipif(not provider_mirror(), reason="no mirror of the AWS provider on this machine (a directory named tf-plugins)")
def test_a_queue_of_the_emulator_drifts(clone, tell):
    """The provider comes from a mirror: a mount, and the setting for it."""
    clone.type("docker/secrets.sh")
    (clone.directory / "docker/secrets/env/terraform.rc").write_text(
        'provider_installation {\n  filesystem_mirror {\n    path = "/opt/providers"\n  }\n}\n')
    mounted = {"volumes": [f"{provider_mirror()}:/opt/providers:ro"]}
    (clone.directory / "docker/mirror.yml").write_text(yaml.safe_dump({"services": {"worker": mounted, "demo": mounted}}))
    said = demo_says(clone, "KEDGE_TERRAFORM_RC=/run/env/terraform.rc", "-f docker/mirror.yml")
    drift_is_shown(said)
    assert "cannot be had here" not in said and "aws_sqs_queue.orders" in said, said
    assert "visibility_timeout_seconds: 30 -> 5" in said or "visibility_timeout_seconds: 5 -> 30" in said, said
    tell("demo: a queue of the emulator has drifted, with the AWS provider from a mirror")
