"""A real Prometheus watches a real gunicorn whose database stops and comes back."""

import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.monitor.rules import RULES
from tests.chaos.watching import TOKEN, Alertmanager, Prometheus, await_true, watched
from tests.monitor.promql import DOCKER, panels
from tests.serving import PASSWORD, Browser, Database, Site, running

pytestmark = pytest.mark.chaos

# What the rules' own times add up to, and room for a busy machine.
FIRE_SECONDS = 90


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def mariadb(home) -> Iterator[PrivateMariaDB]:
    """A server of its own, to stop."""
    with running(PrivateMariaDB(home / "mariadb")) as server:
        yield server


@pytest.fixture(scope="module")
def site(home, mariadb) -> Iterator[Site]:
    site = Site(
        Database(mariadb, "quality_watched"),
        home,
        MONITOR_INTERVAL="1",
        METRICS_TOKEN=TOKEN,
        BACKUP_DIR=str(home),
    )
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[Alertmanager]:
    alertmanager = Alertmanager()
    yield alertmanager
    alertmanager.stop()


@pytest.fixture(scope="module")
def prometheus(home, site, alertmanager, tool) -> Iterator[Prometheus]:
    rules = (DOCKER / "prometheus" / "alerts.yml").read_text()
    with watched(site, home, tool, rules=rules, told=alertmanager.address) as prometheus:
        yield prometheus


def test_every_panel_shows_something_and_every_rule_has_its_value(prometheus, site):
    """After a sign-in, a scan and a poll there is nothing that an expression looks for in vain."""
    browser = Browser(site.url, PASSWORD)
    stop = time.monotonic() + 60
    asked = {f"{title}: {one}": one for title, those in panels().items() for one in those}
    asked |= {f"rule {rule.name}": rule.query for rule in RULES}
    # Its value is there only while nobody scans.
    del asked["rule NoScans"]
    empty = set(asked)
    while empty and time.monotonic() < stop:
        # A rate needs two scrapes between which something happened.
        assert browser.scan(id=str(uuid.uuid4())) == 201
        browser.get("/scans/recent/")
        empty = {name for name in empty if not prometheus.query(asked[name])}
    assert empty == set()


def test_prometheus_counts_what_happened(prometheus, site):
    stored = site.database.run("SELECT COUNT(*) FROM scans_scan")[0][0]
    expression = 'sum(scans_total{outcome="stored"})'

    def is_told() -> bool:
        return float(prometheus.query(expression)[0]["value"][1]) == stored

    await_true(f"{stored} scans", is_told, 20)
    assert len(prometheus.query('db_pool_limit{kind="web worker"}')) == 2


def test_prometheus_has_nothing_to_say_against_our_metrics(site, tool):
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=10) as answer:
        metrics = answer.read()
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=metrics, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_database_that_stops_is_reported_and_its_return_too(prometheus, mariadb, alertmanager):
    await_true("no alert", lambda: not prometheus.state("DatabaseDown"), 30)
    mariadb.stop()
    try:
        await_true("pending", lambda: prometheus.state("DatabaseDown") == "pending", 30)
        await_true("firing", lambda: prometheus.state("DatabaseDown") == "firing", FIRE_SECONDS)
        await_true("told", lambda: "DatabaseDown critical firing" in alertmanager.told, 30)
    finally:
        mariadb.start()
    await_true("cleared", lambda: not prometheus.state("DatabaseDown"), 30)
    await_true("told, too", lambda: "DatabaseDown critical resolved" in alertmanager.told, 30)


def test_a_site_that_stops_is_reported_by_prometheus_alone(prometheus, site):
    site.stop()
    try:
        await_true("pending", lambda: prometheus.state("SiteDown") == "pending", 30)
        await_true("firing", lambda: prometheus.state("SiteDown") == "firing", FIRE_SECONDS)
    finally:
        site.start()
    await_true("cleared", lambda: not prometheus.state("SiteDown"), 30)
