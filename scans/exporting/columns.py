"""What an export says of a scan: the columns, and what stands in them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from scans.floor import Floor
from scans.models import APPROVED, Event
from scans.reporting.rows import Row
from scans.shifts import Shift, shift_at
from scans.tables import harmless


class Moment(NamedTuple):
    """By the clock on the wall beside it, and how far that one is from UTC: `+02:00`."""

    local: datetime
    offset: str


Cell = str | int | Moment | None
STATES = {None: "valid", Event.Kind.VOID: "voided", Event.Kind.REPLACE: "replaced"}


@dataclass(frozen=True)
class Column:
    """Its name, which programs rely on, and how many characters wide a sheet shows it."""

    name: str
    width: int


COLUMNS = [
    Column("id", 38),
    Column("station", 9),
    Column("operator", 10),
    Column("operator_name", 20),
    Column("cp", 17),
    Column("cp_base", 12),
    Column("oc1", 7),
    Column("oc2", 7),
    Column("defect", 7),
    Column("defect_name", 22),
    Column("result", 9),
    Column("note", 30),
    Column("scanned_at", 20),
    Column("utc_offset_minutes", 10),
    Column("shift_date", 11),
    Column("shift", 10),
    Column("received_at", 20),
    Column("recorded_by", 14),
    Column("device", 38),
    Column("sequence", 9),
    Column("clock_skew_seconds", 11),
    Column("reinspection_of", 38),
    Column("as_scanned", 30),
    Column("state", 9),
    Column("state_reason", 30),
    Column("state_at", 20),
    Column("state_by", 14),
    Column("replaced_by", 38),
]
Cells = Callable[[Row], list[Cell]]


@lru_cache(maxsize=256)
def _offset(minutes: int) -> tuple[timedelta, str]:
    sign = "-" if minutes < 0 else "+"
    return timedelta(minutes=minutes), "{}{:02d}:{:02d}".format(sign, *divmod(abs(minutes), 60))


def _moment(moment: datetime, offset_minutes: int) -> Moment:
    offset, text = _offset(offset_minutes)
    return Moment(moment + offset, text)


class _Shifts:
    """Tells the shift of one scan after the other, which is the last one's most of the time."""

    def __init__(self, floor: Floor) -> None:
        self._starts = floor.starts
        self._shift: Shift | None = None

    _since: datetime
    _before: datetime

    def of(self, scanned_at: datetime) -> Shift:
        if self._shift is None or not self._since <= scanned_at < self._before:
            self._shift = shift_at(scanned_at.replace(tzinfo=UTC), self._starts)
            self._since, self._before = (
                moment.astimezone(UTC).replace(tzinfo=None)
                for moment in (self._shift.start, self._shift.end)
            )
        return self._shift


def safe(text: str | None) -> str | None:
    """Nothing that a spreadsheet would take for a formula."""
    # Most begin with a letter or a digit, and are not to be looked at twice.
    return harmless(text) if text and not text[0].isalnum() else text


def cells_with(floor: Floor) -> Cells:
    """Has a scan's cells, in the order of the columns; names of defects are in today's language."""
    defects = {code: safe(defect.name) for code, defect in floor.defects.items()}
    operators = {badge: safe(operator.name) for badge, operator in floor.operators.items()}
    shifts = _Shifts(floor)

    def cells(row: Row) -> list[Cell]:
        offset = row.scanned_offset_minutes
        scanned_at = _moment(row.scanned_at, offset)
        shift = shifts.of(row.scanned_at)
        return [
            row.uid,
            safe(row.station),
            safe(row.operator),
            operators.get(row.operator),
            safe(row.cp),
            safe(row.cp_base),
            safe(row.oc1),
            safe(row.oc2),
            safe(row.defect),
            defects.get(row.defect),
            "approved" if row.defect == APPROVED else "rejected",
            safe(row.note),
            scanned_at,
            offset,
            shift.day.isoformat(),
            shift.name,
            _moment(row.received_at, offset),
            safe(row.recorded_by),
            row.device,
            row.sequence,
            row.clock_skew_seconds,
            row.reinspection_of,
            None if row.raw == "{}" else safe(row.raw),
            STATES[row.ended],  # type: ignore[index]
            safe(row.ended_reason),
            _moment(row.ended_at, row.ended_offset_minutes or 0) if row.ended_at else None,
            safe(row.ended_by),
            row.replacement,
        ]

    return cells
