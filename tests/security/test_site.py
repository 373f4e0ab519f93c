"""A real gunicorn is told lies on the wire: none gets far, and its logs stay readable."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from accounts import first_administrator
from quality.devdb.mariadb import PrivateMariaDB
from tests.serving import PASSWORD, Browser, Database, Site, running

THREADS = 3
LOG_SECONDS = 30
ESCAPES = "\x1b[2J\x1b]0;owned\x07"
FORGED = "2026-11-21T00:00:00.000+02:00 INFO 1 - quality.settings: admin made mole a superuser"
BEGINS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (INFO|WARNING|ERROR) ")


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    database = Database(PrivateMariaDB(mariadb_home), "quality_lies")
    home = tmp_path_factory.mktemp("site")
    site = Site(database, home, workers=1, WEB_THREADS=str(THREADS), MONITOR_INTERVAL="3600")
    site.prepare()
    with running(site):
        yield site


def say(site: Site, *lines: str | bytes, body: bytes = b"") -> bytes:
    """What is answered to these lines of a request, until the other side hangs up."""
    head = b"".join((one if isinstance(one, bytes) else one.encode()) + b"\r\n" for one in lines)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        connection.sendall(head + b"\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer


def ask(site: Site, target: str, *headers: str | bytes, method: str = "GET") -> bytes:
    host = f"Host: 127.0.0.1:{site.port}"
    return say(site, f"{method} {target} HTTP/1.1", host, "Connection: close", *headers)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def logged(site: Site) -> dict[str, str]:
    """What the log files hold once a marker, which was said last, has been written."""
    marker = f"the-last-is-{uuid4()}"
    assert status(ask(site, f"/{marker}")) == 404
    folder, deadline = Path(site.env["LOG_DIR"]), time.monotonic() + LOG_SECONDS
    while time.monotonic() < deadline:
        texts = {path.name: path.read_text() for path in folder.glob("*.log")}
        if marker in texts.get("routes.log", ""):
            return texts | {"console": site.messages()}
        time.sleep(0.02)
    raise AssertionError(f"{marker} was not logged within {LOG_SECONDS} s.")


def test_nobody_writes_lines_of_the_log_or_commands_a_terminal(site):
    def as_path(text: str) -> str:
        return "".join(f"%{byte:02x}" for byte in text.encode())

    ask(site, f"/x{as_path(chr(10) + FORGED)}")
    ask(site, f"/x{as_path(ESCAPES + chr(0x2028) + FORGED)}")
    ask(site, "/x", f"User-Agent: {ESCAPES}", f"X-Request-ID: {ESCAPES}")
    ask(site, "/x", f"X-Forwarded-For: {ESCAPES}", f"Referer: {ESCAPES}")
    ask(site, f"/x?{as_path(FORGED)}", f"Cookie: sessionid={ESCAPES}; station={ESCAPES}")
    say(site, "GET /x HTTP/1.1", f"Host: evil{ESCAPES}", "Connection: close")
    say(site, "GET /x HTTP/1.1", f"Host: evil.example\n{FORGED}", "Connection: close")
    sign_in = Browser.__new__(Browser)
    with pytest.raises(AssertionError):
        sign_in.__init__(site.url, "wrong", user=f"mole\r\n{FORGED}{ESCAPES}")
    for name, text in logged(site).items():
        for line in text.splitlines():
            assert line.isprintable(), name
            assert BEGINS.match(line) or line.startswith("    "), (name, line)
            assert not line.startswith(FORGED[:20]), name


def test_what_strangers_send_buries_no_error_of_ours(site):
    """A line each, which says what to do if it was no stranger: anybody may send many."""
    before = logged(site)
    say(site, "GET / HTTP/1.1", "Host: evil.example", "Connection: close")
    form = "Content-Type: application/x-www-form-urlencoded"
    address = f"Host: 127.0.0.1:{site.port}"
    big = ["Content-Length: 2000000", form, address, "Connection: close"]
    say(site, "POST /i18n/setlang/ HTTP/1.1", "Cookie: csrftoken=" + "a" * 32, *big)
    texts = logged(site)
    assert texts.get("errors.log", "") == before.get("errors.log", "")
    lines = texts["application.log"].removeprefix(before["application.log"]).splitlines()
    [host] = [one for one in lines if "'evil.example'" in one]
    assert "WARNING" in host
    assert "ALLOWED_HOSTS" in host
    [body] = [one for one in lines if "RequestDataTooBig" in one]
    assert "WARNING" in body


def test_no_secret_is_logged(site, monkeypatch):
    browser = Browser(site.url, PASSWORD, user="admin")
    secrets = {cookie.value for cookie in browser._cookies if cookie.name != "django_language"}
    secrets |= {PASSWORD, "hunter-2-typed", "query-secret", "bearer-secret", "field-secret"}
    secrets |= {site.env["DATABASE_URL"].split(":")[2].split("@")[0]}
    with pytest.raises(AssertionError):
        Browser(site.url, "hunter-2-typed", user="admin")
    with pytest.raises(AssertionError):
        # Somebody types the password where the name belongs.
        Browser(site.url, "x", user="hunter-2-typed")
    browser.look("/scans/bind/?token=query-secret")
    ask(site, "/metrics?token=query-secret", "Authorization: Bearer bearer-secret")
    ask(site, "/nowhere?password=query-secret", "Cookie: sessionid=field-secret")
    # Whoever reads it before its owner has chosen a name becomes the administrator.
    monkeypatch.setattr(first_administrator, "_state", lambda: "x")
    link = first_administrator.new_link()
    secrets.add(re.split("[/=]", link.strip("/"))[-1])
    ask(site, link)
    texts = logged(site)
    assert "hunter-2-typed" not in PASSWORD
    for name, text in texts.items():
        found = {one for one in secrets if one and one in text}
        assert found == set(), name


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /" + "x" * 5_000 + " HTTP/1.1", "Host: a"],
        ["GET / HTTP/1.1", "Host: a", *(f"X-{number}: x" for number in range(80))],
        ["GET / HTTP/1.1", "Host: a", "X-Long: " + "x" * 10_000],
        ["GET / HTTP/1.1", "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked"],
        ["GET / HTTP/1.1", "Host: a", "Content-Length: 5", "Content-Length: 6"],
        ["GET / HTTP/1.1", "Host: a", "Content-Length: -1"],
        ["GET / HTTP/1.1", "Host: a", "X-Bad\x00: x"],
        ["GET<script> / HTTP/1.1", "Host: a"],
    ],
    ids=["address", "headers", "header", "smuggled", "lengths", "negative", "name", "method"],
)
def test_a_request_that_no_browser_makes_is_refused(site, lines):
    assert 400 <= status(say(site, *lines, "Connection: close")) < 500


def test_who_sends_a_long_form_slowly_holds_up_others_of_his_kind_alone(site):
    head = (
        f"POST /i18n/setlang/ HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Length: 500000\r\n"
        f"Cookie: csrftoken={'a' * 32}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nx="
    )
    slow = []
    try:
        for _ in range(5 * THREADS):
            slow.append(socket.create_connection(("127.0.0.1", site.port), timeout=60))
            slow[-1].sendall(head.encode())
        for _ in range(THREADS):
            assert status(ask(site, "/accounts/login/")) == 200
    finally:
        for one in slow:
            one.close()


def test_a_name_that_looks_like_a_proxys_is_dropped(site):
    """WSGI writes `-` and `_` alike: else anybody could say what the proxy says."""
    answer = ask(site, "/health/", "X_Forwarded_For: 1.2.3.4")
    assert b'"pool"' in answer
    assert b'"pool"' not in ask(site, "/health/", "X-Forwarded-For: 1.2.3.4")


def test_production_keeps_to_tls(site, tmp_path_factory):
    """Cookies, redirects and HSTS of a production start, as browsers behind its proxy get them."""
    proxied = Site(
        site.database,
        tmp_path_factory.mktemp("production"),
        workers=1,
        DEVELOPMENT="",
        SECRET_KEY="k" * 60,
        ALLOWED_HOSTS="quality.example",
        BEHIND_TLS_PROXY="1",
        MONITOR_INTERVAL="3600",
        STATIC_ROOT=str(tmp_path_factory.mktemp("static")),
        SHUTDOWN_DELAY="0",
    )
    assert proxied.manage("collectstatic", "--no-input").returncode == 0
    with running(proxied):
        host, tls = "Host: quality.example", "X-Forwarded-Proto: https"
        plain = say(proxied, "GET / HTTP/1.1", host, "Connection: close").decode().lower()
        assert "location: https://quality.example/" in plain
        page = say(proxied, "GET /accounts/login/ HTTP/1.1", host, tls, "Connection: close")
        head, _, body = page.decode().partition("\r\n\r\n")
        head = head.lower()
        assert "strict-transport-security: max-age=31536000; includesubdomains; preload" in head
        cookies = [one for one in head.splitlines() if one.startswith("set-cookie:")]
        assert cookies
        assert all("secure" in one and "samesite=lax" in one for one in cookies)
        assert "http:" not in body
        # What breaks says nothing about itself.
        lost = say(proxied, "GET /nowhere HTTP/1.1", host, tls, "Connection: close").decode()
        assert "404" in lost
        for word in ("urlconf", "traceback", "settings", "debug = true"):
            assert word not in lost.lower()


def test_a_stranger_learns_no_version(site):
    for target in ("/accounts/login/", "/nowhere", "/admin/", "/health/live"):
        answer = ask(site, target).lower()
        server = re.search(rb"\r\nserver: ([^\r]*)", answer)
        assert server is None or not re.search(rb"\d", server[1])
        assert b"x-powered-by" not in answer
        assert b"django/" not in answer
