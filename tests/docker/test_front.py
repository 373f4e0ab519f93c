"""The front hides nobody, lies to nobody, and sends nothing twice while the site restarts."""

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docker.front import Front
from tests.faults import free_port

pytestmark = pytest.mark.image

BODY = b'{"id": "7e1e5ad9"}' * 50


class Site:
    """Remembers what it was sent; `is_deaf`: it hears all of it, and hangs up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.is_deaf = False

    @contextmanager
    def serving(self) -> Iterator[None]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.heard.append((self.command, headers, body))
                if site.is_deaf:
                    self.close_connection = True
                    return
                self.send_response(201)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST  # noqa: N815 - the name that the library asks for

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def site() -> Site:
    return Site(free_port())


@pytest.fixture
def front(site, tmp_path) -> Iterator[Front]:
    with Front(tmp_path, site.port) as front:
        yield front


def post(front: Front, body: bytes = BODY, **headers: str) -> int:
    return front.ask("POST", "/scans/", body, **headers)


def test_it_says_whom_a_request_is_from_whatever_the_request_says(site, front):
    said = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
    }
    with site.serving():
        assert post(front, **said) == 201
    ((_method, headers, body),) = site.heard
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == headers["host"] == f"localhost:{front.https_port}"
    assert body == BODY


def test_while_the_site_restarts_requests_wait_and_arrive_whole_and_once(site, front):
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(post, front) for _ in range(8)]
        # They find nobody, for a while.
        assert not any(one.done() for one in waiting) or waiting[0].result() == 201
        threading.Event().wait(2)
        assert not any(one.done() for one in waiting)
        with site.serving():
            assert {one.result() for one in waiting} == {201}
    assert [body for _method, _headers, body in site.heard] == [BODY] * 8


def test_what_the_site_may_have_heard_is_not_sent_again(site, front):
    site.is_deaf = True
    with site.serving():
        assert post(front) == 502
    assert len(site.heard) == 1


def test_a_body_that_no_page_of_ours_sends_ends_at_the_front(site, front):
    with site.serving():
        assert post(front, b"x" * 7_000_000) == 413


def test_plain_http_leads_to_tls_and_gives_tablets_the_root_alone(front):
    status, headers, _body = front.plain("/scans/station/?a=1")
    assert status == 308
    # The port is the one of this test; with the usual one there is none.
    assert headers["Location"] == "https://localhost/scans/station/?a=1"
    status, headers, body = front.plain("/root.crt")
    assert status == 200
    assert headers["Content-Type"] == "application/x-x509-ca-cert"
    assert body == front.root.read_bytes()
    for path in ("/root.key", "/root.crt/../root.key", "/%2e%2e/root.key", "/intermediate.key"):
        assert front.plain(path)[0] in (308, 400)


def test_a_browser_that_comes_by_the_machines_address_is_served_too(site, tmp_path):
    with site.serving(), Front(tmp_path, site.port, host="127.0.0.1") as front:
        assert post(front) == 201


def test_the_factorys_own_certificate_is_used_when_it_is_given(site, tmp_path):
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files: list[str | Path] = ["-keyout", key, "-out", certificate]
    subprocess.run([*make, *names, *files], check=True, capture_output=True)
    front = Front(tmp_path, site.port)
    front.tls.write_text(f"tls {certificate} {key}\n")
    with site.serving(), front:
        assert front.ask("GET", "/", authority=certificate) == 201
