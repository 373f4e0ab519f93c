"""Compares stations or operators with each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from scans.charts import p_chart
from scans.reporting.filters import NO_STATION, Filters
from scans.reporting.reports import Totals


@dataclass(frozen=True)
class Group:
    """What one station or person has scanned; `address` leads to the same report of it alone."""

    label: str
    address: str
    totals: Totals
    # Its share of rejects is not what chance makes of the mean of all.
    is_out: bool
    is_above: bool


def compared(
    filters: Filters, name: str, found: Iterable[tuple[str, Totals]], names: Mapping[str, str]
) -> list[Group]:
    """Those that differ from all together by more than three standard deviations are marked."""
    counted = {code: totals for code, totals in found if totals.scans or totals.voided}
    chart = p_chart((code, one.scans, one.rejected) for code, one in counted.items())
    points = {point.label: point for point in chart.points}
    groups = []
    for code, totals in counted.items():
        point = points.get(code)
        is_out = point is not None and point.is_out
        groups.append(
            Group(
                label=f"{code} {names.get(code, '')}".strip() if code else _("No station"),
                address=f"?{filters.but(**{name: code or NO_STATION}).as_query()}",
                totals=totals,
                is_out=is_out,
                is_above=is_out and point is not None and point.share > point.upper,
            )
        )
    return groups


def names_of(things: Mapping[str, Any]) -> dict[str, str]:
    """By code."""
    return {code: one.name for code, one in things.items()}
