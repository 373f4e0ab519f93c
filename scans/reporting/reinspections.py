"""Tells what became of pieces that were scanned more than once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Sum

from scans.floor import held_floor
from scans.models import APPROVED
from scans.reporting.filters import NO_STATION, Filters
from scans.reporting.sums import IS_APPROVED, counted
from scans.shifts import NAMES, Shift, Starts, shift_at

PIECES_MOST = 100


@dataclass(frozen=True)
class Piece:
    """A piece by its scans that count; station and operator are those of the last one."""

    cp: str
    scans: int
    first_at: datetime
    first_defect: str
    last_at: datetime
    last_defect: str
    station: str
    operator: str


@dataclass(frozen=True)
class Reinspections:
    """What became of the pieces whose last scan lies in the time and is not their first.

    `counts` is by first and last state, each "approved" or "rejected".
    """

    counts: dict[tuple[str, str], int]
    # Those scanned last come first; no more than PIECES_MOST.
    pieces: list[Piece]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def reinspected(f: Filters) -> Reinspections:
    """Counts from the roll-ups; the newest pieces from the records of their orders."""
    sums = counted(f).aggregate(
        approved=Sum("again", filter=IS_APPROVED),
        rejected=Sum("again", filter=~IS_APPROVED),
        approved_twice=Sum("again_approved_first", filter=IS_APPROVED),
        spoilt=Sum("again_approved_first", filter=~IS_APPROVED),
    )
    found = {name: int(value or 0) for name, value in sums.items()}
    counts = {
        ("approved", "approved"): found["approved_twice"],
        ("approved", "rejected"): found["spoilt"],
        ("rejected", "approved"): found["approved"] - found["approved_twice"],
        ("rejected", "rejected"): found["rejected"] - found["spoilt"],
    }
    return Reinspections(counts, _newest(f) if any(counts.values()) else [])


# The last scans that count of their pieces and are not the first: `scan_order` has all that it
# takes to find them, beside `event_of_scan`.
_AGAIN = """
SELECT
    p.cp, p.places, p.first_at, p.first_defect, last.scanned_at, last.defect_id,
    IFNULL(last.station_id, ''), last.operator, last.oc1, last.oc2
FROM (
    SELECT
        s.id, s.cp, s.scanned_at,
        ROW_NUMBER() OVER in_order AS place,
        COUNT(*) OVER (PARTITION BY s.cp) AS places,
        FIRST_VALUE(s.scanned_at) OVER in_order AS first_at,
        FIRST_VALUE(s.defect_id) OVER in_order AS first_defect
    FROM scans_scan s LEFT JOIN scans_event e ON e.scan_id = s.id
    WHERE s.cp_base IN %(orders)s AND e.id IS NULL
    WINDOW in_order AS (PARTITION BY s.cp ORDER BY s.scanned_at, s.id)
) p
JOIN scans_scan last ON last.id = p.id
WHERE p.place = p.places AND p.places > 1
    AND p.scanned_at >= %(start)s AND p.scanned_at < %(end)s
ORDER BY last.scanned_at DESC, last.id DESC
"""


def _newest(f: Filters) -> list[Piece]:
    # Each of these rows stands for one piece at least.
    rows = list(
        counted(f, ["hour", "cp_base"])
        .filter(again__gt=0)
        .order_by("-day", "-shift", "-hour")
        .values_list("day", "shift", "cp_base")[:PIECES_MOST]
    )
    if not rows:
        return []
    starts = held_floor().starts
    day, number, _order = rows[-1]
    (*_others, (_start, end)) = f.but(shift="").windows(starts)
    moment = connection.ops.adapt_datetimefield_value
    values = {
        "orders": sorted({order for _day, _number, order in rows}),
        "start": moment(Shift(day, NAMES[number], starts).start),
        "end": moment(end),
    }
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, values)
        found = [_piece(row, f, starts) for row in cursor.fetchall()]
    return [piece for piece in found if piece is not None][:PIECES_MOST]


def _piece(row: Any, f: Filters, starts: Starts) -> Piece | None:
    """None when its last scan is of the order, but does not fit."""
    cp, scans, first_at, first_defect, last_at, last_defect, station, operator, oc1, oc2 = row
    last_at = last_at.replace(tzinfo=UTC)
    result = "approved" if last_defect == APPROVED else "rejected"
    fits = (
        f.shift in ("", shift_at(last_at, starts).name)
        and f.station in ("", station or NO_STATION)
        and f.operator in ("", operator)
        and f.oc1 in ("", oc1)
        and f.oc2 in ("", oc2)
        and f.defect in ("", last_defect)
        and f.result in ("", result)
    )
    if not fits:
        return None
    first_at = first_at.replace(tzinfo=UTC)
    return Piece(cp, scans, first_at, first_defect, last_at, last_defect, station, operator)
