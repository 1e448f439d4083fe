"""The metrics profile: every metric that an alert or the dashboard names is served by a running program."""
import json
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest
import yaml

from engine import ROOT

sys.path.insert(0, str(ROOT / "tests/e2e"))
from stack import Stack, free_port, until  # noqa: E402

PROMETHEUS, GRAFANA = ROOT / "docker/prometheus", ROOT / "docker/grafana"


def dashboard():
    return json.loads((GRAFANA / "dashboards/kedge.json").read_text())


def expressions():
    rules = [rule["expr"] for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


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
    """Its form only: Grafana itself is not asked."""
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
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/kedge.yml").read_text())["providers"][0]
    mounts = yaml.safe_load((ROOT / "docker/compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_its_settings():
    for words in (["check", "rules", PROMETHEUS / "alerts.yml"], ["check", "config", PROMETHEUS / "prometheus.yml"]):
        done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
