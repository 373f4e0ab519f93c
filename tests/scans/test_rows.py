"""The scans of a filter, page by page and all of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from scans.demo import seed_master_data
from scans.models import (
    Defect,
    Event,
    Operator,
    Recount,
    RollUp,
    RollUpState,
    Scan,
    ShiftRollUp,
    Station,
)
from scans.reporting import marking, rollups, rows
from scans.reporting.filters import BadFilter, Filters
from scans.reporting.narrowing import narrowed
from scans.shifts import STANDARD, shift_at
from tests.records import empty
from tests.scans.test_indexes import rows_read

SCANS = 12_000
# Over both nights of 2026 in which the clock changes there is one in each 25 minutes.
FIRST = datetime(2026, 3, 20, 1, tzinfo=UTC)

FILL = f"""
INSERT INTO scans_scan (
    uid, station_id, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at,
    scanned_offset_minutes, received_at, recorded_by_id, device
)
SELECT
    UUID(), IF(MOD(seq, 5) = 4, NULL, CONCAT('FG-0', MOD(seq, 5) + 1)),
    CONCAT('OP', LPAD(MOD(seq DIV 7, 12), 4, '0')),
    CONCAT('CP', 70000000 + seq DIV 100, '-', LPAD(MOD(seq, 100), 4, '0')),
    CONCAT('CP', 70000000 + seq DIV 100), CONCAT('OC0', MOD(seq, 3)), 'OC11',
    IF(MOD(seq, 40) = 0, IF(MOD(seq, 80) = 0, '001', '007'), '000'), '', '{{}}',
    '{FIRST:%Y-%m-%d %H:%M}' + INTERVAL (seq DIV 3) * 75 MINUTE, 120,
    '{FIRST:%Y-%m-%d %H:%M}' + INTERVAL seq * 25 MINUTE,
    (SELECT id FROM accounts_user WHERE username = 'many'), UUID()
FROM seq_1_to_{SCANS}
ORDER BY MOD(seq * 7919, {SCANS})
"""
VOID = """
INSERT INTO scans_event
    (scan_id, kind, reason, happened_at, happened_offset_minutes, received_at, recorded_by_id)
