"""A real Prometheus watches a real gunicorn whose database stops and comes back."""

import contextlib
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.monitor.rules import RULES
from tests.faults import free_port
from tests.monitor.promql import DOCKER, panels
from tests.serving import PASSWORD, Browser, Database, Site

pytestmark = pytest.mark.chaos

TOKEN = "a-token-of-this-test"
# What the rules' own times add up to, and room for a busy machine.
FIRE_SECONDS = 90


def await_true(what: str, is_true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


@contextlib.contextmanager
def running(home: Path, *command: str | Path) -> Iterator[None]:
    with (home / f"{Path(command[0]).name}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)
    try:
        yield
        assert child.poll() is None, (home / f"{Path(command[0]).name}.log").read_text()
    finally:
        child.terminate()
        child.wait(20)


class Alertmanager:
    """Takes what Prometheus reports. (Debian's own needs to be installed, which would start it.)"""

    def __init__(self) -> None:
        self.told: list[str] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                for alert in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
                    ends_at = datetime.fromisoformat(alert["endsAt"])
                    is_over = ends_at <= datetime.now(UTC)
                    name, severity = alert["labels"]["alertname"], alert["labels"]["severity"]
                    told.append(f"{name} {severity} {'resolved' if is_over else 'firing'}")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", free_port()), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Prometheus:
    """Debian's, with our configuration; only addresses and intervals are this test's."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def state(self, alert: str) -> str:
        """ "firing", "pending", or "" when it is neither."""
        found = self.ask("alerts")["alerts"]
        return next((one["state"] for one in found if one["labels"]["alertname"] == alert), "")

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def mariadb(home) -> Iterator[PrivateMariaDB]:
    """A server of its own, to stop."""
    server = PrivateMariaDB(home / "mariadb")
    server.start()
    yield server
    server.stop()


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
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[Alertmanager]:
    alertmanager = Alertmanager()
    yield alertmanager
    alertmanager.stop()


def configured(home: Path, name: str, **changes: str) -> Path:
    """Our file with other words in it; each of them must be there."""
    text = (DOCKER / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = home / Path(name).name
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def prometheus(home, site, alertmanager, tool) -> Iterator[Prometheus]:
    (home / "metrics_token").write_text(TOKEN)
    configured(home, "prometheus/alerts.yml")
    changes = {
        "15s": "1s",
        "/run/secrets": str(home),
        "web:8000": f"127.0.0.1:{site.port}",
        "alertmanager:9093": alertmanager.address,
    }
    configuration = configured(home, "prometheus/prometheus.yml", **changes)
    port = free_port()
    watcher = Prometheus(f"http://127.0.0.1:{port}")
    with running(
        home,
        tool("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={home / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ):
        await_true("Prometheus is ready", watcher.is_ready, 30)
        yield watcher


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
