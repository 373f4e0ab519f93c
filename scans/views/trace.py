"""Where a code leads to what was scanned with it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.rights import page
from scans.barcode import CP_BASE_LENGTH
from scans.reporting.trace import trace as traced


@require_safe
@page("scans.view_scan")
def trace(request: HttpRequest) -> HttpResponse:
    """What `?code=` was scanned as, or a part of it; a scan's id leads to its page."""
    found = traced(request.GET.get("code", ""))
    if found.scan is not None:
        return redirect("scans:scan", found.scan.uid)
    order = found.timeline.cp[:CP_BASE_LENGTH] if found.timeline else ""
    return render(request, "scans/trace.html", {"trace": found, "order": order})
