"""What the charts' script is told: what each mark says, and where it leads."""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from scans.charts import OTHERS, Bar, PChart
from scans.reporting.filters import Filters
from scans.reporting.reports import Hour
from scans.reporting.words import shift_or_day, short_day
from scans.shifts import Shift

Data = dict[str, Any]


def rows_of(filters: Filters) -> str:
    """The address of the scans behind a number."""
    return f"{reverse('scans:rows')}?{filters.as_query()}"


def of_defect(filters: Filters) -> Callable[[str], str]:
    """Where a bar of the Pareto leads: to the scans of its defect; all others have no one place."""
    return lambda defect: rows_of(filters.but(defect=defect)) if defect != OTHERS else ""


def of_point(filters: Filters, label: Any) -> Filters:
    """The filters of one point of a p-chart, a shift or a day."""
    if isinstance(label, Shift):
        return filters.but(since=label.day, until=label.day, shift=label.name)
    return filters.but(since=label, until=label)


def pareto(filters: Filters, bars: list[Bar], names: Mapping[str, str]) -> Data:
    lead = of_defect(filters)
    return {
        "labels": [bar.defect or _("Others") for bar in bars],
        "names": [names.get(bar.defect, "") for bar in bars],
        "counts": [bar.count for bar in bars],
        "cumulative": [bar.cumulative for bar in bars],
        "links": [lead(bar.defect) for bar in bars],
        "has_others": any(bar.defect == OTHERS for bar in bars),
    }


def p_chart(filters: Filters, chart: PChart) -> Data:
    points = chart.points
    has_days = bool(points) and not isinstance(points[0].label, Shift)
    return {
        "heading": _("Day") if has_days else _("Shift"),
        "labels": [shift_or_day(point.label) for point in points],
        "shares": [point.share for point in points],
        "centres": [chart.centre] * len(points),
        "lower": [point.lower for point in points],
        "upper": [point.upper for point in points],
        "out": [point.is_out for point in points],
        "chosen": [is_within(filters, point.label) for point in points],
        "links": [rows_of(of_point(filters, point.label)) for point in points],
    }


def is_within(filters: Filters, label: Any) -> bool:
    """Whether a point of a chart that looks back further lies in the days that are chosen."""
    day = label.day if isinstance(label, Shift) else label
    return bool(filters.since <= day <= filters.until)


def hourly(hours: list[Hour], filters: Filters) -> Data:
    return {
        "labels": [hour_label(hour.start, filters) for hour in hours],
        "approved": [hour.approved for hour in hours],
        "rejected": [hour.rejected for hour in hours],
    }


def hour_label(start: datetime | time, filters: Filters) -> str:
    """A moment, with its day where there are several; or a time of the clock on the wall."""
    if isinstance(start, time):
        return f"{start:%H:%M}"
    local = timezone.localtime(start)
    said = f"{short_day(local)} {local:%H:%M}" if filters.days > 1 else f"{local:%H:%M}"
    comes_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{said} {local:%Z}" if comes_twice else said


def scan_of(uid: UUID) -> str:
    """Where a scan's record is."""
    return reverse("scans:scan", args=[uid])


def trace_of(cp: str) -> str:
    """Where a piece's time line is."""
    return f"{reverse('scans:trace')}?{urlencode({'code': cp})}"
