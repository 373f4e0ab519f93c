"""Follows a request from its beginning until its answer is sent and its connections are back."""

import itertools
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from quality.monitor import lines, passes
from quality.monitor.tally import tally
from quality.monitor.work import DatabaseWork, StatementsEnded, Told, Work, current, here
from quality.monitor.writing import writer
from quality.pool.events import LeaseEnded
from quality.pool.holders import given_name

ID_HEADER = "X-Request-ID"
# So it is called among the request's META; request.headers would be made of all of them for it.
_ID_ASKED = "HTTP_X_REQUEST_ID"
WELL_FORMED = re.compile(r"[\w.-]{8,64}", re.ASCII)


# An id of ours: the process's random beginning, and a number. To draw each takes longer.
_numbers = itertools.count()
_start = secrets.token_hex(4)


def _start_anew() -> None:
    global _start
    _start = secrets.token_hex(4)


os.register_at_fork(after_in_child=_start_anew)


def _new_id() -> str:
    return f"{_start}{next(_numbers) & 0xFFFFFFFF:08x}"


class Lifetime:
    """Middleware that gives a request its id, and what it borrows its name.

    Its line is written at `request_finished`, by when a streamed body has been sent and Django
    has returned the connections.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if here.work is not None:
            # One that was cut off, by SystemExit or a client that left before a stream was closed.
            request_finished()
        asked = request.META.get(_ID_ASKED)
        request_id = asked if asked and WELL_FORMED.fullmatch(asked) else _new_id()
        now = here.work = Work(request, request_id)
        # Asked for its text when something is borrowed: by then the route is known.
        given_name.set(now)
        response = self.get_response(request)
        # Not a middleware of its own: each costs every request some µs.
        if passes.COOKIE in request.COOKIES:
            passes.drop_pass(response)
        now.status = response.status_code
        response.headers[ID_HEADER] = request_id
        return response


def remember_error(*, request: HttpRequest | None = None, **_: Any) -> None:
    """A receiver of `got_request_exception`."""
    current().error = sys.exc_info()[1]


def request_finished(**_: Any) -> None:
    """A receiver of Django's signal of that name."""
    done = here.work
    if done is not None and done.request is not None:
        here.work = None
        done.finish(done.request)
        writer.put(done)


def lease_began(alias: str) -> None:
    """A listener of the pool's."""
    (here.work or current()).told.append(alias)


def statements_ended(alias: str, durations: list[float], failed: int) -> None:
    """A listener of the pool's: of a lease that goes on."""
    ended = StatementsEnded(alias, len(durations), sum(durations))
    current().told.append(ended)
    writer.put(partial(tally.add_statements, alias, durations, failed))


def lease_ended(lease: LeaseEnded) -> None:
    """A listener of the pool's."""
    if lease.reason == "leaked":
        # Found by whoever looked, who need not be its borrower.
        _write_soon(lease, [lease])
        return
    now = here.work or current()
    now.told.append(lease)
    if now.request is None:
        _write_soon(lease, now.take(lease.alias))


def _write_soon(lease: LeaseEnded, told: list[Told]) -> None:
    writer.put(partial(_write_lease, lease, told, time.time()))


def _write_lease(lease: LeaseEnded, told: list[Told], ended_at: float) -> None:
    tally.add_statements(lease.alias, lease.durations, lease.failed)
    done = DatabaseWork()
    for one in told:
        done.add(one)
    lines.write_lease(lease, done, ended_at)
