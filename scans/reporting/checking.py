"""Compares the roll-ups with what the records say, counted in another way."""

from collections.abc import Callable
from typing import Any

from django.db import connection

from scans.models import Recount, RollUp, ShiftRollUp
from scans.pausing import pause
from scans.reporting.counting import count_waiting
from scans.reporting.levels import KEY, LEVELS
from scans.reporting.marking import Rules, mark, shifts_with_scans
from scans.shifts import NAMES, Shift

_BY = ("hour", "station", "operator", "cp_base", "oc1", "oc2", "defect")
_WHAT = ("scans", "firsts", "lasts", "voided")

# Piece by piece: has it an earlier scan that counts, has it a later one?
_RAW = """
SELECT
    TIMESTAMPDIFF(HOUR, %(start)s, s.scanned_at) AS in_hour, IFNULL(s.station_id, '') AS station,
    s.operator, s.cp_base, s.oc1, s.oc2, s.defect_id,
    COUNT(IF(e.id IS NULL, 1, NULL)),
    COUNT(IF(e.id IS NULL AND NOT EXISTS (
        SELECT 1 FROM scans_scan o
        WHERE o.cp = s.cp
            AND (o.scanned_at < s.scanned_at OR (o.scanned_at = s.scanned_at AND o.id < s.id))
            AND NOT EXISTS (SELECT 1 FROM scans_event oe WHERE oe.scan_id = o.id)
    ), 1, NULL)),
    COUNT(IF(e.id IS NULL AND NOT EXISTS (
        SELECT 1 FROM scans_scan o
        WHERE o.cp = s.cp
            AND (o.scanned_at > s.scanned_at OR (o.scanned_at = s.scanned_at AND o.id > s.id))
            AND NOT EXISTS (SELECT 1 FROM scans_event oe WHERE oe.scan_id = o.id)
    ), 1, NULL)),
    COUNT(e.id)
FROM scans_scan s LEFT JOIN scans_event e ON e.scan_id = s.id
WHERE s.scanned_at >= %(start)s AND s.scanned_at < %(end)s
GROUP BY in_hour, station, s.operator, s.cp_base, s.oc1, s.oc2, s.defect_id
"""
_STORED = f"""
SELECT {", ".join(_BY)}, {", ".join(_WHAT)} FROM scans_rollup
WHERE day = %(day)s AND shift = %(shift)s
"""  # noqa: S608 - of our own constants
# Rows of a level that are no sum of the roll-ups, and the other way round.
_SUMS = f"""
SELECT IFNULL(SUM(unlike), 0) FROM (
    SELECT COUNT(*) <> 2 OR {" OR ".join(f"MIN({name}) <> MAX({name})" for name in _WHAT)} AS unlike
    FROM (
        SELECT {{columns}}, {", ".join(f"SUM({name}) AS {name}" for name in _WHAT)}
        FROM scans_rollup WHERE day = %(day)s AND shift = %(shift)s
        GROUP BY {KEY}
        UNION ALL
        SELECT hour, station, operator, oc1, oc2, defect, {", ".join(_WHAT)}
        FROM scans_shiftrollup WHERE level = {{number}} AND day = %(day)s AND shift = %(shift)s
    ) both_tables
    GROUP BY {KEY}
) compared
"""  # noqa: S608 - of our own constants


def differences(progress: Callable[[int, int], None] | None = None) -> list[str]:
    """What the roll-ups say otherwise than the records, in words; what is new is counted before."""
    mark()
    count_waiting(rules := Rules.now())
    shifts = shifts_with_scans(rules.starts) | {
        rules.shift(day, number)
        for model in (RollUp, ShiftRollUp)
        for day, number in model.objects.values_list("day", "shift").distinct()
    }
    found: list[str] = []
    for done, shift in enumerate(sorted(shifts, key=lambda shift: shift.start), 1):
        found += _differences_of(rules, shift)
        pause()
        if progress is not None:
            progress(done, len(shifts))
    return found


def _differences_of(rules: Rules, shift: Shift) -> list[str]:
    while True:
        unlike = _compare(shift)
        if not unlike:
            return []
        # Stations go on scanning: what they have scanned meanwhile is no difference.
        mark()
        number = NAMES.index(shift.name)
        if not Recount.objects.filter(day=shift.day, shift=number).exists():
            return unlike
        count_waiting(rules)


def _compare(shift: Shift) -> list[str]:
    moment = connection.ops.adapt_datetimefield_value
    values: dict[str, Any] = {
        "day": shift.day,
        "shift": NAMES.index(shift.name),
        "start": moment(shift.start),
        "end": moment(shift.end),
    }
    records, stored = _read(_RAW, values), _read(_STORED, values)
    found = []
    for key in sorted(records.keys() | stored.keys()):
        nothing = (0,) * len(_WHAT)
        counted, told = records.get(key, nothing), stored.get(key, nothing)
        for name, truth, count in zip(_WHAT, counted, told, strict=True):
            if truth != count:
                where = ", ".join(f"{by} {value}" for by, value in zip(_BY, key, strict=True))
                found.append(f"{shift.day} {shift.name}, {where}: {name} {count}, not {truth}")
    for level in LEVELS:
        with connection.cursor() as cursor:
            cursor.execute(_SUMS.format(columns=level.columns, number=level.number), values)
            (unlike,) = cursor.fetchone()
        if unlike:
            by = ", ".join(sorted(level.by))
            found.append(f"{shift.day} {shift.name}: {unlike} sums by {by} are wrong")
    return found


def _read(sql: str, values: dict[str, Any]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {
            tuple(row[: len(_BY)]): tuple(int(count) for count in row[len(_BY) :])
            for row in cursor.fetchall()
        }
