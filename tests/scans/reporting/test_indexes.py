"""What is asked often reads indexes, and no more than it is about, also among many scans."""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from scans.models import Scan
from scans.reporting import reports, rollups
from scans.reporting.board import board
from scans.reporting.filters import Filters
from scans.shifts import FACTORY, Shift
from tests.benchmarks.filling import NOW, USER, clear, fill
from tests.scans.reporting.history import end, make_scan
from tests.scans.test_indexes import rows_read

SCANS = 30_000
TODAY = NOW.date()
DAY = Filters(since=TODAY, until=TODAY)
# Ten minutes in which 187 pieces are scanned.
SHORT = (("morning", time(6)), ("afternoon", time(13, 30)), ("night", time(13, 40)))
SHORT_SHIFT = Shift(TODAY, "afternoon", SHORT)
EARLIER_INCIDENTS = """
INSERT INTO scans_incident (uid, kind, happened_at, codes, received_at, recorded_by_id)
SELECT UUID(), 'abandoned', happened_at - INTERVAL 60 DAY, '{}', received_at, recorded_by_id
FROM scans_incident JOIN seq_1_to_50
"""


@pytest.fixture(scope="module", autouse=True)
def many(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        fill(SCANS, lambda _text: None)
        rollups.rebuild()
        with connection.cursor() as cursor:
            cursor.execute(EARLIER_INCIDENTS)
            cursor.execute("ANALYZE TABLE scans_rollup, scans_shiftrollup, scans_incident")
            cursor.fetchall()
        yield
        clear()


def plans(act: Callable[[], Any]) -> dict[str, set[tuple[str | None, bool]]]:
    """By which keys the big tables are read in all that `act` asks, and whether by them alone."""
    with CaptureQueriesContext(connection) as captured:
        act()
    found: dict[str, set[tuple[str | None, bool]]] = {}
    with connection.cursor() as cursor:
        for query in captured:
            if "SELECT" not in query["sql"] or "scans_" not in query["sql"]:
                continue
            cursor.execute(f"EXPLAIN {query['sql']}")
            names = [column[0] for column in cursor.description]
            for values in cursor.fetchall():
                row = dict(zip(names, values, strict=True))
                table = row["table"]
                # What has no key is a table of a handful of rows, or one that is made on the way.
                if row["key"] is None:
                    assert int(row["rows"] or 0) < 500 or table.startswith("<"), row
                else:
                    is_alone = "Using index" in (row["Extra"] or "").split("; ")
                    found.setdefault(table, set()).add((row["key"], is_alone))
    return found


@pytest.mark.usefixtures("db")
def test_the_board_reads_indexes():
    found = plans(lambda: board(SHORT_SHIFT, NOW))
    assert found["s"] == {("scan_time", False)}
    # Whether a scan is the first of its piece: the index has all of it.
    assert found["o"] == {("scan_cp", True)}
    assert found["e"] == found["oe"] == {("event_of_scan", True)}
    assert found["last"] == {("scan_station_time", True)}


@pytest.mark.usefixtures("db")
def test_the_board_reads_no_more_than_the_shift():
    found = board(SHORT_SHIFT, NOW)
    scans = sum(station.scans for station in found.stations)
    assert 150 < scans < 200
    assert rows_read(lambda: board(SHORT_SHIFT, NOW)) < 12 * scans < SCANS / 10


@pytest.mark.usefixtures("db")
def test_nothing_new_is_found_to_be_so_by_a_few_rows():
    assert rows_read(rollups.refresh) < 40


@pytest.mark.usefixtures("db")
def test_what_is_new_costs_the_hour_in_which_it_is():
    user = User.objects.get(username=USER)
    rollups.refresh()

    def scan_and_void() -> None:
        scan = make_scan(user, NOW, cp="CP99999999-0001", station_id="FG-01")
        end(scan, user)
        rollups.freshen()

    # 1,100 scans in an hour of all stations, 9,000 in a shift. Each is looked at several times, to
    # be put in order and to be added up.
    assert rows_read(scan_and_void) < 30_000
    found = plans(rollups.freshen)
    assert set(found) <= {"state", "scans_revision", "scans_rollupstate", "scans_recount"} | {
        "scans_scan", "scans_event",
    }  # fmt: skip


PARTS = [
    reports.totals,
    reports.by_station,
    reports.by_operator,
    reports.by_shift,
    reports.defects,
    reports.chart,
    reports.hourly,
]


@pytest.mark.parametrize("report", PARTS)
def test_a_report_reads_the_roll_ups_of_its_days_alone(db, report):
    found = plans(lambda: report(DAY))
    assert found == {"scans_shiftrollup": {("PRIMARY", False)}}
    everything = Filters(since=TODAY - timedelta(days=9), until=TODAY)
    a_day, all_days = rows_read(lambda: report(DAY)), rows_read(lambda: report(everything))
    assert a_day < all_days * 0.8
    # Roll-ups, not scans.
    assert all_days < SCANS / 3


@pytest.mark.parametrize("report", PARTS)
def test_a_report_of_an_order_reads_the_roll_ups_of_the_order(db, report):
    order = Scan.objects.latest("pk").cp_base
    f = Filters(since=TODAY - timedelta(days=9), until=TODAY, cp_base=order)
    assert plans(lambda: report(f)) == {"scans_rollup": {("rollup_order", False)}}
    assert rows_read(lambda: report(f)) < 200


def test_reinspections_read_the_scans_of_the_orders_that_have_some(db):
    found = plans(lambda: reports.reinspected(DAY))
    assert found["s"] == {("scan_order", True)}
    assert found["last"] == {("PRIMARY", False)}
    assert found["e"] == {("event_of_scan", True)}


def test_the_page_of_data_quality_reads_the_incidents_of_its_time(db):
    f = Filters(since=TODAY, until=TODAY, shift="morning")
    found = plans(lambda: reports.data_quality(f))
    assert {key for key, _is_alone in found["scans_incident"]} == {"incident_time"}
    assert rows_read(lambda: reports.data_quality(f)) < 1500


def test_moments_of_the_filling_are_those_of_the_tests(db):
    newest = Scan.objects.order_by("-scanned_at").first()
    assert newest is not None
    assert NOW - newest.scanned_at < timedelta(minutes=1)
    assert newest.scanned_at.astimezone(FACTORY).hour == 13
