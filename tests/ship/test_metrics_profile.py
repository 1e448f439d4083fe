"""The metrics profile: every metric that an alert or the dashboard names is served by a running program."""
import json
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
import yaml

import engine
import project
from engine import ROOT

sys.path.insert(0, str(ROOT / "tests/e2e"))
from stack import Stack, free_port, until  # noqa: E402

PROMETHEUS, GRAFANA = ROOT / "docker/prometheus", ROOT / "docker/grafana"


def dashboard():
    return json.loads((GRAFANA / "dashboards/kedge.json").read_text())


def expressions_of_panels():
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def expressions():
    rules = [rule["expr"] for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    return rules + expressions_of_panels()


@pytest.fixture(scope="module")
def served():
    """All that /metrics of the three programs says, with the types it tells."""
    with Stack() as kedge:
        kedge.start_redis()
        kedge.start_api()
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        kedge.start_worker(metrics_listen=addresses[0])
        kedge.start_scheduler(metrics_listen=addresses[1])
        texts = []
        for address in (f"127.0.0.1:{kedge.port}", *addresses):
            def read(url=f"http://{address}/metrics"):
                try:
                    return urllib.request.urlopen(url, timeout=5).read().decode()
                except OSError:
                    return None
            texts.append(until(read, 20, f"/metrics of {address}"))
        yield "\n".join(texts)


def test_every_metric_that_is_looked_at_is_there(served):
    names = {name for text in expressions() for name in re.findall(r"\b((?:kedge|process)_[a-z0-9_]+)", text)}
    assert len(names) > 20
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", served, flags=re.M))
    for name in names:
        base = re.sub("_bucket$", "", name)
        assert base in types, f"{name} is served by nobody"
        assert (types[base] == "histogram") == name.endswith("_bucket"), name


def test_every_label_that_is_looked_at_is_there(served):
    for text in expressions():
        for name, label, value in re.findall(r'\b(kedge_\w+)\{(\w+)="(\w+)"\}', text):
            assert re.search(rf'^{name}\{{[^}}]*{label}="{value}"', served, flags=re.M), text
        for label, name in re.findall(r"by \((\w+)\) \(rate\((kedge_\w+)\[", text):
            assert re.search(rf'^{name}\{{[^}}]*{label}="', served, flags=re.M), text


def test_the_dashboard_is_whole():
    """Its form; what Prometheus says to its panels is asked below. Grafana itself is not."""
    seen = dashboard()
    ids = [panel["id"] for panel in seen["panels"]]
    assert len(ids) == len(set(ids)) and seen["uid"] and seen["schemaVersion"]
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]["uid"]
    taken = set()
    for panel in seen["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == source
    assert all(panel["datasource"]["uid"] == source for panel in seen["panels"] if panel["type"] != "row")
    assert len({panel["title"] for panel in seen["panels"]}) == len(seen["panels"])
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/kedge.yml").read_text())["providers"][0]
    mounts = yaml.safe_load((ROOT / "docker/compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_its_settings():
    for words in (["check", "rules", PROMETHEUS / "alerts.yml"], ["check", "config", PROMETHEUS / "prometheus.yml"]):
        done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


WHY_NOT = project.missing() or engine.debian.offline()
WORKERS = 3
TARGETS = {"api": 1, "worker": WORKERS, "scheduler": 2}


class Prometheus:
    def __init__(self, clone):
        self.clone = clone

    def ask(self, path):
        """The data of its answer; None while it has none."""
        said = self.clone.docker.curl(f"http://127.0.0.1:9090/api/v1/{path}", check=False)
        try:
            answer = json.loads(said)
        except ValueError:
            return None
        assert answer["status"] == "success", (path, answer)
        return answer["data"]

    def query(self, text):
        return self.ask(f"query?query={urllib.parse.quote(text)}")

    def up(self):
        """How many of each job answer, when all of them do."""
        targets = (self.ask("targets?state=active") or {}).get("activeTargets", [])
        found = {job: sum(one["labels"]["job"] == job for one in targets) for job in TARGETS}
        return found == TARGETS and all(one["health"] == "up" for one in targets)

    def rules(self):
        return [rule for group in (self.ask("rules") or {}).get("groups", []) for rule in group["rules"]]


@pytest.fixture(scope="module")
def prometheus():
    """It in its container, and some runs to look at."""
    docker = engine.shared()
    assert docker.prometheus_image
    with project.opened(docker) as clone:
        clone.type("docker/secrets.sh")
        clone.settings(**project.REPOSITORIES)
        clone.compose("--profile", "metrics", "up", "-d", "--scale", f"worker={WORKERS}", "api", "scheduler", "worker", "prometheus")
        for job, count in TARGETS.items():
            clone.healthy(job, count)
        seen = Prometheus(clone)
        until(seen.up, 120, "every replica is a target, and up")
        clone.api("PUT", "/api/v1/projects/p", {"repository": "acme/none", "type": "Git", "ref": "main"})
        clone.api("PUT", "/api/v1/projects/p/workspaces/w", {"directory": "."})
        clone.api("POST", "/api/v1/drift", {"projectId": "p", "workspaceId": "w"})
        yield seen


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_prometheus_asks_every_replica_and_no_alert_is_raised(prometheus):
    wanted = {rule["alert"] for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]}
    until(lambda: all(rule["health"] == "ok" and rule["state"] == "inactive" for rule in prometheus.rules()) and prometheus.rules(), 120,
          "every rule was evaluated, and none is pending")
    assert {rule["name"] for rule in prometheus.rules()} == wanted
    assert int(prometheus.query("count(kedge_worker_slots)")["result"][0]["value"][1]) == WORKERS


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_prometheus_answers_each_expression_of_the_dashboard(prometheus):
    def without_data():
        return {text for text in expressions_of_panels() if not prometheus.query(text)["result"]}
    until(lambda: not without_data(), 90, "each has data")
    assert all(prometheus.query(text)["resultType"] == "vector" for text in expressions_of_panels())


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_an_alert_is_raised_when_the_schedulers_are_gone(prometheus):
    prometheus.clone.compose("stop", "scheduler")

    def pending():
        return [rule for rule in prometheus.rules() if rule["name"] == "KedgeNoScheduler" and rule["state"] in ("pending", "firing")]
    until(pending, 120, "it is noticed")
