"""Adds up the roll-ups that fit a filter."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

from django.db.models import Q, QuerySet, Sum

from scans.models import APPROVED, RollUp, ShiftRollUp
from scans.reporting.filters import NO_STATION, Filters
from scans.reporting.levels import level_for
from scans.shifts import NAMES


@dataclass
class Totals:
    """What was scanned in a time, by scans that count; and how many do no more.

    A piece is first scanned once, and has the state of its last scan: so firsts and pieces are
    those whose first and whose last scan lies in the time.
    """

    scans: int = 0
    approved: int = 0
    rejected: int = 0
    firsts: int = 0
    firsts_approved: int = 0
    pieces_approved: int = 0
    pieces_rejected: int = 0
    voided: int = 0

    @property
    def fpy(self) -> float | None:
        """First-pass yield: of the pieces first scanned, the share approved then; 0…1."""
        return self.firsts_approved / self.firsts if self.firsts else None

    @property
    def reject_share(self) -> float | None:
        return self.rejected / self.scans if self.scans else None

    @property
    def reinspections(self) -> int:
        return self.scans - self.firsts

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of `SUMS`; a sum of nothing is NULL."""
        return cls(**{field.name: int(row[f"sum_{field.name}"] or 0) for field in fields(cls)})


IS_APPROVED = Q(defect=APPROVED)
SUMS = {
    "sum_scans": Sum("scans"),
    "sum_approved": Sum("scans", filter=IS_APPROVED),
    "sum_rejected": Sum("scans", filter=~IS_APPROVED),
    "sum_firsts": Sum("firsts"),
    "sum_firsts_approved": Sum("firsts", filter=IS_APPROVED),
    "sum_pieces_approved": Sum("lasts", filter=IS_APPROVED),
    "sum_pieces_rejected": Sum("lasts", filter=~IS_APPROVED),
    "sum_voided": Sum("voided"),
}


def counted(f: Filters, by: Iterable[str] = ()) -> QuerySet[Any]:
    """The roll-ups that fit, of the level with the fewest rows that tells all of this apart.

    They lie together by day; those of an order are found by `rollup_order`.
    """
    asked = {name for name in f.chosen if name != "shift"} | set(by) - {"day", "shift"}
    level = level_for(asked | {"result"})
    rows: QuerySet[Any] = RollUp.objects.all()
    if level is not None:
        rows = ShiftRollUp.objects.filter(level=level.number)
    rows = rows.filter(day__gte=f.since, day__lte=f.until)
    if f.shift:
        rows = rows.filter(shift=NAMES.index(f.shift))
    if f.station:
        rows = rows.filter(station="" if f.station == NO_STATION else f.station)
    for name in ("operator", "cp_base", "oc1", "oc2", "defect"):
        if code := getattr(f, name):
            rows = rows.filter(**{name: code})
    if f.result:
        rows = rows.filter(IS_APPROVED if f.result == "approved" else ~IS_APPROVED)
    return rows
