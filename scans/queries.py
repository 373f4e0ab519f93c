"""Reads what was scanned. Voided scans are shown as such, and never counted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from scans.models import APPROVED, Scan
from scans.shifts import Shift

RECENT = 15

Totals = dict[str, int]

# ----- The stations' poll: all of it in one statement, as each asks each 30 s all day long

_VOIDS = "LEFT JOIN scans_event e ON e.scan_id = s.id"
_COUNT = f"SUM(defect_id = '{APPROVED}') AS approved, SUM(defect_id <> '{APPROVED}') AS rejected"

# An order's pieces by their last valid scan: reads `scan_order` alone.
_ORDER = f"""
SELECT {_COUNT} FROM (
    SELECT
        defect_id,
        ROW_NUMBER() OVER (PARTITION BY cp ORDER BY scanned_at DESC, s.id DESC) AS position
    FROM scans_scan s {_VOIDS}
    WHERE cp_base = %(cp_base)s AND e.id IS NULL
) pieces
WHERE position = 1
"""  # noqa: S608 - of our own constants


class Newest(NamedTuple):
    """What a poll tells of a scan, under the names that a Scan has.

    No Scan: to make 15 of those would be a third of all that a poll costs in Python.
    """

    uid: str
    station_id: str | None
    operator: str
    cp: str
    oc1: str
    oc2: str
    defect_id: str
    note: str
    scanned_at: datetime
    scanned_offset_minutes: int
    received_at: datetime
    clock_skew_seconds: int | None
    reinspection_of_id: str | None
    is_voided: bool


# One row with the revision, the counts of the shift (`scan_station_time` or `scan_time`) and those
# of the order, its pieces by their last valid scan (`scan_order`); beside it the newest scans in
# order of arrival (`scan_station` or the primary key, backwards). Voids are in `event_of_scan`.
# Not all columns: with the long text of `raw` the server would sort them on the disk.
_POLL = f"""
SELECT r.number, t.approved, t.rejected, o.approved, o.rejected, n.*
FROM (SELECT MAX(number) AS number FROM scans_revision) r
JOIN (
    SELECT {_COUNT} FROM scans_scan s {_VOIDS}
    WHERE {{of_station}} AND scanned_at >= %(start)s AND scanned_at < %(end)s AND e.id IS NULL
) t
JOIN ({_ORDER}) o
LEFT JOIN (
    SELECT s.id, {", ".join(f"s.{name}" for name in Newest._fields[:-1])}, e.id IS NOT NULL
    FROM scans_scan s {_VOIDS}
    WHERE {{of_station}} ORDER BY s.id DESC LIMIT {RECENT}
) n ON TRUE
"""  # noqa: S608 - of our own constants


@dataclass(frozen=True)
class Poll:
    """What a station's page shows of the server."""

    scans: list[Newest]
    totals: Totals
    # None when no order was asked for.
    order: Totals | None
    revision: int


def poll(shift: Shift, *, station: str = "", cp_base: str = "") -> Poll:
    """The newest scans, the shift's totals and an order's; of all stations without one."""
    of_station = "s.station_id = %(station)s" if station else "TRUE"
    moment = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            _POLL.format(of_station=of_station),
            {
                "station": station,
                "start": moment(shift.start),
                "end": moment(shift.end),
                "cp_base": cp_base,
            },
        )
        # The server would need a temporary table for that.
        rows = sorted(cursor.fetchall(), key=lambda row: row[5] or 0, reverse=True)
    revision, approved, rejected, order_approved, order_rejected, *_ = rows[0]
    return Poll(
        # One row there is also when there is no scan.
        scans=[_newest(*row[6:]) for row in rows if row[5] is not None],
        totals=_totals(approved, rejected),
        order=_totals(order_approved, order_rejected) if cp_base else None,
        revision=revision or 0,
    )


def _newest(uid: str, *row: Any) -> Newest:
    *told, scanned_at, offset_minutes, received_at, skew, reinspection_of, is_voided = row
    return Newest._make(
        [
            _written(uid),
            *told,
            scanned_at.replace(tzinfo=UTC),
            offset_minutes,
            received_at.replace(tzinfo=UTC),
            skew,
            _written(reinspection_of) if reinspection_of else None,
            bool(is_voided),
        ]
    )


def _written(uid: str) -> str:
    # MariaDB has a type of its own for them; MySQL keeps the digits alone.
    return uid if "-" in uid else str(UUID(uid))


def progress_of(cp_base: str) -> Totals:
    """How many pieces of an order are approved or rejected, by their last valid scan."""
    with connection.cursor() as cursor:
        cursor.execute(_ORDER, {"cp_base": cp_base})
        return _totals(*cursor.fetchone())


def _totals(approved: Any, rejected: Any) -> Totals:
    # A sum of no row is NULL, and one of some a decimal number.
    return {"approved": int(approved or 0), "rejected": int(rejected or 0)}


def tally(device: UUID, since: datetime, until: datetime) -> int:
    """How many scans of a browser arrived, the voided too. Reads `scan_device_time` alone."""
    return Scan.objects.filter(device=device, scanned_at__gte=since, scanned_at__lt=until).count()
