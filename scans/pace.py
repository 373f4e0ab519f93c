"""Holds up whoever sends faster than any station can scan."""

import math
import time
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

# What was kept while the server was away may come at once: so many seconds' worth of it.
BURST_SECONDS = 30
# By then those are forgotten who have not sent for so long that they may send a full burst again.
MOST_SENDERS = 1000


class Pace:
    """How fast each sender may go on: in this process, as each of a host's has its own senders."""

    def __init__(self) -> None:
        # Until when what a sender has sent would have taken at the usual pace.
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def step(self, sender: str, *, per_second: float, now: float) -> float:
        """Count one more, unless that is too fast: then the seconds to wait, else 0."""
        with self._lock:
            until = max(self._until.get(sender, now), now) + 1 / per_second
            wait_seconds = until - now - BURST_SECONDS
            if wait_seconds > 0:
                return wait_seconds
            if len(self._until) >= MOST_SENDERS:
                self._until = {one: end for one, end in self._until.items() if end > now}
            self._until[sender] = until
            return 0


_pace = Pace()


def paced(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """429 for a session that sends too fast, with Retry-After: a page keeps what it has."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        if per_second := settings.SCANS_PER_SECOND:
            sender = request.session.session_key or ""
            wait_seconds = _pace.step(sender, per_second=per_second, now=time.monotonic())
            if wait_seconds:
                message = _("Too much at once. Send it again in a moment.")
                response = JsonResponse({"error": message}, status=429)
                response["Retry-After"] = str(math.ceil(wait_seconds))
                return response
        return view(request, *args, **kwargs)

    return answer
