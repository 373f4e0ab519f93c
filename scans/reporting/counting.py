"""Counts the shifts that wait for it, from the records."""

import time
from datetime import UTC, date
from typing import Any

from django.db import connection, transaction

from scans.models import APPROVED, Recount, RollUpState
from scans.reporting.levels import KEY, LEVELS, NOTHING, Level
from scans.reporting.marking import HOUR, LATE_SECONDS, Rules

_MEASURES = (
    "scans", "firsts", "lasts", "again", "again_approved_first", "voided", "replaced", "skewed",
    "late",
)  # fmt: skip
_COLUMNS = ", ".join(_MEASURES)

# All scans of the pieces of some hours, each with its place among those that count (`scan_time`,
# `scan_cp`, `event_of_scan`); of them those of the hours.
_COUNT = f"""
INSERT INTO scans_rollup
    (day, shift, hour, station, operator, cp_base, oc1, oc2, defect, {_COLUMNS})
SELECT
    %(day)s, %(shift)s, TIMESTAMPDIFF(HOUR, %(began)s, scanned_at) AS in_hour, station, operator,
    cp_base, oc1, oc2, defect_id,
    SUM(is_valid),
    SUM(is_valid AND place = 1),
    SUM(is_valid AND place = places),
    SUM(is_valid AND place = places AND place > 1),
    SUM(is_valid AND place = places AND place > 1 AND first_defect = '{APPROVED}'),
    SUM(NOT is_valid),
    SUM(NOT is_valid AND kind = 'replace'),
    SUM(is_valid AND IFNULL(ABS(clock_skew_seconds) > %(clock_off_seconds)s, FALSE)),
    SUM(
        is_valid AND device IS NOT NULL
        AND TIMESTAMPDIFF(SECOND, scanned_at, received_at) > {LATE_SECONDS}
    )
FROM (
    SELECT
        s.scanned_at, s.received_at, IFNULL(s.station_id, '') AS station, s.operator, s.cp_base,
        s.oc1, s.oc2, s.defect_id, s.clock_skew_seconds, s.device, e.kind, e.id IS NULL AS is_valid,
        ROW_NUMBER() OVER in_order AS place,
        COUNT(*) OVER (PARTITION BY s.cp, e.id IS NULL) AS places,
        FIRST_VALUE(s.defect_id) OVER in_order AS first_defect
    FROM (
        SELECT DISTINCT cp FROM scans_scan
        WHERE scanned_at >= %(start)s AND scanned_at < %(end)s
    ) pieces
    JOIN scans_scan s ON s.cp = pieces.cp
    LEFT JOIN scans_event e ON e.scan_id = s.id
    WINDOW in_order AS (PARTITION BY s.cp, e.id IS NULL ORDER BY s.scanned_at, s.id)
) placed
WHERE scanned_at >= %(start)s AND scanned_at < %(end)s
GROUP BY in_hour, station, operator, cp_base, oc1, oc2, defect_id
"""  # noqa: S608 - of our own constants


def _sum(level: Level) -> str:
    sums = ", ".join(f"SUM({name})" for name in _MEASURES)
    return (
        f"SELECT {level.number}, day, shift, {level.columns}, {sums} "  # noqa: S608 - our own
        "FROM scans_rollup WHERE day = %(day)s AND shift = %(shift)s "
        f"GROUP BY day, shift, {KEY}"
    )


_SUM = (
    "INSERT INTO scans_shiftrollup "
    f"(level, day, shift, {', '.join([*NOTHING, 'defect'])}, {_COLUMNS}) "
    + " UNION ALL ".join(map(_sum, LEVELS))
)
_LEVELS = ", ".join(str(level.number) for level in LEVELS)


class RulesChanged(Exception):
    """Shifts start at other times than a moment ago."""


def count_waiting(rules: Rules, *, most: int | None = None, seconds: float | None = None) -> int:
    """Count shifts that wait, the newest first, each in a transaction of its own; returns how many.

    Raises RulesChanged.
    """
    until = None if seconds is None else time.monotonic() + seconds
    done = 0
    while done != most and _count_next(rules):
        done += 1
        if until is not None and time.monotonic() > until:
            break
    return done


def _count_next(rules: Rules) -> bool:
    """Count the newest shift that waits and that nobody else counts; False without one."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Whoever finds something new in it meanwhile waits, and writes it down once more.
        cursor.execute(
            "SELECT day, shift, hours FROM scans_recount ORDER BY day DESC, shift DESC LIMIT 1 "
            "FOR UPDATE SKIP LOCKED"
        )
        row = cursor.fetchone()
        if row is None:
            return False
        if RollUpState.objects.values_list("rules", flat=True).get(pk=1) != str(rules):
            raise RulesChanged
        day, number, hours = row
        _recount(rules, day, number, hours)
        cursor.execute("DELETE FROM scans_recount WHERE day = %s AND shift = %s", [day, number])
    return True


def _recount(rules: Rules, day: date, number: int, hours: int = Recount.ALL) -> None:
    """Make the roll-ups of a shift's hours of its records. Nobody who stores a scan waits for it.

    From the first hour whose bit is set to the last one, as they are mostly neighbours.
    """
    shift = rules.shift(day, number)
    first, last = (hours & -hours).bit_length() - 1, hours.bit_length() - 1
    began, ends = shift.start.astimezone(UTC), shift.end.astimezone(UTC)
    moment = connection.ops.adapt_datetimefield_value
    values: dict[str, Any] = {
        "day": day,
        "shift": number,
        "began": moment(began),
        "start": moment(began + first * HOUR),
        "end": moment(min(ends, began + (last + 1) * HOUR)),
        "first": first,
        "last": last,
        "clock_off_seconds": rules.clock_off_seconds,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM scans_rollup WHERE day = %(day)s AND shift = %(shift)s "
            "AND hour BETWEEN %(first)s AND %(last)s",
            values,
        )
        cursor.execute(_COUNT, values)
        cursor.execute(
            f"DELETE FROM scans_shiftrollup WHERE level IN ({_LEVELS}) "  # noqa: S608 - ours
            "AND day = %(day)s AND shift = %(shift)s",
            values,
        )
        cursor.execute(_SUM, values)
