"""The clock of a site is put forward and back while stations scan, and that of a station."""

import struct
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.serving import Database, Site, running

pytestmark = pytest.mark.chaos

STEP_SECONDS = 3600
WRONG_SECONDS = 20
# Between a station's clock and the site's, on the same machine.
MOST_SECONDS = 120


class Clock:
    """What the processes of a site take for the time of day."""

    def __init__(self, home: Path) -> None:
        self._file = home / "step"
        self._file.write_bytes(struct.pack("q", 0))
        library = home / "clock.so"
        source = Path(__file__).with_name("clock.c")
        # The compiler that the database's driver was built with.
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(self._file)}

    def step(self, seconds: int) -> None:
        """So many seconds from now as others see it. Durations are what they are."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))


@pytest.fixture(scope="module")
def clock(tmp_path_factory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def site(server, clock, tmp_path_factory) -> Iterator[Site]:
    """Its database has the right time."""
    database = Database(server, "quality_clock")
    site = Site(database, tmp_path_factory.mktemp("site"), **clock.environ)
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def rig(site) -> Iterator[Rig]:
    with Rig(site.url, site.database) as rig:
        yield rig


def newest(site: Site) -> tuple[datetime, datetime]:
    """When the last scan was made and received, as stored."""
    sql = "SELECT scanned_at, received_at FROM scans_scan ORDER BY id DESC LIMIT 1"
    [(made, received)] = site.database.run(sql)
    return made, received


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "an hour fast"), (-1, "an hour slow")], ids=["forward", "back"]
)
def test_a_step_of_the_sites_clock_loses_nothing(
    rig: Rig, site: Site, clock: Clock, report: Report, hours, words
):
    with rig.fault(f"the site's clock: {words} for {WRONG_SECONDS} s, then right again") as episode:
        clock.step(hours * STEP_SECONDS)
        time.sleep(WRONG_SECONDS)
        made, received = newest(site)
        clock.step(0)
    verdict = episode.verdict()
    must = "no session ends; the stored time is the station's"
    assert report.hold(verdict, must=must) == []
    # The clock was another one, and what a station says of its own stays.
    assert abs(received - made - timedelta(hours=hours)).total_seconds() < MOST_SECONDS
    assert not verdict.errors
    assert not verdict.page_errors


def test_a_step_of_a_stations_clock_loses_nothing(rig: Rig, site: Site, report: Report):
    with rig.fault("the station page's clock: put forward by an hour") as episode:
        rig.page.tell(f"later {STEP_SECONDS}")
        time.sleep(5)
    assert report.hold(episode.verdict(), must="the stored time is the station's") == []
    sql = (
        "SELECT COUNT(*) FROM scans_scan WHERE station_id = 'FG-02' "
        "AND scanned_at > received_at + INTERVAL 50 MINUTE"
    )
    assert site.database.run(sql)[0][0] > 0
