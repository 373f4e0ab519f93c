"""The front, HAProxy with docker/cluster/front.cfg: TLS, whom it believes, and to whom it leads."""

import http.client
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.galera import home_for_nodes
from tests.cluster.haproxy import HAProxy
from tests.cluster.programs import find_programs
from tests.cluster.waiting import await_true
from tests.faults import free_port

pytestmark = pytest.mark.chaos


class Host(ThreadingHTTPServer):
    """Says who it is and what it was told; is ready until it is told otherwise."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", free_port()), _Answer)
        self.name = name
        self.is_ready = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        is_probe = self.path == "/health/ready"
        body = json.dumps({"host": self.server.name, "headers": dict(self.headers)}).encode()
        self.send_response(503 if is_probe and not self.server.is_ready else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def hosts() -> Iterator[list[Host]]:
    hosts = [Host("web1"), Host("web2")]
    yield hosts
    for host in hosts:
        host.shutdown()
        host.server_close()


class Front:
    def __init__(self, haproxy: HAProxy, port: int) -> None:
        self.haproxy = haproxy
        self.port = port

    def ask(self, path: str = "/", *, tls: bool = True, **headers: str) -> tuple[int, Any, Any]:
        """Status, headers and what the host says."""
        # Its certificate is of this test.
        context = ssl._create_unverified_context()  # noqa: S323
        connection: http.client.HTTPConnection
        if tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.haproxy.front_port)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            told = json.loads(body) if body.startswith(b"{") else None
            return answer.status, answer.headers, told
        finally:
            connection.close()


@pytest.fixture(scope="module")
def front(hosts) -> Iterator[Front]:
    with home_for_nodes() as home:
        programs = find_programs(home)
        assert programs is not None, "HAProxy is missing. `make chaos` brings it."
        # Of the database nothing is asked here.
        haproxy, port = HAProxy(home, programs, ["127.0.0.1:9"] * 3), free_port()
        haproxy.lead_to(
            [host.address for host in hosts],
            FRONT_CERTIFICATE=str(certificate(home)),
            FRONT_TLS_BIND=f"127.0.0.1:{port}",
        )
        haproxy.start()
        try:
            await_true("both are up", lambda: haproxy.is_up("web1") and haproxy.is_up("web2"), 20)
            yield Front(haproxy, port)
        finally:
            haproxy.stop()


def certificate(home: Path) -> Path:
    """With its key in one file, as HAProxy takes it."""
    key, signed, both = home / "key.pem", home / "signed.pem", home / "front.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=quality.example", "-keyout", key, "-out", signed],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(signed.read_text() + key.read_text())
    return both


def test_plain_http_is_sent_to_tls(front):
    status, headers, _ = front.ask("/scans/station/", tls=False, Host="quality.example")
    assert (status, headers["Location"]) == (308, "https://quality.example/scans/station/")


def test_what_a_browser_says_of_where_it_comes_from_is_not_passed_on(front):
    lies = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "http"}
    headers = {name.lower(): value for name, value in front.ask(**lies)[2]["headers"].items()}
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"


def test_metrics_of_one_host_are_not_to_be_had_by_the_front(front):
    assert front.ask("/metrics")[0] == 404


def test_a_page_stays_with_its_host_and_moves_when_that_leaves(front, hosts):
    _, headers, told = front.ask()
    cookie, mine = headers["Set-Cookie"].partition(";")[0], told["host"]
    assert {front.ask(Cookie=cookie)[2]["host"] for _ in range(6)} == {mine}
    [host] = [host for host in hosts if host.name == mine]
    host.is_ready = False
    try:
        await_true("it is left", lambda: not front.haproxy.is_up(mine), 10)
        status, _, told = front.ask(Cookie=cookie)
        assert status == 200
        assert told["host"] != mine
    finally:
        host.is_ready = True
    await_true("it is back", lambda: front.haproxy.is_up(mine), 10)
