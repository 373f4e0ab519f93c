"""Tells a Prometheus all that is known: `/metrics`."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from quality.monitor import metrics
from quality.monitor.callers import is_local
from quality.monitor.gauges import Gauges

_registry = CollectorRegistry()
_registry.register(metrics.Counted())
_registry.register(Gauges())


@require_safe
@never_cache
def prometheus(request: HttpRequest) -> HttpResponse:
    """Every metric, for programs of this machine and for whoever has METRICS_TOKEN.

    Asks no session and no database, so it also answers while the pool is exhausted.
    """
    if not (is_local(request) or _has_token(request)):
        message = "Ask from this machine, or with the METRICS_TOKEN as a bearer.\n"
        response = HttpResponse(message, status=401, content_type="text/plain")
        response["WWW-Authenticate"] = "Bearer"
        return response
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and kind.lower() == "bearer" and constant_time_compare(token, wanted)
