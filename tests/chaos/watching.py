"""Has Debian's Prometheus watch a site of a test, and takes what it reports."""

import contextlib
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.faults import free_port
from tests.monitor.promql import DOCKER
from tests.serving import Site

TOKEN = "a-token-of-this-test"


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


def configured(home: Path, name: str, **changes: str) -> Path:
    """Our file with other words in it; each of them must be there."""
    text = (DOCKER / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = home / Path(name).name
    path.write_text(text)
    return path


@contextlib.contextmanager
def watched(
    site: Site, home: Path, tool: Callable[[str], Path], *, rules: str, told: str
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the site each second, judges by `rules` and reports to `told`."""
    (home / "metrics_token").write_text(TOKEN)
    (home / "alerts.yml").write_text(rules)
    changes = {
        "15s": "1s",
        "/run/secrets": str(home),
        "web:8000": f"127.0.0.1:{site.port}",
        "alertmanager:9093": told,
    }
    configuration = configured(home, "prometheus/prometheus.yml", **changes)
    port = free_port()
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    with running(
        home,
        tool("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={home / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ):
        await_true("Prometheus is ready", prometheus.is_ready, 30)
        yield prometheus
