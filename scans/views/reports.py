"""What was scanned, for those who watch over quality: the answer first, then the depth."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.rights import page
from scans.floor import Floor, current_floor
from scans.reporting import reports as numbers
from scans.reporting import rollups
from scans.reporting import rows as records
from scans.reporting.data_quality import data_quality as trusted
from scans.reporting.filters import NO_STATION, BadFilter, Filters
from scans.reporting.marking import LATE_SECONDS
from scans.reporting.reinspections import reinspected
from scans.reporting.words import moment_format
from scans.shifts import shift_at
from scans.views import chart_data, figures
from scans.views.filter_bar import Bar
from scans.views.groups import compared, names_of
from scans.views.verdict import judge

# The shifts of one day don't tell what is usual: the p-chart looks back at least so far.
LEAST_CHARTED_DAYS = 14

Answer = Callable[[HttpRequest, Filters, Floor], dict[str, Any]]
View = Callable[[HttpRequest], HttpResponse]


def report(template: str) -> Callable[[Answer], View]:
    """A page below the filters. Where they make no sense it says so beside them, and shows none."""

    def decorate(answer: Answer) -> View:
        @require_safe
        @page("scans.view_scan")
        @wraps(answer)
        def view(request: HttpRequest) -> HttpResponse:
            floor = current_floor()
            today = shift_at(timezone.now(), floor.starts).day
            name = cast(Any, request.resolver_match).view_name
            bar = Bar(floor, cast(User, request.user), view_name=name, today=today)
            try:
                filters = Filters.read(request.GET, today=today)
                found = answer(request, filters, floor)
            except BadFilter as bad:
                bar.refuse(request.GET.dict(), bad.errors)
                return render(request, "scans/reports/refused.html", {"bar": bar}, status=400)
            bar.choose(filters)
            return render(request, template, {"bar": bar, "filters": filters} | found)

        return cast(View, view)

    return decorate


@report("scans/reports/overview.html")
def reports(request: HttpRequest, filters: Filters, floor: Floor) -> dict[str, Any]:
    """How it stands: totals, defects, shifts, hours, stations."""
    freshness = rollups.freshen()
    totals = numbers.totals(filters)
    bars = numbers.defects(filters)
    charted = filters.but(since=min(filters.since, _back(filters.until)))
    chart = numbers.chart(charted)
    hours = numbers.hourly(filters)
    names = names_of(floor.defects)
    stations = compared(filters, "station", numbers.by_station(filters), names_of(floor.stations))
    narrowed = figures.is_narrowed(filters)
    everything = numbers.totals(figures.everything_of(filters)) if narrowed else totals
    lead = chart_data.of_defect(filters)
    found = {
        "freshness": freshness,
        "totals": totals,
        "is_narrowed": narrowed,
        "figures": (
            figures.of_some(filters, totals, everything)
            if narrowed
            else figures.of_all(filters, totals)
        ),
        "verdict": judge(
            filters,
            totals,
            chart,
            bars,
            names,
            everything=everything,
            charted_days=charted.days,
            is_counted=not (freshness.uncounted or freshness.waiting),
        ),
        "bars": [(bar, lead(bar.defect), names.get(bar.defect, "")) for bar in bars],
        "chart": chart,
        "charted_days": charted.days,
        "points": [
            (point, chart_data.rows_of(chart_data.of_point(filters, point.label)))
            for point in reversed(chart.points)
        ],
        "has_days": charted.days > numbers.SHIFTS_MOST_DAYS,
        "is_of_one_defect": numbers.is_of_one_defect(filters),
        "stations": stations,
        # Only then is there anything to say of it.
        "has_station_out": any(station.is_out for station in stations),
        "hours": [(hour, chart_data.hour_label(hour.start, filters)) for hour in hours],
        "hours_days": filters.days if filters.days > numbers.HOURS_MOST_DAYS else 0,
    }
    return found | {
        "chart_data": {
            "pareto": chart_data.pareto(filters, bars, names),
            "p_chart": chart_data.p_chart(filters, chart),
            "hours": chart_data.hourly(hours, filters),
        }
    }


def _back(until: date) -> date:
    # Nothing is older than the calendar.
    return until - timedelta(days=min(LEAST_CHARTED_DAYS - 1, until.toordinal() - 1))


@report("scans/reports/operators.html")
def operators(request: HttpRequest, filters: Filters, floor: Floor) -> dict[str, Any]:
    """What each badge has scanned, beside all others."""
    freshness = rollups.freshen()
    found = numbers.by_operator(filters)
    return {
        "freshness": freshness,
        "operators": compared(filters, "operator", found, names_of(floor.operators)),
        "totals": numbers.totals(filters),
        "is_narrowed": figures.is_narrowed(filters),
    }


@report("scans/reports/reinspections.html")
def reinspections(request: HttpRequest, filters: Filters, floor: Floor) -> dict[str, Any]:
    """What became of pieces that were scanned more than once."""
    freshness = rollups.freshen()
    found = reinspected(filters)
    names = names_of(floor.defects)
    pieces = [
        (
            piece,
            f"{piece.first_defect} {names.get(piece.first_defect, '')}",
            f"{piece.last_defect} {names.get(piece.last_defect, '')}",
            chart_data.trace_of(piece.cp),
        )
        for piece in found.pieces
    ]
    return {
        "freshness": freshness,
        "found": found,
        "outcomes": figures.of_outcomes(found),
        "pieces": pieces,
    }


@report("scans/reports/data.html")
def data_quality(request: HttpRequest, filters: Filters, floor: Floor) -> dict[str, Any]:
    """How far the records themselves can be trusted."""
    freshness = rollups.freshen()
    found = trusted(filters)
    stations = [
        (code or _("No station"), flaws, f"?{filters.but(station=code or NO_STATION).as_query()}")
        for code, flaws in found.stations
    ]
    return {
        "freshness": freshness,
        "found": found,
        "stations": stations,
        "clock_off_seconds": floor.settings.clock_off_seconds,
        "late_minutes": LATE_SECONDS // 60,
    }


@report("scans/reports/rows.html")
def rows(request: HttpRequest, filters: Filters, floor: Floor) -> dict[str, Any]:
    """The scans behind the numbers, the newest first; how many is told by the roll-ups."""
    freshness = rollups.freshen()
    after = request.GET.get("after", "")
    page = records.page(filters, after=after)
    form = moment_format(has_many_days=filters.days > 1)
    scans = [
        (scan, date_format(timezone.localtime(scan.scanned_at), form), chart_data.scan_of(scan.uid))
        for scan in page.scans
    ]
    return {
        "freshness": freshness,
        "count": records.count(filters),
        "page": page,
        "scans": scans,
        "after": after,
    }
