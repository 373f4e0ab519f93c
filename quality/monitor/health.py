"""Says whether this process lives, whether it can serve, and how well it is."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from quality.monitor import cache, exports, passes, recent, usage
from quality.monitor.callers import is_local
from quality.monitor.patience import begin
from quality.monitor.server import Attempt, prober
from quality.monitor.snapshot import leader_dict, worker_dict
from quality.monitor.workers import living, read_workers

logger = logging.getLogger(__name__)

# Of each of the last samples; the rest of them is for /monitor/pool.
HISTORY = ("at", "status", "limit", "open", "idle", "in_use", "waiting", "percent", "server_error")

_is_leaving: Callable[[], bool] = bool


def leave_when(is_leaving: Callable[[], bool]) -> None:
    """Have this process say that it is not ready from when `is_leaving()` says so."""
    global _is_leaving
    _is_leaving = is_leaving


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all. Asks nobody: a restart mends no database."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when a request can be served, 503 when the database cannot be reached or we leave.

    The reason is told to the log alone: this page is open to everybody.
    """
    if _is_leaving():
        return JsonResponse({"status": "leaving"}, status=503)
    if error := prober.ask().error():
        logger.warning("Not ready: the database cannot be reached: %s", error)
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    return JsonResponse({"status": "ready", "database": "reachable"})


@require_safe
@never_cache
def database(request: HttpRequest) -> JsonResponse:
    """How full the pools are, and whether the database is there."""
    attempt = prober.ask()
    return _answer(request, attempt, checks={})


@require_safe
@never_cache
def overall(request: HttpRequest) -> JsonResponse:
    """The same, and whether the cache is there if there is to be one."""
    attempt = prober.ask()
    url = settings.REDIS_URL
    asking = {"cache": begin(lambda: cache.probe(url))} if url else {}
    return _answer(request, attempt, checks=asking)


def _answer(
    request: HttpRequest, attempt: Attempt, *, checks: dict[str, Future[Exception | None]]
) -> JsonResponse:
    """503 only while the database cannot be reached: then no request can be served here.

    A full pool still serves. Whoever took its host away or restarted it would hand the load to
    hosts that are as full, and lose what is under way. So it is critical, for people, with 200.
    """
    # Asked while the database is: both are to be answered within one second.
    is_told = _may_see_details(request)
    workers = living(read_workers())
    pool_status = usage.status(workers)
    error = attempt.error()
    # Without its cache the site is slower, and serves.
    failed = {name: found for name, one in checks.items() if (found := _error(one, attempt))}
    statuses = [pool_status, usage.CRITICAL if error else usage.HEALTHY]
    statuses += [usage.WARNING for _ in failed]
    body: dict[str, Any] = {"status": usage.worse(*statuses)}
    if is_told:
        samples = recent.read()
        now = time.time()
        body |= {
            "database": {
                "status": "unreachable" if error else "reachable",
                "error": str(error or ""),
                "response_seconds": attempt.seconds(),
            },
            "pool": {
                "status": pool_status,
                "total": usage.total(workers).as_dict(),
                "workers": [worker_dict(worker) for worker in workers],
                "thresholds": usage.THRESHOLDS,
            },
            "leader": leader_dict(samples, now),
            "history": [{name: dict(one)[name] for name in HISTORY} for one in samples.shown],
        }
        for name in checks:
            is_away = name in failed
            body[name] = {
                "status": "unreachable" if is_away else "reachable",
                "error": str(failed.get(name, "")),
            }
    return JsonResponse(body, status=503 if error else 200)


def _error(asking: Future[Exception | None], attempt: Attempt) -> Exception | None:
    try:
        return asking.result(attempt.seconds_left())
    except Exception as error:  # noqa: BLE001 - it is what is reported; also that time is up
        return error if str(error) else TimeoutError("no answer in time")


def _may_see_details(request: HttpRequest) -> bool:
    """A program on this machine, or somebody who may see the pools anyway."""
    if is_local(request):
        return True
    try:
        who = passes.watcher_of(request)
    except OperationalError:
        return False
    return who is not None and who.has_perm("monitor.view_pool")


PROBES = {
    "/health/live": live,
    "/health/ready": ready,
    "/health/": overall,
    "/health/database": database,
    "/metrics": exports.prometheus,
}


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
