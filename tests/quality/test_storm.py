"""Many who sign in at once hold up each other, and no station."""

import http.client
import socket
import statistics
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.hearing import LONGEST_BYTES, hashes
from quality.serving import HASHING_NICE, MOST_HASHING
from tests.serving import PASSWORD, Browser, Database, Site, running

ATTEMPTS = 50
WRONG = urllib.parse.urlencode(
    {"username": "quality", "password": "wrong", "csrfmiddlewaretoken": "a" * 32}
)
HEADERS = {
    "Cookie": f"csrftoken={'a' * 32}",
    "Content-Type": "application/x-www-form-urlencoded",
}


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory):
    database = Database(PrivateMariaDB(mariadb_home), "quality_storm")
    site = Site(database, tmp_path_factory.mktemp("site"), workers=1)
    site.prepare()
    with running(site):
        yield site


def guess(site: Site, path: str = "/accounts/login/", body: str = WRONG) -> tuple[int, str | None]:
    """The status, and after how many seconds to come again."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=120)
    try:
        connection.request("POST", path, body, HEADERS)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Retry-After")
    finally:
        connection.close()


def scan(browser: Browser, number: int) -> float:
    began = time.monotonic()
    assert browser.scan(cp=f"CP70000001-{number:04}") == 201
    return time.monotonic() - began


def test_a_storm_of_sign_ins_leaves_a_station_and_the_pool_alone(site):
    station = Browser(site.url, PASSWORD)
    calm = [scan(station, number) for number in range(20)]
    answers: list[tuple[int, str | None]] = []

    def storm() -> None:
        answers.append(guess(site))

    guessers = [threading.Thread(target=storm) for _ in range(ATTEMPTS)]
    for guesser in guessers:
        guesser.start()
    in_storm = []
    while len(in_storm) < 100 and any(guesser.is_alive() for guesser in guessers):
        in_storm.append(scan(station, 100 + len(in_storm)))
    for guesser in guessers:
        guesser.join(120)

    assert len(in_storm) >= 10
    # Without a thread of their own they take all threads, for seconds.
    assert statistics.median(in_storm) < max(10 * statistics.median(calm), 0.2)
    assert max(in_storm) < 3
    statuses = Counter(status for status, _retry in answers)
    assert statuses.keys() == {200, 503}
    assert statuses[200] >= MOST_HASHING
    assert {retry for status, retry in answers if status == 503} == {"5"}
    # Who comes afterwards gets in.
    Browser(site.url, PASSWORD, user="auditor")


def test_hashing_yields_to_all_others(site):
    guess(site)
    (pid,) = site.worker_pids
    threads = {
        # Behind the name, which may hold spaces: the 19th value is the niceness.
        int((task / "stat").read_text().rpartition(")")[2].split()[16])
        for task in Path(f"/proc/{pid}/task").iterdir()
    }
    assert threads == {0, HASHING_NICE}


def test_a_sign_in_that_is_long_or_never_ends_is_refused(site):
    assert guess(site, body=WRONG + "&more=" + "x" * LONGEST_BYTES)[0] == 413


@pytest.mark.parametrize("front", ["", "\r\n"])
def test_a_sign_in_that_tells_of_more_than_anybody_sends_is_refused(site, front):
    """Else it would wait for more in the only thread for sign-ins, or go past it."""
    request = f"{front}POST /accounts/login/ HTTP/1.1\r\nContent-Length: {'9' * 14}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
        client.sendall(request.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/x/accounts/login/", "/accounts/login/"])
def test_no_header_moves_the_site_below_another_path(site, path):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=120)
    connection.request("POST", path, WRONG, HEADERS | {"SCRIPT_NAME": "/x"})
    assert connection.getresponse().status == (404 if path.startswith("/x") else 200)
    connection.close()


@pytest.mark.parametrize(
    ("target", "is_hashing"),
    [
        ("/accounts/login/", True),
        ("/accounts/login/?next=/", True),
        ("/accounts/password/", True),
        ("/%61ccounts/login/", True),
        ("/acc%6Funts%2Flogin/", True),
        ("http://quality.example/accounts/login/", True),
        ("/accounts/logout/", False),
        ("/scans/", False),
        ("/scans/?next=/accounts/login/", False),
        ("http://[/accounts/login/", False),
        ("", False),
    ],
)
def test_however_an_address_is_written_hashing_has_its_thread(target, is_hashing):
    assert hashes(f"POST {target} HTTP/1.1\r\n\r\n".encode()) == is_hashing
