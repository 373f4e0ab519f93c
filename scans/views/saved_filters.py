"""Keeps and forgets the filters that people have given a name."""

from typing import Any, cast
from urllib.parse import parse_qsl

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.rights import page
from scans.floor import current_floor
from scans.reporting import favourites
from scans.reporting.filters import BadFilter, Filters
from scans.shifts import shift_at
from scans.views.filter_bar import PAGES, Bar


def _back(request: HttpRequest) -> str:
    """The page from which it was sent, with what was looked at there."""
    name = request.POST.get("page", "")
    query = request.POST.get("query", "")
    address = reverse(name if name in PAGES else "scans:reports")
    return f"{address}?{query}" if query else address


@require_POST
@page("scans.view_scan")
def save(request: HttpRequest) -> HttpResponse:
    """Keep a filter under a name; one that has it is overwritten only after asking."""
    user, floor = cast(User, request.user), current_floor()
    today = shift_at(timezone.now(), floor.starts).day
    name, query = request.POST.get("name", ""), request.POST.get("query", "")
    bar = Bar(floor, user, view_name="scans:reports", today=today)
    context: dict[str, Any] = {"name": name, "query": query, "page": request.POST.get("page", "")}
    context["back"] = _back(request)
    try:
        filters = Filters.read(dict(parse_qsl(query)), today=today)
        bar.choose(filters)
        saved = favourites.save(
            user, name, filters, today=today, overwrite="overwrite" in request.POST
        )
    except BadFilter as bad:
        context["error"] = " ".join(bad.errors.values())
    except favourites.IsThere as there:
        before = Bar(floor, user, view_name="scans:reports", today=today)
        kept = dict(parse_qsl(favourites.opened(there.found, today=today)))
        before.choose(Filters.read(kept, today=today))
        context |= {"error": str(there), "before": before, "bar": bar}
        return render(request, "scans/reports/save.html", context, status=409)
    except favourites.NotSaved as refused:
        context["error"] = str(refused)
    else:
        messages.success(request, _("Saved as “%(name)s”.") % {"name": saved.name})
        return redirect(_back(request))
    return render(request, "scans/reports/save.html", context, status=400)


@require_POST
@page("scans.view_scan")
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Only one's own; one that is gone already is gone."""
    favourites.forget(cast(User, request.user), pk)
    return redirect(_back(request))
