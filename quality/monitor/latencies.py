"""Times requests by route: two of django-prometheus' metrics, and none of the others."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django_prometheus.middleware import Metrics

from quality.monitor.metrics import observe_all

LATENCY = "django_http_requests_latency_seconds_by_view_method"
RESPONSES = "django_http_responses_total_by_status_view_method"

# What this house answers. Anybody may ask by others, and each would be rows of numbers for ever.
METHODS = {"GET", "POST"}


class KeptMetrics(Metrics):
    """All of them cost 40 to 60 µs a request; nothing else is asked for."""

    def register_metric(self, metric_cls: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if name in (LATENCY, RESPONSES):
            return super().register_metric(metric_cls, name, *args, **kwargs)
        return None


@cache
def _latencies(route: str, method: str) -> Any:
    return KeptMetrics.get_instance().requests_latency_by_view_method.labels(route, method)


@cache
def _responses(route: str, method: str, status: int) -> Any:
    return KeptMetrics.get_instance().responses_by_status_view_method.labels(status, route, method)


def _names(route: str, method: str) -> tuple[str, str]:
    return route or "<unnamed view>", method if method in METHODS else "<other method>"


def observe(route: str, method: str, seconds: Sequence[float]) -> None:
    """Requests took so long, from the first middleware to the last byte."""
    observe_all(_latencies(*_names(route, method)), seconds)


def count(route: str, method: str, status: int, number: int) -> None:
    """So many requests were answered so."""
    _responses(*_names(route, method), status).inc(number)
