"""Tells how far the records themselves can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import timedelta

from django.db.models import Count, Max, Min, Q, Sum

from scans.floor import held_floor
from scans.models import Incident, LegacyImport
from scans.reporting.filters import NO_STATION, Filters, Window
from scans.reporting.sums import counted

IMPORTS_MOST = 20
# So many windows in one statement at most: a shift's range of years has a window for each day.
MOST_WINDOWS = 256


@dataclass
class Flaws:
    """Of scans: how many of those that count were made by a clock that was off, and delivered late;
    how many were voided, and replaced. Of what became no scan: how many were given up unfinished,
    and how many read twice.
    """

    scans: int = 0
    skewed: int = 0
    late: int = 0
    voided: int = 0
    replaced: int = 0
    abandoned: int = 0
    double_reads: int = 0


@dataclass
class DataQuality:
    """All together, by station ("" is none), and the newest imports from another system.

    What became no scan has no codes to filter by, beside the station. Where the filter asks for
    some its two numbers are those of all codes, and `incidents_fit` is false.
    """

    total: Flaws
    stations: list[tuple[str, Flaws]]
    imports: list[LegacyImport] = field(default_factory=list)
    incidents_fit: bool = True


def data_quality(f: Filters) -> DataQuality:
    """From the roll-ups, and from the incidents of the time: `incident_time`."""
    stations: dict[str, Flaws] = {}
    rows = (
        counted(f, ["station"])
        .order_by()
        .values("station")
        .annotate(
            sum_scans=Sum("scans"),
            sum_skewed=Sum("skewed"),
            sum_late=Sum("late"),
            sum_ended=Sum("voided"),
            sum_replaced=Sum("replaced"),
        )
    )
    for row in rows:
        stations[row["station"]] = Flaws(
            scans=int(row["sum_scans"]),
            skewed=int(row["sum_skewed"]),
            late=int(row["sum_late"]),
            voided=int(row["sum_ended"]) - int(row["sum_replaced"]),
            replaced=int(row["sum_replaced"]),
        )
    for station, abandoned, double_reads in _incidents(f):
        flaws = stations.setdefault(station or "", Flaws())
        flaws.abandoned += abandoned
        flaws.double_reads += double_reads
    total = Flaws(
        **{
            each.name: sum(getattr(flaws, each.name) for flaws in stations.values())
            for each in fields(Flaws)
        }
    )
    return DataQuality(
        total,
        sorted(stations.items()),
        list(LegacyImport.objects.order_by("-pk").select_related("imported_by")[:IMPORTS_MOST]),
        incidents_fit=not f.chosen.keys() - {"shift", "station"},
    )


def _incidents(f: Filters) -> Iterator[tuple[str | None, int, int]]:
    """By station, perhaps in several parts."""
    kinds = Incident.Kind
    windows = _clipped(f)
    for at in range(0, len(windows), MOST_WINDOWS):
        fitting = Q()
        for start, end in windows[at : at + MOST_WINDOWS]:
            fitting |= Q(happened_at__gte=start, happened_at__lt=end)
        rows = Incident.objects.filter(fitting)
        if f.station:
            rows = rows.filter(
                Q(station__isnull=True) if f.station == NO_STATION else Q(station__code=f.station)
            )
        yield from (
            rows.order_by()
            .values_list("station")
            .annotate(
                abandoned=Count("pk", filter=Q(kind=kinds.ABANDONED)),
                double_reads=Count("pk", filter=Q(kind=kinds.DOUBLE_READ)),
            )
        )


def _clipped(f: Filters) -> list[Window]:
    """The filter's windows, as far back and ahead as there are incidents."""
    if f.shift and f.days > MOST_WINDOWS:
        # The two ends of `incident_time`.
        ends = Incident.objects.aggregate(first=Min("happened_at"), last=Max("happened_at"))
        if ends["first"] is None:
            return []
        day = timedelta(days=1)
        since = max(f.since, ends["first"].date() - day)
        until = min(f.until, ends["last"].date() + day)
        if since > until:
            return []
        f = f.but(since=since, until=until)
    return f.windows(held_floor().starts)
