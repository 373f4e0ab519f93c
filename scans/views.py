"""The pages: a station's, the binding of a browser to it, and the report of a shift."""

from datetime import date

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.rights import page
from scans import binding, queries
from scans.floor import bootstrap, current_floor
from scans.models import Station
from scans.shifts import NAMES, Shift, shift_at
from scans.submission import YEARS
from scans.version import SCRIPTS, page_version

ROWS_PER_PAGE = 100
SHIFT_LABELS = {
    "morning": gettext_lazy("Morning"),
    "afternoon": gettext_lazy("Afternoon"),
    "night": gettext_lazy("Night"),
}


@require_GET
@page("scans.record_scan")
@ensure_csrf_cookie
def station(request: HttpRequest) -> HttpResponse:
    """The page at which an operator works all shift long."""
    known = bootstrap(current_floor(), binding.bound_station(request))
    code = known["station"]
    context = {"station": code, "bootstrap": known, "version": page_version()}
    response = render(request, "scans/station.html", context)
    if code:
        binding.bind(response, code)
    return response


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """What opens the station's page while the server is away; here, as it rules what lies below."""
    return HttpResponse(
        (SCRIPTS / "worker.js").read_bytes(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache", "X-Version": page_version()},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page("scans.bind_station")
def bind(request: HttpRequest) -> HttpResponse:
    """Where an administrator tells a browser at which station it stands; `?station=` proposes."""
    stations = list(Station.objects.filter(active=True))
    codes = {"", *(station.code for station in stations)}
    if request.method == "POST":
        code = request.POST.get("station", "")
        if code not in codes:
            raise Http404(f"No station is called {code!r}.")
        response: HttpResponse = redirect("scans:bind")
        binding.bind(response, code)
        return response
    bound = binding.bound_station(request)
    context = {
        "stations": stations,
        "bound": bound if bound in codes else "",
        "chosen": request.GET.get("station", bound),
    }
    return render(request, "scans/bind.html", context)


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
