"""Says whether this process lives, and whether it can serve."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from quality.monitor import exports
from quality.monitor.server import probe

logger = logging.getLogger(__name__)


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
    if error := probe():
        logger.warning("Not ready: the database cannot be reached: %s", error)
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ready", "database": "reachable"})


PROBES = {"/health/live": live, "/health/ready": ready, "/metrics": exports.prometheus}


def answer_probes(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that answers probes before anything asks whether their host name is ours.

    An orchestrator probes by address, which is in nobody's ALLOWED_HOSTS.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = PROBES.get(request.path_info)
        return view(request) if view else get_response(request)

    return middleware
