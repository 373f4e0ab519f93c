"""Reads what was scanned."""

from collections.abc import Mapping, Sequence

from django.db.models import Count, Q, QuerySet

from scans.models import APPROVED, Scan
from scans.shifts import Shift

RECENT = 15

Totals = dict[str, int]


def in_shift(shift: Shift, station: str = "") -> QuerySet[Scan]:
    """The scans of a shift, by the stations' clocks: a late delivery counts where it belongs."""
    scans = Scan.objects.filter(scanned_at__gte=shift.start, scanned_at__lt=shift.end)
    return scans.filter(station__code=station) if station else scans


def totals(shift: Shift, station: str = "") -> Totals:
    """How many were approved and rejected. Reads `scan_station_time` or `scan_time` alone."""
    return in_shift(shift, station).aggregate(
        approved=Count("pk", filter=Q(defect=APPROVED)),
        rejected=Count("pk", filter=~Q(defect=APPROVED)),
    )


def totals_by_station(shift: Shift) -> Sequence[Mapping[str, object]]:
    """`{"station", "approved", "rejected"}` for each station with scans in the shift."""
    return list(
        in_shift(shift)
        .order_by("station")
        .values("station")
        .annotate(
            approved=Count("pk", filter=Q(defect=APPROVED)),
            rejected=Count("pk", filter=~Q(defect=APPROVED)),
        )
    )


def recent(station: str = "") -> list[Scan]:
    """The newest in order of arrival. Reads `scan_station` or the primary key backwards."""
    scans = Scan.objects.filter(station__code=station) if station else Scan.objects.all()
    return list(scans.order_by("-pk")[:RECENT])
