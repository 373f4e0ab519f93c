"""Says whether this process lives, and whether it can serve."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from quality.monitor.server import probe


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all. Asks nobody: a restart mends no database."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when a request can be served, 503 when the database cannot be reached.

    The reason is told to the log alone: this page is open to everybody.
    """
    if probe() is not None:
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ready", "database": "reachable"})