SELECT id, 'void', CONCAT('reason ', id), scanned_at, 120, scanned_at, recorded_by_id
FROM scans_scan WHERE MOD(id, 30) = 0
"""


@pytest.fixture(scope="module", autouse=True)
def many(django_db_setup, django_db_blocker) -> Iterator[list[Scan]]:
    """All of them, in order: each test leaves them as they are."""
    with django_db_blocker.unblock():
        seed_master_data()
        User.objects.create(username="many")
        with connection.cursor() as cursor:
            cursor.execute(FILL)
            cursor.execute(VOID)
            cursor.execute("ANALYZE TABLE scans_scan, scans_event")
            cursor.fetchall()
        rollups.rebuild()
        yield list(Scan.objects.order_by("scanned_at", "pk"))
        empty(Event, Scan, RollUp, ShiftRollUp, RollUpState, Recount)
        for model in (Station, Operator):
            model.objects.all().delete()
        Defect.objects.exclude(code="000").delete()
        User.objects.filter(username="many").delete()


def filters(**changes: Any) -> Filters:
    return Filters(**{"since": date(2026, 3, 1), "until": date(2026, 11, 30)} | changes)


shift_of = cache(shift_at)


def fits(scan: Scan, f: Filters) -> bool:
    """The same, told for one scan after the other."""
    shift = shift_of(scan.scanned_at)
    codes = {
        "station": scan.station_id or "-",
        "operator": scan.operator,
        "cp_base": scan.cp_base,
        "oc1": scan.oc1,
        "oc2": scan.oc2,
        "defect": scan.defect_id,
        "shift": shift.name,
        "result": "approved" if scan.defect_id == "000" else "rejected",
    }
    return f.since <= shift.day <= f.until and all(
        codes[name] == value for name, value in f.chosen.items()
    )


EACH = [
    {},
    {"since": date(2026, 10, 24), "until": date(2026, 10, 25)},
    {"shift": "night"},
    {"shift": "morning", "since": date(2000, 1, 1), "until": date(2099, 12, 31)},
    {"since": date(2000, 1, 1), "until": date(2099, 12, 31)},
    {"station": "FG-02"},
    {"station": "-"},
    {"operator": "OP0003"},
    {"cp_base": "CP70000033"},
    {"oc1": "OC02"},
    {"oc1": "OC01", "oc2": "OC11", "shift": "night"},
    {"defect": "001"},
    {"defect": "000", "station": "FG-01"},
    {"defect": "007", "shift": "afternoon", "result": "rejected"},
    {"result": "rejected"},
    {"result": "approved", "operator": "OP0001"},
    {"cp_base": "CP70000033", "defect": "001", "station": "FG-01"},
    {"operator": "OP0404"},
    {"oc1": "OC77"},
    {"since": date(2031, 1, 1), "until": date(2033, 1, 1)},
]


@pytest.mark.parametrize("chosen", EACH, ids=str)
def test_pages_and_batches_hold_what_fits_in_order(db, many, chosen):
    f = filters(**chosen)
    expected = [scan.pk for scan in many if fits(scan, f)]

    found, after = [], ""
    while True:
        page = rows.page(f, after=after, size=997)
        found += [scan.pk for scan in page.scans]
        after = page.next
        if not after:
            break
        assert len(page.scans) == 997
    assert found == expected[::-1]

    taken = list(rows.batches(f, size=613))
    assert [row.id for batch in taken for row in batch] == expected
    assert {len(batch) for batch in taken[:-1]} <= {613}
    assert rows.count(f) == len(expected)


def test_of_what_is_left_of_a_moment_nothing_is_lost_or_shown_twice(db, many):
    """Three were scanned at each moment; pages end between them."""
    f = filters(since=date(2026, 5, 1), until=date(2026, 5, 7))
    expected = [scan.pk for scan in reversed(many) if fits(scan, f)]
    for size in (1, 2, 3, 4):
        found, after = [], ""
        while not found or after:
            page = rows.page(f, after=after, size=size)
            found += [scan.pk for scan in page.scans]
            after = page.next
        assert found == expected


def test_a_page_says_of_each_scan_whether_it_counts(db):
    voided = set(Event.objects.values_list("scan_id", flat=True))
    page = rows.page(filters())
    assert len(page.scans) == rows.PAGE_SIZE
    assert {scan.pk for scan in page.scans if scan.is_voided} == voided & {
        scan.pk for scan in page.scans
    }
    assert any(scan.ended == "void" for scan in page.scans)
    with CaptureQueriesContext(connection) as captured:
        assert all(scan.defect.name and scan.recorded_by.username for scan in page.scans)
    assert len(captured) == 0


@pytest.mark.parametrize(
    "after",
    ["x", "-", "12", "1-", "-1", "0x1-1", "1-1_0", "+1-1", "f" * 40 + "-1", "1-" + "f" * 16],
)
def test_a_position_that_was_never_given_out_is_refused(db, after):
    with pytest.raises(BadFilter) as caught:
        rows.page(filters(), after=after)
    assert "after" in caught.value.errors


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        ({}, "scan_time"),
        ({"shift": "night"}, "scan_time"),
        ({"result": "rejected"}, "scan_time"),
        ({"oc1": "OC01"}, "scan_time"),
        ({"station": "FG-01"}, "scan_station_time"),
        ({"station": "-"}, "scan_station_time"),
        ({"station": "FG-01", "shift": "night"}, "scan_station_time"),
        ({"operator": "OP0001"}, "scan_operator_time"),
        ({"defect": "001"}, "scan_defect_time"),
        ({"defect": "000"}, "scan_time"),
        ({"cp_base": "CP70000033"}, "scan_order"),
    ],
    ids=str,
)
@pytest.mark.parametrize("way", ["page", "batch"])
def test_each_filter_reads_its_index_and_no_more_than_a_page(db, chosen, index, way):
    f = filters(**chosen)

    def read() -> None:
        if way == "page":
            rows.page(f)
        else:
            next(rows.batches(f, size=100))

    with CaptureQueriesContext(connection) as captured:
        read()
    asked = [query["sql"] for query in captured if "FROM scans_scan s" in query["sql"]]
    assert len(asked) >= 2
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}")
            names = [column[0] for column in cursor.description]
            plan = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        assert [step["key"] for step in plan if step["table"] == "s"] == [index]
        if sql.startswith(("SELECT MIN", "SELECT MAX")) and index != "scan_order":
            assert "filesort" not in str(plan)
    # Of 12,000: a page, its edge, what became of each. Of what no index finds, more.
    rate = 40 if "result" in chosen else 3 if "oc1" in chosen else 1
    roll_ups = rows_read(lambda: narrowed(f, STANDARD)) if "oc1" in chosen else 0
    assert rows_read(read) - roll_ups < 1000 + 200 * rate


def test_an_oc_is_looked_for_only_on_days_that_have_it(db):
    f = filters(oc1="OC77")
    # Here a shift has so few scans that there are as many roll-ups; in a factory a twentieth.
    roll_ups = rows_read(lambda: narrowed(f, STANDARD))
    assert rows_read(lambda: rows.page(f)) < 100 + roll_ups
    assert rows_read(lambda: list(rows.batches(f))) < 100 + roll_ups


@pytest.mark.parametrize("how_far", ["not counted", "marked", "counted", "by other rules"])
def test_an_oc_is_found_however_far_the_roll_ups_are(db, how_far):
    first = Scan.objects.earliest("pk")
    first.pk, first.uid, first.oc1 = None, "11111111-2222-4333-8444-000000000002", "OC77"
    # Long enough ago that nothing is on its way any more; a day on which something was counted.
    first.received_at = first.scanned_at
    first.save(force_insert=True)
    if how_far in ("marked", "counted"):
        marking.mark()
    if how_far == "counted":
        rollups.refresh()
    if how_far == "by other rules":
        RollUpState.objects.update(rules="of once upon a time")
    f = filters(oc1="OC77")
    assert [scan.pk for scan in rows.page(f).scans] == [first.pk]
    assert [row.id for batch in rows.batches(f) for row in batch] == [first.pk]
    assert rows.page(f.but(shift="night", since=first.scanned_at.date())).scans in ([], [first])


def test_an_export_is_of_the_moment_in_which_it_began(db, many):
    user = User.objects.get(username="many")
    f = filters(since=date(2026, 5, 1), until=date(2026, 5, 31))
    expected = [scan.pk for scan in many if fits(scan, f)]
    taking = rows.batches(f, size=100)
    found = next(taking)
    # Not its first pieces: those are read already.
    last = Scan.objects.valid().filter(pk__in=expected[200:]).order_by("scanned_at", "pk").last()
    assert last is not None
    Event.objects.create(
        scan=last, kind="void", reason="late", happened_at=last.scanned_at,
        happened_offset_minutes=120, received_at=last.scanned_at, recorded_by=user,
    )  # fmt: skip
    Scan.objects.create(
        uid="11111111-2222-4333-8444-000000000001", operator="OP0001", cp="CP70000000-9999",
        cp_base="CP70000000", oc1="OC01", oc2="OC11", defect_id="000", recorded_by=user,
        scanned_at=last.scanned_at - timedelta(minutes=1), scanned_offset_minutes=120,
        received_at=last.scanned_at,
    )  # fmt: skip
    for batch in taking:
        found += batch
    assert [row.id for row in found] == expected
    assert next(row for row in found if row.id == last.pk).ended is None
    voided = set(Event.objects.values_list("scan_id", flat=True)) - {last.pk}
    assert {row.id for row in found if row.ended == "void"} == voided & set(expected)
    assert all(row.ended_reason == f"reason {row.id}" for row in found if row.ended)
