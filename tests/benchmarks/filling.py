"""Fills a database with a year of scans of twenty stations, by SQL alone."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts.models import User
from scans.demo import seed_master_data
from scans.models import (
    APPROVED,
    Defect,
    Event,
    Incident,
    Operator,
    Presence,
    Recount,
    RollUp,
    RollUpState,
    Scan,
    ShiftRollUp,
    Station,
)
from tests.records import empty

STATIONS = 20
SCANS_PER_SHIFT = 450
PIECES = 240
OPERATORS = 80
# A morning shift is about to end: the board has all of it to count.
NOW = datetime(2026, 11, 20, 11, 59, tzinfo=UTC)
# All stations together.
EVERY = timedelta(hours=8) / (STATIONS * SCANS_PER_SHIFT)
CHUNK = 500_000
USER = "growth"


def _uuid(text: str) -> str:
    """A random one, as far as the server can tell."""
    return f"INSERT(INSERT(MD5({text}), 13, 1, '4'), 17, 1, '8')"


# The scan `n` of all, counted from the oldest on; the stations take turns. A station works off
# its orders of 240 pieces one after the other, each with its OC1 and OC2, and has one operator in
# a shift. Of 100 scans one is of a piece that was scanned 50 scans ago; 97 % are approved; 60 % of
# the rejects are 001, 002 and 007.
FILL = f"""
INSERT INTO scans_scan (
    uid, station_id, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at,
    scanned_offset_minutes, received_at, recorded_by_id, device, sequence, clock_skew_seconds,
    reinspection_of_id
)
SELECT
    {_uuid("n")}, CONCAT('FG-', LPAD(place, 2, '0')),
    CONCAT(
        'OP',
        LPAD(MOD(place + %(stations)s * (at_station DIV %(shift)s), %(operators)s), 4, '0')
    ),
    CONCAT('CP', 10000000 + the_order, '-', LPAD(MOD(piece, %(pieces)s) + 1, 4, '0')),
    CONCAT('CP', 10000000 + the_order),
    CONCAT('OC0', MOD(the_order, 4) + 1), CONCAT('OC1', MOD(the_order DIV 4, 4) + 1),
    CASE
        WHEN chance >= 30 THEN '000' WHEN chance < 8 THEN '001' WHEN chance < 13 THEN '002'
        WHEN chance < 18 THEN '007' ELSE LPAD(chance - 16, 3, '0')
    END,
    '', '{{}}', scanned_at, 120, scanned_at + INTERVAL MOD(n, 3) SECOND, %(user)s,
    {_uuid("CONCAT('device', place)")}, at_station, MOD(n, 5),
    IF(is_again, {_uuid("n - 50 * %(stations)s")}, NULL)
FROM (
    SELECT
        n, place, at_station, is_again, chance, scanned_at, piece,
        (piece DIV %(pieces)s) * %(stations)s + place AS the_order
    FROM (
        SELECT
            seq AS n, MOD(seq, %(stations)s) + 1 AS place, seq DIV %(stations)s AS at_station,
            MOD(seq DIV %(stations)s, 100) = 99 AS is_again,
            MOD(CRC32(seq), 1000) AS chance,
            %(first)s + INTERVAL seq * %(every)s MICROSECOND AS scanned_at,
            seq DIV %(stations)s - IF(MOD(seq DIV %(stations)s, 100) = 99, 50, 0) AS piece
        FROM seq_SINCE_to_UNTIL
    ) scan
) piece
ORDER BY n
"""
VOID = """
INSERT INTO scans_event
    (scan_id, kind, reason, happened_at, happened_offset_minutes, received_at, recorded_by_id)
SELECT id, 'void', 'benchmark', scanned_at, 120, received_at, recorded_by_id
FROM scans_scan WHERE MOD(id, 333) = 7 ORDER BY id
"""
INCIDENT = f"""
INSERT INTO scans_incident
    (uid, kind, happened_at, station_id, device, codes, received_at, recorded_by_id)
