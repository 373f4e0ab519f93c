"""The database freezes, is full, closes connections and is far away while stations scan."""

import contextlib
import os
import subprocess
import time
from collections.abc import Collection, Iterator

import MySQLdb
import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.chaos.watching import await_true
from tests.faults import Administrator, Proxy, frozen
from tests.serving import Database, Site, running

pytestmark = pytest.mark.chaos

FREEZE_SECONDS = 20
FULL_SECONDS = 10
SHORT_SECONDS = 15
FAR_SECONDS = 15
# MariaDB refuses to have fewer; what the site does not need to have, others take.
FEWEST_CONNECTIONS, LEFT = 10, 2
SMALL_DISK_MB = 192


def test_a_frozen_database_loses_nothing(rig: Rig, server, report: Report):
    with rig.fault(f"MariaDB: SIGSTOP for {FREEZE_SECONDS} s") as episode, frozen(server):
        time.sleep(FREEZE_SECONDS)
    assert report.hold(episode.verdict()) == []


# ----- Connections


def end_connections(administrator: Administrator, *, but: Collection[int] = ()) -> None:
    for number in administrator.connections():
        if number not in but:
            with contextlib.suppress(MySQLdb.OperationalError):  # has ended meanwhile
                administrator.query(f"KILL {number}")


@contextlib.contextmanager
def hogging(server: PrivateMariaDB, administrator: Administrator, count: int) -> Iterator[set[int]]:
    """Somebody else has so many connections, and took them from whoever had them."""
    own: set[int] = set()
    with contextlib.ExitStack() as open_ones:
        while len(own) < count:
            try:
                connection = MySQLdb.connect(
                    unix_socket=str(server.socket), user="quality", password=server.password
                )
            except MySQLdb.OperationalError:
                # The site was quicker.
                end_connections(administrator, but=own)
                continue
            open_ones.callback(connection.close)
            own.add(connection.thread_id())
        yield own


def test_a_server_without_room_loses_nothing(rig: Rig, server, report: Report):
    title = (
        f"max_connections: {FEWEST_CONNECTIONS}, {LEFT} of them left to the site, all others cut"
    )
    with Administrator(server) as administrator:
        with (
            rig.fault(title) as episode,
            administrator.setting("max_connections", FEWEST_CONNECTIONS),
        ):
            end_connections(administrator)
            with hogging(server, administrator, FEWEST_CONNECTIONS - LEFT) as taken:
                time.sleep(FULL_SECONDS)
                is_full = taken <= set(administrator.connections())
        assert report.hold(episode.verdict()) == []
    assert is_full, "the server had room for all"


def test_connections_that_the_server_closes_when_idle_cost_nobody_an_error(
    rig: Rig, server, report: Report
):
    with Administrator(server) as administrator, administrator.setting("wait_timeout", 1):
        # Those that there are keep the time that they began with.
        end_connections(administrator)
        time.sleep(2)
        before = administrator.status("Aborted_clients")
        with rig.fault("wait_timeout: 1 s, so that the server closes what idles") as episode:
            time.sleep(SHORT_SECONDS)
        closed = administrator.status("Aborted_clients") - before
        verdict = episode.verdict()
        assert report.hold(verdict, must="one retry mends it") == []
        assert verdict.more_than_one_retry == 0
    assert closed, "the server closed none"
    with Administrator(server) as administrator:
        end_connections(administrator)


# ----- The way there


def test_a_database_far_away_loses_nothing(rig: Rig, to_database: Proxy, report: Report):
    with rig.fault("database 200 ms away") as episode:
        to_database.delay_seconds = 0.2
        time.sleep(FAR_SECONDS)
        to_database.delay_seconds = 0.0
    verdict = episode.verdict()
    assert report.hold(verdict, must="no errors") == []
    assert not verdict.errors


def test_a_way_to_the_database_that_loses_packets_loses_no_scan(
    rig: Rig, to_database: Proxy, report: Report
):
    with rig.fault("10 % of what the database answers is lost, and sent again by TCP") as episode:
        to_database.lost_share = 0.1
        time.sleep(FAR_SECONDS)
        to_database.lost_share = 0.0
    assert report.hold(episode.verdict()) == []


def test_connections_that_only_the_site_believes_in_lose_nothing(
    rig: Rig, to_database: Proxy, report: Report
):
    with rig.fault("half-open: the way to the database forgets all connections") as episode:
        to_database.forget()
    assert report.hold(episode.verdict()) == []
    to_database.hear()


def test_answers_that_get_lost_store_nothing_twice(rig: Rig, to_database: Proxy, report: Report):
    with rig.fault("20 times the answer to a scan's INSERT is lost on the way back") as episode:
        for _ in range(20):
            to_database.lose_next_answer(to=b"INSERT INTO `scans_scan`")
            await_true("it was lost", lambda: not to_database.is_to_lose, 30)
    assert report.hold(episode.verdict()) == []


def test_a_way_to_the_database_that_is_cut_loses_nothing(
    rig: Rig, to_database: Proxy, report: Report
):
    with rig.fault("no way to the database for 10 s: refused, and all connections cut") as episode:
        to_database.stop()
        to_database.cut()
        time.sleep(10)
        to_database.start()
    assert report.hold(episode.verdict()) == []


# ----- The disk


@pytest.fixture
def small_disk(tmp_path) -> Iterator[PrivateMariaDB]:
    """A server whose data lies on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("Only root may mount a small disk.")
    home = tmp_path / "db"
    home.mkdir()
    size = f"size={SMALL_DISK_MB}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", home], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"This machine lets nobody mount a small disk: {mounted.stderr.strip()}")
    try:
        with running(PrivateMariaDB(home)) as server:
            yield server
    finally:
        subprocess.run(["umount", home], check=True)


def test_a_full_disk_loses_nothing(small_disk: PrivateMariaDB, tmp_path, report: Report):
    site = Site(Database(small_disk, "quality_full"), tmp_path)
    site.prepare()
    filler = small_disk.home / "filler"
    with running(site), Rig(site.url, site.database) as rig:
        with rig.fault("disk of the database: full for 20 s, then free again") as episode:
            fill(filler)
            time.sleep(20)
            filler.unlink()
        assert report.hold(episode.verdict(arrive_seconds=120)) == []


def fill(path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0" * 65536):
            pass
