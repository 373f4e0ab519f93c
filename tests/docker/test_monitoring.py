"""What watches beside the house is closed and limited, and finds its files and its targets."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docker.compose import DOCKER, services

NAME = "compose.monitoring.yml"
WATCHERS = {"prometheus", "alertmanager", "grafana"}


def content(path: str) -> dict:
    return YAML(typ="safe").load(DOCKER / path)


def test_all_its_secrets_are_files_that_git_never_sees():
    declared = content(NAME)["secrets"]
    used = {name for service in services(NAME).values() for name in service["secrets"]}
    assert used == set(declared)
    assert all(one == {"file": f"./secrets/{name}"} for name, one in declared.items())
    assert "/docker/secrets/" in (DOCKER.parent / ".gitignore").read_text().splitlines()


def test_whoever_reads_a_secret_from_a_file_is_given_it():
    found = services(NAME)
    read = {
        "prometheus": (DOCKER / "prometheus" / "prometheus.yml").read_text(),
        "alertmanager": (DOCKER / "alertmanager" / "alertmanager.yml").read_text(),
        "grafana": str(found["grafana"]["environment"]),
        "web": str(found["web"]["environment"]),
    }
    for service, text in read.items():
        for secret in found[service]["secrets"]:
            assert f"/run/secrets/{secret}" in text
        assert text.count("/run/secrets/") == len(found[service]["secrets"])


@pytest.mark.parametrize("service", sorted(WATCHERS))
def test_a_watcher_can_do_no_more_than_it_must(service):
    found = services(NAME)[service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert set(found["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert all(port.startswith("127.0.0.1:") for port in found["ports"])
    for volume in found["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith(".") or Path(DOCKER, source).is_dir()


def test_they_find_each_other():
    prometheus = content("prometheus/prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    names = set(services(NAME)) | set(services())
    addresses = [
        *job["static_configs"][0]["targets"],
        *prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"],
    ]
    assert {address.partition(":")[0] for address in addresses} <= names
    # By the rules its name is what SiteDown looks for.
    assert job["job_name"] == "quality"
    source = content("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    dashboard = json.loads((DOCKER / "grafana" / "dashboards" / "quality.json").read_text())
    asked = [panel["datasource"]["uid"] for panel in dashboard["panels"] if "datasource" in panel]
    assert set(asked) == {source["uid"]}
    folder = content("grafana/provisioning/dashboards/quality.yaml")["providers"][0]
    assert (
        f"./grafana/dashboards:{folder['options']['path']}:ro"
        in services(NAME)["grafana"]["volumes"]
    )


def test_no_two_panels_lie_on_one_another():
    dashboard = json.loads((DOCKER / "grafana" / "dashboards" / "quality.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