SELECT
    {_uuid("CONCAT('incident', id)")}, IF(MOD(id, 200) = 3, 'abandoned', 'double_read'),
    scanned_at, station_id, device, '{{}}', received_at, recorded_by_id
FROM scans_scan WHERE MOD(id, 100) = 3 ORDER BY id
"""


def first_moment(rows: int) -> datetime:
    return NOW - rows * EVERY


def fill(rows: int, progress: Callable[[str], None] = print) -> None:
    """So many scans up to NOW, and what belongs to them; what was there before goes."""
    clear()
    _make_floor()
    user = User.objects.create(username=USER)
    values = {
        "stations": STATIONS,
        "shift": SCANS_PER_SHIFT,
        "operators": OPERATORS,
        "pieces": PIECES,
        "user": user.pk,
        "first": f"{first_moment(rows):%Y-%m-%d %H:%M:%S.%f}",
        "every": int(EVERY / timedelta(microseconds=1)),
    }
    with connection.cursor() as cursor, _keys_later("scans_scan", rows, progress):
        for since in range(0, rows, CHUNK):
            progress(f"{rows:,} rows: filling, {since / rows:.0%}")
            until = min(rows, since + CHUNK) - 1
            cursor.execute(FILL.replace("SINCE", str(since)).replace("UNTIL", str(until)), values)
    with connection.cursor() as cursor:
        progress(f"{rows:,} rows: events")
        cursor.execute(VOID)
        cursor.execute(INCIDENT)
        cursor.execute("ANALYZE TABLE scans_scan, scans_event, scans_incident")
        cursor.fetchall()
    _make_presences()


def clear() -> None:
    """All that fill() has made."""
    empty(Event, Incident, Scan, Recount, RollUp, RollUpState, ShiftRollUp)
    Presence.objects.all().delete()
    for model in (Station, Operator):
        model.objects.all().delete()
    Defect.objects.exclude(code=APPROVED).delete()
    User.objects.filter(username=USER).delete()


@contextmanager
def _keys_later(table: str, rows: int, progress: Callable[[str], None]) -> Iterator[None]:
    """Of many rows the keys are made in the end, each by one sort of all rows."""
    if rows < CHUNK:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
        keys = _keys(table)
        cursor.execute(
            f"ALTER TABLE {table} " + ", ".join(f"DROP KEY {_name_of(key)}" for key in keys)
        )
        yield
        for number, key in enumerate(keys, 1):
            progress(f"{rows:,} rows: index {number} of {len(keys)}")
            cursor.execute(f"ALTER TABLE {table} ADD {key}")
        cursor.execute("SET SESSION foreign_key_checks = 1, unique_checks = 1")


def _make_floor() -> None:
    seed_master_data()
    for number in range(1, STATIONS + 1):
        Station.objects.update_or_create(
            code=f"FG-{number:02d}", defaults={"line": f"L{number % 4 + 1}"}
        )
    for number in range(OPERATORS):
        badge = f"OP{number:04d}"
        Operator.objects.get_or_create(badge=badge, defaults={"name": f"Operator {number}"})


def _make_presences() -> None:
    Presence.objects.all().delete()
    Presence.objects.bulk_create(
        Presence(
            device=UUID(int=number),
            station_id=f"FG-{number:02d}",
            seen_at=NOW,
            pending=0,
            oldest_pending_seconds=0,
            attention=0,
        )
        for number in range(1, STATIONS + 1)
    )


def _keys(table: str) -> list[str]:
    """The table's keys but the primary one, as its definition has them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW CREATE TABLE {table}")
        definition = cursor.fetchone()[1]
    return re.findall(r"^\s+((?:UNIQUE )?KEY .*?),?$", definition, re.MULTILINE)


def _name_of(key: str) -> str:
    found = re.search(r"`\w+`", key)
    assert found is not None
    return found[0]
