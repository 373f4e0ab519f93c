"""A file on its way costs no connection and no memory, and one that was cut off looks so."""

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import freeze
from tests.serving import PASSWORD, Browser, Database, Site, running

SCANS = 100_000
QUERY = "?since=2026-01-01&until=2026-12-31"
FILL = f"""
INSERT INTO scans_scan (
    uid, station_id, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at,
    scanned_offset_minutes, received_at, recorded_by_id
)
SELECT
    UUID(), CONCAT('FG-0', MOD(seq, 4) + 1), 'OP0001',
    CONCAT('CP', 70000000 + seq DIV 1000, '-', LPAD(MOD(seq, 1000), 4, '0')),
    CONCAT('CP', 70000000 + seq DIV 1000), 'OC01', 'OC11', IF(MOD(seq, 40), '000', '001'),
    '', '{{}}', '2026-03-01' + INTERVAL seq * 6 SECOND, 120,
    '2026-03-01' + INTERVAL seq * 6 SECOND, (SELECT MIN(id) FROM accounts_user)
FROM seq_1_to_{SCANS}
"""


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    database = Database(PrivateMariaDB(mariadb_home), "quality_exports")
    site = Site(database, tmp_path_factory.mktemp("site"), workers=1)
    site.prepare()
    database.run(FILL)
    assert site.manage("rebuildrollups").returncode == 0
    with running(site):
        yield site


@pytest.fixture(scope="module")
def cookie(site) -> str:
    browser = Browser(site.url, PASSWORD, user="quality")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser._cookies)


@contextmanager
def asked(site: Site, cookie: str, path: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    with closing(connection):
        connection.connect()
        # So little is read ahead that the server notices who is slow.
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.request("GET", path, headers={"Cookie": cookie})
        with closing(connection.getresponse()) as answer:
            assert answer.status == 200
            yield answer


def in_use(site: Site) -> int:
    status = json.loads(site.manage("poolstatus", "--json").stdout)
    found: int = status["total"]["in_use"]
    return found


def memory_bytes(site: Site) -> int:
    (pid,) = site.worker_pids
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_a_slow_reader_holds_no_connection_and_gets_all(site, cookie, name):
    with asked(site, cookie, f"/scans/export.{name}{QUERY}") as answer:
        parts = [answer.read(1000)]
        # It fills what lies between, and then it waits for the reader.
        rests_for_a_second(site)
        parts.append(answer.read())
        assert answer.headers["X-Total-Rows"] == str(SCANS)
    data = b"".join(parts)
    if name == "csv":
        assert data.count(b"\r\n") == SCANS + 1
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sheet = archive.read("xl/worksheets/sheet1.xml")
        assert sheet.count(b"<row ") == SCANS + 1


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_a_hundred_thousand_rows_come_within_30_seconds_at_flat_memory(site, cookie, name):
    def take() -> float:
        began = time.monotonic()
        with asked(site, cookie, f"/scans/export.{name}{QUERY}") as answer:
            while answer.read(1_000_000):
                pass
        return time.monotonic() - began

    take()  # What it needs in any case is there by now.
    before = memory_bytes(site)
    assert take() < 30
    # The file has 25 MB as CSV, and its rows take more.
    assert memory_bytes(site) - before < 10_000_000


def test_who_leaves_in_the_middle_makes_room_for_another(site, cookie):
    before = len(lines(site, "cut off"))
    for number in range(before + 1, before + 4):
        with asked(site, cookie, f"/scans/export.csv{QUERY}") as answer:
            answer.read(1000)
        deadline = time.monotonic() + 30
        while len(lines(site, "cut off")) < number and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(lines(site, "cut off")) == number
    # A chore of the site may use one for a moment.
    rests_for_a_second(site)


def rests_for_a_second(site: Site) -> None:
    """Return once no connection was in use for so long."""
    used_at = began = time.monotonic()
    while (now := time.monotonic()) - used_at < 1:
        assert now - began < 30, "It is still in use."
        if in_use(site):
            used_at = now
        time.sleep(0.05)


def lines(site: Site, outcome: str) -> list[str]:
    log = Path(site.env["LOG_DIR"], "settings.log").read_text()
    return [line for line in log.splitlines() if f"quality exported scans: {outcome}" in line]


def test_what_fails_on_the_way_is_no_whole_file(site, cookie):
    """The table vanishes; the reader is told so by an end that is none."""
    before = len(lines(site, "failed"))
    with asked(site, cookie, f"/scans/export.csv{QUERY}") as answer:
        answer.read(1000)
        time.sleep(1)
        site.database.run("RENAME TABLE scans_scan TO scans_gone")
        try:
            with pytest.raises(http.client.IncompleteRead):
                answer.read()
        finally:
            site.database.run("RENAME TABLE scans_gone TO scans_scan")
    assert len(lines(site, "failed")) == before + 1
    with asked(site, cookie, f"/scans/export.csv{QUERY}&station=none") as answer:
        assert len(answer.read().splitlines()) == 1


def test_a_command_that_is_killed_leaves_no_file_under_its_name(site, tmp_path):
    path = tmp_path / "scans.csv"
    command = site.command("exportscans", f"--output={path}", "--since=2026-01-01")
    child = subprocess.Popen(command, env=site.env)
    try:
        while not any(entry.stat().st_size > 100_000 for entry in tmp_path.iterdir()):
            assert child.poll() is None
            time.sleep(0.01)
        freeze(child.pid)
        assert not path.exists()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert not path.exists()
