"""What the pools are and were like, as JSON for those who may see it."""

import time
from contextlib import closing
from typing import Any

from django.http import HttpRequest, JsonResponse
from MySQLdb import Error

from quality.monitor import alerts, history, recent, work
from quality.monitor.passes import watcher_api
from quality.monitor.patience import within
from quality.monitor.server import Server
from quality.monitor.snapshot import snapshot

# Of the one second that a page has for its answer; the check of who asks takes its part of it.
HISTORY_SECONDS = 0.8
MOST_HOURS = 7 * 24


@watcher_api("monitor.view_pool")
def pool(request: HttpRequest) -> JsonResponse:
    """Statistics of every worker of this host."""
    return JsonResponse(snapshot(now=time.time()))


@watcher_api("monitor.view_pool")
def active_alerts(request: HttpRequest) -> JsonResponse:
    """What a person should know of now, the critical ones first."""
    now = time.time()
    active = [alert.as_dict() for alert in alerts.active(recent.read(), now=now)]
    return JsonResponse({"at": round(now, 3), "alerts": active})


@watcher_api("monitor.view_pool")
def past(request: HttpRequest) -> JsonResponse:
    """The last `hours` of every host, over a connection of its own: it waits in no queue."""
    try:
        hours = int(request.GET.get("hours", 24))
    except ValueError:
        hours = 0
    if not 1 <= hours <= MOST_HOURS:
        message = f"hours must be a whole number from 1 to {MOST_HOURS}."
        return JsonResponse({"error": message}, status=400)
    now = time.time()

    # The check of who asks has taken its part of the second.
    spent_seconds = time.perf_counter() - work.current().began_at

    def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
        def run() -> list[tuple[Any, ...]]:
            with closing(Server()) as server:
                return server.run(sql, *values)

        return within(max(0.0, HISTORY_SECONDS - spent_seconds), run)

    try:
        # The server alone may be late; a week of many hosts is a lot to add up.
        hosts = history.history(ask, hours, now=now)
    except (Error, TimeoutError) as error:
        return JsonResponse({"error": f"No history just now: {error!r}"}, status=503)
    return JsonResponse({"at": round(now, 3), "hours": hours, "hosts": hosts})
