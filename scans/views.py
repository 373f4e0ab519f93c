"""The station page, its two endpoints, and the report of a shift."""

import json
from datetime import date
from typing import Any, cast

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.rights import api, page
from scans import barcode, binding, queries
from scans.models import Defect, Operator, Scan, Station
from scans.recording import ScanConflict, record_scan
from scans.shifts import STARTS, Shift, shift_at
from scans.submission import YEARS, ScanRefused, read

MAX_BODY_BYTES = 16 * 1024
ROWS_PER_PAGE = 100
SHIFT_LABELS = {
    "morning": gettext_lazy("Morning"),
    "afternoon": gettext_lazy("Afternoon"),
    "night": gettext_lazy("Night"),
}


def as_json(scan: Scan) -> dict[str, Any]:
    """A stored scan as the station gets it."""
    return {
        "id": str(scan.uid),
        "station": scan.station_id or "",
        "operator": scan.operator,
        "cp": scan.cp,
        "oc1": scan.oc1,
        "oc2": scan.oc2,
        "defect": scan.defect_id,
        "approved": scan.is_approved,
        "note": scan.note,
        "scanned_at": scan.scanned_at_local.isoformat(),
        "received_at": scan.received_at.isoformat(),
    }


@require_GET
@page("scans.record_scan")
@ensure_csrf_cookie
def station(request: HttpRequest) -> HttpResponse:
    """The page at which an operator works all shift long."""
    code = binding.bound_station(request)
    if code and not Station.objects.filter(code=code, active=True).exists():
        code = ""
    defects = Defect.objects.filter(active=True)
    bootstrap = {
        "station": code,
        "patterns": barcode.PATTERNS,
        "examples": barcode.EXAMPLES,
        "defects": [
            {"code": defect.code, "name": defect.name, "noteRequired": defect.note_required}
            for defect in defects
        ],
        "operators": dict(Operator.objects.filter(active=True).values_list("badge", "name")),
        "csrfCookie": settings.CSRF_COOKIE_NAME,
    }
    response = render(request, "scans/station.html", {"station": code, "bootstrap": bootstrap})
    if code:
        binding.bind(response, code)
    return response


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


def _body(request: HttpRequest) -> bytes | None:
    """The body; None when it is longer than a scan may be."""
    length = request.META.get("CONTENT_LENGTH")
    if length and int(length) > MAX_BODY_BYTES:
        return None
    if not length and request.META.get("wsgi.input_terminated"):
        # Sent in chunks, as some proxies do: no length is told, gunicorn knows where it ends.
        body: bytes = request.META["wsgi.input"].read(MAX_BODY_BYTES + 1)
        return body if len(body) <= MAX_BODY_BYTES else None
    return request.body


@require_POST
@api("scans.record_scan")
def record(request: HttpRequest) -> JsonResponse:
    """Store one scan. Statuses: see the contract in README."""
    body = _body(request)
    if body is None:
        message = _("A scan has at most %(limit)d bytes.") % {"limit": MAX_BODY_BYTES}
        return JsonResponse({"error": message}, status=413)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return JsonResponse({"error": _("Send one scan as a JSON object.")}, status=400)
    try:
        scan, created = record_scan(read(payload), cast(User, request.user))
    except ScanRefused as refused:
        return JsonResponse({"errors": refused.errors}, status=422)
    except ScanConflict:
        message = _("Another scan was stored under this id. Nothing was changed.")
        return JsonResponse({"error": message}, status=409)
    return JsonResponse(as_json(scan), status=201 if created else 200)


@require_GET
@api("scans.record_scan")
def recent(request: HttpRequest) -> JsonResponse:
    """The newest scans and the running shift's totals; `?station=` narrows both to one station."""
    station = request.GET.get("station", "")
    return JsonResponse(
        {
            "scans": [as_json(scan) for scan in queries.recent(station)],
            "totals": queries.totals(shift_at(timezone.now()), station),
        }
    )


def _chosen_shift(request: HttpRequest) -> Shift:
    """The shift of `?date=2026-11-20&shift=night`; the running one without them. Raises Http404."""
    running = shift_at(timezone.now())
    try:
        day = date.fromisoformat(request.GET.get("date") or running.day.isoformat())
        shift = Shift(day, request.GET.get("shift") or running.name)
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
    rows = queries.in_shift(shift).select_related("defect").order_by("-scanned_at", "-pk")
    context = {
        "shift": shift,
        "shift_label": SHIFT_LABELS[shift.name],
        "shifts": [(name, SHIFT_LABELS[name]) for name in STARTS],
        "totals": queries.totals(shift),
        "stations": queries.totals_by_station(shift),
        "page": Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "scans/reports.html", context)
