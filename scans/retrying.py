"""Does a whole transaction once more where the database failed it, and where that is safe."""

import logging
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection
from django.dispatch import Signal

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# Sent with `code`, the database's number, before each further try.
retried = Signal()

# MariaDB's numbers and its client's. What may come otherwise a moment later, and no more: a
# statement that took too long would do so again, and who waited in vain for a connection makes
# room for others (that error has no number).
CODES = {
    1047: "the node has lost its cluster",
    1180: "the commit failed",
    1205: "waited too long for a lock",
    1213: "two transactions stood in each other's way",
    2002: "the server cannot be reached",
    2006: "the server has gone away",
    2013: "the connection was lost",
}
# How long before the second try and the third, half as much again or half as little: those who
# failed together do not come back together.
PAUSES_SECONDS = (0.05, 0.4)
# A station gives up after 10 s, and sends again by itself: none begins later than this.
BEGIN_WITHIN_SECONDS = 4.0


def retried_whole(work: Callable[P, R]) -> Callable[P, R]:
    """Tries `work` up to three times.

    Only for what carries an idempotency key, and looks first what became of it: after a lost
    connection nobody knows whether its commit has arrived.
    """

    @wraps(work)
    def do(*args: P.args, **kwargs: P.kwargs) -> R:
        # Within a transaction of the caller's there is nothing whole to be repeated.
        pauses = () if connection.in_atomic_block else PAUSES_SECONDS
        began = time.monotonic()
        for pause_seconds in pauses:
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                code = error.args[0] if error.args else None
                pause_seconds *= random.uniform(0.5, 1.5)  # noqa: S311 - it is no secret
                if code not in CODES or not _is_time(began, pause_seconds):
                    raise
                # A transaction that is open ends, a connection that is dead is replaced; and while
                # this one sleeps others may use it.
                connection.close()
                _tell(work.__name__, code, time.monotonic() - began)
            time.sleep(pause_seconds)
        return work(*args, **kwargs)

    return do


def _is_time(began: float, pause_seconds: float) -> bool:
    return time.monotonic() + pause_seconds - began < BEGIN_WITHIN_SECONDS


def _tell(name: str, code: int, seconds: float) -> None:
    fields = {"code": code, "seconds": round(seconds, 3)}
    logger.warning("%s is tried again: %s", name, CODES[code], extra={"fields": fields})
    retried.send(retried_whole, code=code)
