"""Gives out what a report shows, as a file."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.rights import page
from scans.exporting.export import FORMATS, Export, Full, download
from scans.floor import current_floor
from scans.reporting import rollups, rows
from scans.reporting.filters import BadFilter, Filters
from scans.shifts import shift_at

RETRY_AFTER_SECONDS = 10


def _export(request: HttpRequest, form: str) -> HttpResponseBase:
    floor = current_floor()
    today = shift_at(timezone.now(), floor.starts).day
    try:
        f = Filters.read(request.GET, today=today)
    except BadFilter as error:
        lines = [f"{name}: {why}" for name, why in error.errors.items()]
        return _plain("\n".join(lines), status=400)
    export = Export(f, form, who=request.user.get_username(), floor=floor)
    try:
        pieces = download(export)
    except Full:
        busy = _plain(_("Others are exporting just now. Try again in a moment."), status=503)
        busy["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return busy
    freshness = rollups.freshen()
    response = StreamingHttpResponse(
        pieces,
        content_type=FORMATS[form],
        headers={
            "Content-Disposition": f'attachment; filename="{export.name}"',
            # A proxy that keeps it until it is whole would show nobody how far it is.
            "X-Accel-Buffering": "no",
        },
    )
    if freshness.is_whole:
        response["X-Total-Rows"] = str(rows.count(f))
    return response


def _plain(text: str, *, status: int) -> HttpResponse:
    return HttpResponse(text + "\n", content_type="text/plain; charset=utf-8", status=status)


@require_GET
@page("scans.view_scan")
def export_csv(request: HttpRequest) -> HttpResponseBase:
    return _export(request, "csv")


@require_GET
@page("scans.view_scan")
def export_xlsx(request: HttpRequest) -> HttpResponseBase:
    return _export(request, "xlsx")
