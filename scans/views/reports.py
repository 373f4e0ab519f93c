"""What was scanned, for those who watch over quality."""

from datetime import date

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.rights import page
from scans import queries
from scans.floor import current_floor
from scans.shifts import NAMES, YEARS, Shift, shift_at

ROWS_PER_PAGE = 100
SHIFT_LABELS = {
    "morning": gettext_lazy("Morning"),
    "afternoon": gettext_lazy("Afternoon"),
    "night": gettext_lazy("Night"),
}


def _chosen_shift(request: HttpRequest) -> Shift:
    """The shift of `?date=2026-11-20&shift=night`; the running one without them. Raises Http404."""
    starts = current_floor().starts
    running = shift_at(timezone.now(), starts)
    try:
        day = date.fromisoformat(request.GET.get("date") or running.day.isoformat())
        shift = Shift(day, request.GET.get("shift") or running.name, starts)
    except ValueError as error:
        raise Http404(str(error)) from error
    if shift.day.year not in YEARS:
        raise Http404(f"No scan is of {shift.day}.")
    return shift


@require_GET
@page("scans.view_scan")
def reports(request: HttpRequest) -> HttpResponse:
    """The scans of one shift, with totals for each station."""
    shift = _chosen_shift(request)
    rows = (
        queries.in_shift(shift).with_voids().select_related("defect").order_by("-scanned_at", "-pk")
    )
    context = {
        "shift": shift,
        "shift_label": SHIFT_LABELS[shift.name],
        "shifts": [(name, SHIFT_LABELS[name]) for name in NAMES],
        "totals": queries.totals(shift),
        "stations": queries.totals_by_station(shift),
        "page": Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "scans/reports.html", context)
