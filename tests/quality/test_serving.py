"""gunicorn answers probes whatever its threads wait for, and stops when told."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger as UsualLogger

from quality import sizing
from quality.devdb.mariadb import PrivateMariaDB
from quality.hearing import LONGEST_BYTES, length_of
from quality.serving import PATIENT_SECONDS, Logger
from tests.chaos.watching import await_true
from tests.faults import Administrator, free_port
from tests.serving import ROOT, Database, Site, running

KEEPALIVE_SECONDS = 5


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory):
    database = Database(PrivateMariaDB(mariadb_home), "quality_serving")
    # One worker, so that no probe reaches another that happens to be free.
    site = Site(database, tmp_path_factory.mktemp("site"), workers=1)
    site.prepare()
    with running(site):
        yield site


def ask(url: str, **headers: str) -> tuple[int, float]:
    """The status, and the seconds that it took."""
    started = time.monotonic()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=120
        ) as it:
            status = it.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    return status, time.monotonic() - started


def test_probes_are_answered_while_every_thread_waits_for_the_database(site, mariadb_home):
    """More requests than threads read a table that somebody has locked."""
    import MySQLdb

    server = PrivateMariaDB(mariadb_home)
    locker = MySQLdb.connect(unix_socket=str(server.socket), user=server.admin_user)
    locker.query("LOCK TABLES quality_serving.accounts_session WRITE")
    answers: list[int] = []
    address = f"{site.url}/scans/recent/"

    def read() -> None:
        answers.append(ask(address, Cookie="sessionid=abcdefghijklmnopqrstuvwxyz012345")[0])

    readers = [threading.Thread(target=read) for _ in range(40)]
    try:
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + 60
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE db='quality_serving'"
        while time.monotonic() < deadline:
            with locker.cursor() as cursor:
                cursor.execute(f"{waiting} AND state LIKE 'Waiting for table%'")
                if cursor.fetchone()[0] >= sizing.WEB_THREADS:
                    break
        assert not answers
        for page in ("live", "ready"):
            status, waited_seconds = ask(f"{site.url}/health/{page}")
            assert status == 200
            # The requests wait for as long as the table is locked.
            assert waited_seconds < 20
        # Nor do those who look why nothing answers wait.
        for page, expected in (("monitor/pool", 401), ("static/monitor/pool.css", 200)):
            status, waited_seconds = ask(f"{site.url}/{page}")
            assert status == expected
            assert waited_seconds < 20
    finally:
        locker.close()
        for reader in readers:
            reader.join(60)
    assert set(answers) <= {401, 503}
    assert len(answers) == 40


def test_whoever_has_given_up_meanwhile_is_not_served(site, mariadb_home):
    """Else a site with too much to do goes on to answer those that send it again."""
    request = (
        b"GET /scans/recent/ HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %s\r\n"
        b"Cookie: sessionid=abcdefghijklmnopqrstuvwxyz012345\r\nConnection: close\r\n\r\n"
    )

    def send(request_id: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", site.port), timeout=120)
        client.sendall(request % request_id)
        return client

    with Administrator(PrivateMariaDB(mariadb_home)) as locker:
        locker.query("LOCK TABLES quality_serving.accounts_session WRITE")
        busy = [send(b"holds-a-thread") for _ in range(sizing.WEB_THREADS)]
        for client in [send(b"has-given-up") for _ in range(20)]:
            client.close()
        last = send(b"waits-patiently")
        # Its worker has heard of all of them by now, and they have waited for long enough.
        time.sleep(PATIENT_SECONDS + 0.5)
    for client in [*busy, last]:
        with client:
            assert client.recv(100).startswith(b"HTTP/1.1 ")
    lines = Path(site.env["LOG_DIR"], "routes.log").read_text
    await_true("it is logged", lambda: "waits-patiently" in lines(), 30)
    assert "holds-a-thread" in lines()
    assert "has-given-up" not in lines()


def test_a_probe_needs_no_host_name_of_ours(site):
    assert ask(f"{site.url}/health/ready", Host="10.0.0.5:8000")[0] == 200
    assert ask(f"{site.url}/accounts/login/", Host="10.0.0.5:8000")[0] == 400


def test_a_client_that_says_nothing_at_first_is_served_when_it_does(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        assert ask(f"{site.url}/health/live")[0] == 200
        client.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize(
    "half",
    [
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"GET /static/monitor/pool.css HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /admin/monitor/pool/act/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=a\r\n"
        b"Content-Length: 100\r\n\r\n{",
        b"POST /scans/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["probe", "static", "page", "order", "scan", "long probe", "endless probe"],
)
def test_clients_that_send_half_a_request_hold_up_no_probe(site, half):
    clients = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    try:
        for client in clients:
            client.sendall(half)
        # They are heard of before those that come later.
        for address in ("health/live", "monitor/pool", "static/monitor/pool.css"):
            assert ask(f"{site.url}/{address}")[1] < 4
    finally:
        for client in clients:
            client.close()


def test_clients_that_tell_of_a_body_without_an_end_hold_up_no_page(site):
    """Each is answered at once; what it has not sent is waited for by the threads for long ones."""
    endless = b"POST /scans/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n{" % (
        b"9" * 14
    )
    clients = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    try:
        for client in clients:
            client.sendall(endless)
        assert ask(f"{site.url}/accounts/login/")[1] < 4
    finally:
        for client in clients:
            client.close()


def test_a_request_may_come_in_pieces(site):
    """Also one that nobody would take for a probe by its first bytes, with a body."""
    head = b"POST /scans/ HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(head)):
            client.sendall(head[number : number + 1])
        # Nobody is signed in.
        assert client.recv(100).startswith(b"HTTP/1.0 401")


def test_requests_may_come_together(site):
    request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(request * 2 + last)
        with client.makefile("rb") as answers:
            assert answers.read().count(b'"alive"') == 3


def test_a_client_that_hangs_up_in_the_middle_costs_nothing(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: ")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


LAST_REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_clients_that_leave_it_to_us_to_close_hold_up_nobody(site):
    """Each has been answered for the last time, and does not hang up."""
    clients = [socket.create_connection(("127.0.0.1", site.port), timeout=60) for _ in range(20)]

    def is_gone(client: socket.socket) -> bool:
        try:
            return not client.send(b"x")
        except OSError:
            return True

    try:
        for client in clients:
            client.sendall(LAST_REQUEST)
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert ask(f"{site.url}/health/live")[1] < 4
        await_true("they are closed", lambda: all(map(is_gone, clients)), 60)
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("more", [b"x" * 10, b"x" * LONGEST_BYTES])
def test_whoever_still_speaks_when_it_ends_reads_all_of_the_answer(site, more):
    """To close at once would make the system reset the connection, and throw it away."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(LAST_REQUEST + more)
        await_true("it is answered", lambda: client.recv(1, socket.MSG_PEEK), 60)
        client.sendall(more)
        with client.makefile("rb") as answer:
            assert b'"alive"' in answer.read()


