"""What watches beside the house finds its files, its targets, and each other."""

import json

from ruamel.yaml import YAML

from tests.docker.compose import DOCKER, services


def content(path: str) -> dict:
    return YAML(typ="safe").load(DOCKER / path)


def test_they_find_each_other():
    prometheus = content("prometheus/prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    names = set(services())
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
        f"./grafana/dashboards:{folder['options']['path']}:ro" in services()["grafana"]["volumes"]
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
