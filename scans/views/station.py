"""The page of a station, and the binding of a browser to it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.rights import page
from scans import binding
from scans.floor import bootstrap, current_floor
from scans.models import Station
from scans.version import SCRIPTS, page_version


@require_GET
@page("scans.record_scan")
@ensure_csrf_cookie
def station(request: HttpRequest) -> HttpResponse:
    """The page at which an operator works all shift long."""
    known = bootstrap(current_floor(), binding.bound_station(request))
    code = known["station"]
    context = {"station": code, "bootstrap": known, "version": page_version()}
    response = render(request, "scans/station.html", context)
    response["X-Version"] = context["version"]
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