def test_who_has_asked_while_a_worker_was_stopped_is_answered_when_it_goes_on(site):
    """For longer than a connection is kept: as in a container or on a machine that is paused."""
    clients = [http.client.HTTPConnection("127.0.0.1", site.port, timeout=60) for _ in range(100)]

    def statuses() -> set[int]:
        for client in clients:
            client.request("GET", "/health/live")
        answers = [client.getresponse() for client in clients]
        return {answer.status for answer in answers if answer.read()}

    (pid,) = site.worker_pids
    later = threading.Timer(KEEPALIVE_SECONDS + 1.5, os.kill, [pid, signal.SIGCONT])
    try:
        assert statuses() == {200}
        os.kill(pid, signal.SIGSTOP)
        later.start()
        assert statuses() == {200}
        later.join()
    finally:
        os.kill(pid, signal.SIGCONT)
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("request_", "length"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27),
        (b"GET / HTTP/1.1\r\nCONTENT-length:\t 12\r\n\r\n{", 51),
        (b"GET / HTTP/1.1\r\nA: content-length: 12\r\n\r\n", 41),
    ],
)
def test_how_long_a_request_is_stands_in_its_head(request_, length):
    assert length_of(request_) == length


@pytest.mark.parametrize(
    "header",
    [
        *(b"Transfer-Encoding: chunked", b"Expect: 100-continue"),
        *(b"Content-Length: 99999999999", b"Content-Length: " + b"9" * 5000),
    ],
)
def test_what_has_no_end_that_we_could_await_counts_as_long(header):
    assert length_of(b"GET / HTTP/1.1\r\n%s\r\n\r\n" % header) > LONGEST_BYTES


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_waits_for_its_database_can_be_stopped(tmp_path, number):
    nowhere = f"mysql://u:p@127.0.0.1:{free_port()}/quality"
    master = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "docker/gunicorn.conf.py"],
        cwd=ROOT,
        env=os.environ
        | {"DATABASE_URL": nowhere, "PORT": str(free_port()), "VAR_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert master.stdout is not None
    said = ""
    while "The database is not there yet" not in said:
        said += master.stdout.readline()
    master.send_signal(number)
    # Ends only when the child, which writes to the same pipe, has ended too.
    said += master.stdout.read()
    assert master.wait(60) == 128 + number
    assert "secret" not in said
    master.stdout.close()


@pytest.mark.parametrize(("asked", "is_made"), [(None, False), ("-", True)])
def test_an_access_line_is_made_only_when_somebody_asked_for_it(asked, is_made):
    cfg = Config()
    cfg.set("logconfig_dict", {"version": 1})
    cfg.set("accesslog", asked)
    logger = Logger.__new__(Logger)
    logger.cfg = cfg
    assert logger.access_log_enabled is is_made
    # gunicorn asks by this name, or it would make one for each request.
    assert isinstance(UsualLogger.access_log_enabled, property)


def test_the_scheme_is_not_believed_from_a_header(site):
    """In production: without BEHIND_TLS_PROXY a header does not make a request secure."""
    code = "import runpy; print(runpy.run_path('docker/gunicorn.conf.py')['secure_scheme_headers'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{}"
