"""Answers what a report asks, from the roll-ups: call rollups.freshen() once before."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from scans.charts import Bar, PChart, p_chart, pareto
from scans.floor import held_floor
from scans.models import APPROVED
from scans.reporting.data_quality import DataQuality, Flaws, data_quality
from scans.reporting.filters import Filters
from scans.reporting.reinspections import Piece, Reinspections, reinspected
from scans.reporting.sums import IS_APPROVED, SUMS, Totals, counted
from scans.shifts import FACTORY, NAMES, Shift, Starts

__all__ = [
    "DataQuality",
    "Flaws",
    "Hour",
    "Piece",
    "Reinspections",
    "Totals",
    "by_operator",
    "by_shift",
    "by_station",
    "chart",
    "data_quality",
    "defects",
    "hourly",
    "is_of_one_defect",
    "reinspected",
    "totals",
]

HOUR = timedelta(hours=1)
# Over more days a chart has a point a day, and not one a shift.
SHIFTS_MOST_DAYS = 92
# Over more days hours are those of the clock on the wall, all days together.
HOURS_MOST_DAYS = 3


def totals(f: Filters) -> Totals:
    return Totals.of(counted(f).aggregate(**SUMS))


def _by(f: Filters, *names: str) -> list[tuple[Any, Totals]]:
    rows = counted(f, names).order_by(*names).values(*names).annotate(**SUMS)
    return [(tuple(row[name] for name in names), Totals.of(row)) for row in rows]


def by_station(f: Filters) -> list[tuple[str, Totals]]:
    """In order of their codes; "" is no station."""
    return [(station, found) for (station,), found in _by(f, "station")]


def by_operator(f: Filters) -> list[tuple[str, Totals]]:
    """In order of their badges."""
    return [(operator, found) for (operator,), found in _by(f, "operator")]


def by_shift(f: Filters) -> list[tuple[Shift, Totals]]:
    """Those that have scans, the oldest first."""
    starts = held_floor().starts
    return [
        (Shift(day, NAMES[number], starts), found)
        for (day, number), found in _by(f, "day", "shift")
    ]


def defects(f: Filters) -> list[Bar]:
    """What was found wrong, the most frequent first: of all scans that count and reject."""
    rows = counted(f, ["defect"]).filter(~IS_APPROVED).values("defect").annotate(count=Sum("scans"))
    return pareto({row["defect"]: int(row["count"]) for row in rows.order_by("defect")})


def is_of_one_defect(f: Filters) -> bool:
    """Whether the chart looks for that one, and not for all rejects."""
    return f.defect not in ("", APPROVED)


def chart(f: Filters) -> PChart:
    """The share rejected in each shift that has scans; over many days in each day.

    A defect that is chosen is what is looked for among all that was inspected, as rejects are.
    """
    looked_for, by = ~IS_APPROVED, "result"
    if is_of_one_defect(f):
        looked_for, by = Q(defect=f.defect), "defect"
    names = ["day"] if f.days > SHIFTS_MOST_DAYS else ["day", "shift"]
    rows = (
        counted(f.but(defect="", result=""), [by])
        .order_by(*names)
        .values_list(*names)
        .annotate(inspected=Sum("scans"), found=Sum("scans", filter=looked_for))
    )
    starts = held_floor().starts
    return p_chart(
        (
            Shift(key[0], NAMES[key[1]], starts) if key[1:] else key[0],
            int(inspected),
            int(found or 0),
        )
        for *key, inspected, found in rows
    )


# ----- Hour by hour


@dataclass(frozen=True)
class Hour:
    """What was scanned from a moment on for an hour, or until the shift ends.

    Over many days `start` is a time on the wall, and the sums are those of `days` days.
    """

    start: datetime | time
    scans: int
    approved: int
    rejected: int
    days: int = 1


def hourly(f: Filters) -> list[Hour]:
    """All hours of the shifts that have begun, also in which nothing was scanned.

    Over more than HOURS_MOST_DAYS days by the clock on the wall, with those hours alone in which
    something was scanned on some day.
    """
    rows = (
        counted(f, ["hour"])
        .order_by()
        .values_list("day", "shift", "hour")
        .annotate(
            approved=Sum("scans", filter=IS_APPROVED), rejected=Sum("scans", filter=~IS_APPROVED)
        )
    )
    found = {
        (day, number, hour): (int(approved or 0), int(rejected or 0))
        for day, number, hour, approved, rejected in rows
    }
    starts = held_floor().starts
    return (
        _each_hour(f, starts, found)
        if f.days <= HOURS_MOST_DAYS
        else _clock_hours(f, starts, found)
    )


Found = dict[tuple[date, int, int], tuple[int, int]]


def _each_hour(f: Filters, starts: Starts, found: Found) -> list[Hour]:
    now = timezone.now()
    hours = []
    for day in (f.since + timedelta(days=number) for number in range(f.days)):
        for number, name in enumerate(NAMES):
            shift = Shift(day, name, starts)
            if f.shift not in ("", name):
                continue
            for hour in range(_hours_of(shift)):
                # Moments are added in UTC: in a night of the change of clocks an hour is one too.
                start = (shift.start.astimezone(UTC) + hour * HOUR).astimezone(FACTORY)
                if start <= now:
                    approved, rejected = found.get((day, number, hour), (0, 0))
                    hours.append(Hour(start, approved + rejected, approved, rejected))
    return hours


def _hours_of(shift: Shift) -> int:
    lasts = shift.end.astimezone(UTC) - shift.start.astimezone(UTC)
    return ceil(lasts / HOUR)


def _clock_hours(f: Filters, starts: Starts, found: Found) -> list[Hour]:
    sums: dict[time, list[int]] = {}
    days: dict[time, set[date]] = {}
    for (day, number, hour), (approved, rejected) in found.items():
        shift = Shift(day, NAMES[number], starts)
        start = (shift.start.astimezone(UTC) + hour * HOUR).astimezone(FACTORY).time()
        counts = sums.setdefault(start, [0, 0])
        counts[0] += approved
        counts[1] += rejected
        if approved or rejected:
            days.setdefault(start, set()).add(day)
    return [
        Hour(start, approved + rejected, approved, rejected, days=len(days[start]))
        for start, (approved, rejected) in sorted(
            sums.items(), key=lambda item: _since(item[0], starts)
        )
        if start in days
    ]


def _since(moment: time, starts: Starts) -> tuple[bool, time]:
    """To order times of the wall from the first shift's start on."""
    return moment < starts[0][1], moment
