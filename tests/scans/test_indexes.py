"""The hot queries read an index, also among many rows."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from scans import queries
from scans.corrections import void_scan
from scans.demo import seed_master_data
from scans.models import Defect, Event, Operator, Scan, Station
from scans.recording import record_scan
from scans.shifts import shift_at
from scans.submission import read, read_void
from tests.records import empty
from tests.scans.sample import payload

SCANS = 12_000
DEVICE = UUID("11111111-2222-4333-8444-555555555555")
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
MIDDLE = FIRST + timedelta(minutes=3 * SCANS / 2)

# One each 3 minutes from the stations in turn, orders of 100 pieces, some of them voided.
FILL = f"""
INSERT INTO scans_scan (
    uid, station_id, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at,
    scanned_offset_minutes, received_at, recorded_by_id, device
)
SELECT
    UUID(), CONCAT('FG-0', MOD(seq, 4) + 1), 'OP0001',
    CONCAT('CP', 70000000 + seq DIV 100, '-', LPAD(MOD(seq, 100), 4, '0')),
    CONCAT('CP', 70000000 + seq DIV 100), 'OC01', 'OC11', IF(MOD(seq, 40) = 0, '001', '000'),
    '', '{{}}', '{FIRST:%Y-%m-%d}' + INTERVAL seq * 3 MINUTE, 120,
    '{FIRST:%Y-%m-%d}' + INTERVAL seq * 3 MINUTE,
    (SELECT id FROM accounts_user WHERE username = 'many'), IF(MOD(seq, 50) = 0, '{DEVICE}', UUID())
FROM seq_1_to_{SCANS}
"""
VOID = """
INSERT INTO scans_event
    (scan_id, kind, reason, happened_at, happened_offset_minutes, received_at, recorded_by_id)
SELECT id, 'void', 'test', scanned_at, 120, scanned_at, recorded_by_id
FROM scans_scan WHERE MOD(id, 30) = 0
"""


@pytest.fixture(scope="module", autouse=True)
def many(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        seed_master_data()
        User.objects.create(username="many")
        with connection.cursor() as cursor:
            cursor.execute(FILL)
            cursor.execute(VOID)
            cursor.execute("ANALYZE TABLE scans_scan, scans_event")
            cursor.fetchall()
        yield
        empty(Event, Scan)
        for model in (Station, Operator):
            model.objects.all().delete()
        Defect.objects.exclude(code="000").delete()
        User.objects.filter(username="many").delete()


@pytest.fixture
def user(db) -> User:
    return User.objects.get(username="many")


@pytest.fixture
def scan(db) -> Scan:
    """One from the middle of them."""
    return Scan.objects.valid().filter(scanned_at__lt=MIDDLE, station="FG-01").latest("pk")


def keys(act: Callable[[], Any]) -> dict[str, set[str | None]]:
    """By which indexes the server reads the two big tables in all that `act` asks."""
    with CaptureQueriesContext(connection) as captured:
        act()
    found: dict[str, set[str | None]] = {"scans": set(), "events": set()}
    with connection.cursor() as cursor:
        for query in captured:
            # The floor is read once, and held.
            if not re.match(r"\s*SELECT.*scans_scan", query["sql"], re.DOTALL):
                continue
            cursor.execute(f"EXPLAIN {query['sql']}")
            names = [column[0] for column in cursor.description]
            for values in cursor.fetchall():
                row = dict(zip(names, values, strict=True))
                if row["possible_keys"] or row["key"]:
                    table = "events" if row["key"] == "event_of_scan" else "scans"
                    found[table].add(row["key"])
                else:
                    assert int(row["rows"]) < 500, f"reads all of {row['table']}"
    return found


def rows_read(act: Callable[[], Any]) -> int:
    """How many entries of indexes and rows of tables the server looks at for it."""

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
            return sum(int(value) for _name, value in cursor.fetchall())

    before = count()
    act()
    return count() - before


def test_the_admins_lists_of_records_read_what_they_show(client_of):
    """And not the whole table, to count it; nor something more for each row."""
    admin = client_of("admin")

    def statements(query: str = "") -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(f"/admin/scans/scan/{query}").status_code == 200
        return len(captured)

    statements()  # The first reads the rights.
    for query in ("", "?p=3", "?station__code__exact=FG-01", "?defect__code__exact=001", "?o=1"):
        assert rows_read(lambda query=query: statements(query)) < SCANS / 2
    assert rows_read(lambda: statements("?q=CP70000050-0007")) < 100
    assert statements() == statements("?q=CP70000050-0007")
    assert rows_read(lambda: admin.get("/admin/scans/event/")) < SCANS / 2


def test_a_poll_reads_the_indexes_of_station_and_order(scan):
    shift = shift_at(MIDDLE)

    def poll() -> None:
        found = queries.poll(shift, station="FG-01", cp_base=scan.cp_base)
        assert len(found.scans) == queries.RECENT
        assert found.totals["approved"] > 30
        assert found.order is not None
        assert sum(found.order.values()) > 90

    assert keys(poll) == {
        "scans": {"scan_station", "scan_station_time", "scan_order"},
        "events": {"event_of_scan"},
    }
    # 40 of the shift, 100 of the order, the last 15; of each whether it was voided.
    assert rows_read(poll) < 1000 < SCANS


def test_a_poll_of_all_stations_reads_the_indexes_of_time(db):
    shift = shift_at(MIDDLE)
    assert keys(lambda: queries.poll(shift)) == {
        "scans": {"PRIMARY", "scan_time", "scan_order"},
        "events": {"event_of_scan"},
    }
    assert rows_read(lambda: queries.poll(shift)) < 1500 < SCANS


def test_a_scan_looks_up_its_cp_by_an_index(scan, user):
    def record() -> None:
        stored, created = record_scan(read(payload(cp=scan.cp)), user)
        assert created
        assert stored.reinspection_of_id == scan.uid

    assert keys(record) == {"scans": {"scan_cp"}, "events": {"event_of_scan"}}


def test_a_void_finds_its_scan_by_an_index(scan, user):
    void = read_void({"reason": "test", "voided_at": "2026-11-20T14:05:09+02:00"})
    found = keys(lambda: void_scan(scan.uid, void, user, may_correct_any=True))
    assert found == {"scans": {"uid"}, "events": {"event_of_scan"}}


def test_a_tally_reads_nothing_but_its_index(db):
    shift = shift_at(MIDDLE)

    def tally() -> None:
        assert queries.tally(DEVICE, shift.start, shift.end) in (3, 4)

    assert keys(tally) == {"scans": {"scan_device_time"}, "events": set()}
    assert rows_read(tally) < 20
