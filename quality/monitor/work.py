"""What a thread works on: its request, and what that has asked of each database."""

import threading
import time
from typing import TYPE_CHECKING, Any

from quality.monitor.callers import address_of
from quality.monitor.texts import printable, reason
from quality.pool.holders import given_name

if TYPE_CHECKING:
    from django.http import HttpRequest

    from quality.pool.events import LeaseEnded


class DatabaseWork:
    """What one alias was asked for, until it is written down."""

    __slots__ = (
        "durations",
        "failed",
        "held_seconds",
        "is_lent",
        "lease",
        "leases",
        "sql_seconds",
        "statements",
        "waited_seconds",
    )

    def __init__(self) -> None:
        # Of statements that were not added up yet.
        self.durations: list[float] = []
        self.failed = 0
        # BEGIN and COMMIT are not counted: they are the pool's, not the code's.
        self.statements = 0
        self.sql_seconds = 0.0
        self.waited_seconds = 0.0
        self.held_seconds = 0.0
        self.leases = 0
        # The last one that ended.
        self.lease: LeaseEnded | None = None
        self.is_lent = False

    def add(self, lease: "LeaseEnded") -> None:
        """Count a lease that ended."""
        self.lease = lease
        self.leases += 1
        self.waited_seconds += lease.waited_seconds
        self.held_seconds += lease.held_seconds
        self.durations += lease.durations
        self.failed += lease.failed
        self.is_lent = False

    def add_up(self) -> tuple[list[float], int]:
        """Add up its statements. Returns their durations, and how many failed, once."""
        added = self.durations, self.failed
        self.statements += len(self.durations)
        self.sql_seconds += sum(self.durations)
        self.durations, self.failed = [], 0
        return added


class Work:
    """What a thread does for one request, or outside of requests for one lease after the other."""

    __slots__ = (
        "address",
        "began_at",
        "databases",
        "ended_at",
        "error",
        "has_arguments",
        "method",
        "name_before",
        "path",
        "reason",
        "request",
        "request_id",
        "route",
        "seconds",
        "status",
        "user_id",
        "waited_in_vain_seconds",
    )

    def __init__(self, request: "HttpRequest | None" = None, request_id: str = "") -> None:
        self.request = request
        self.request_id = request_id
        self.began_at = time.perf_counter()
        self.databases: dict[str, DatabaseWork] = {}
        # Known when it has ended.
        self.ended_at = 0.0
        self.method = self.path = self.address = self.reason = ""
        self.has_arguments = False
        self.user_id: Any = None
        self.waited_in_vain_seconds = 0.0
        self.seconds = 0.0
        self.route = ""
        # None: it ended without an answer.
        self.status: int | None = None
        # What nobody caught.
        self.error: BaseException | None = None
        # What was borrowed before it began was this one's.
        self.name_before = given_name.get()

    def __str__(self) -> str:
        """By what name it borrows: `POST scans:record`, or with the path before that is known."""
        request = self.request
        if request is None:
            return ""
        match = request.resolver_match
        return f"{request.method} {match.view_name if match else printable(request.path)}"

    def database(self, alias: str) -> DatabaseWork:
        """What `alias` was asked for."""
        found = self.databases.get(alias)
        if found is None:
            found = self.databases[alias] = DatabaseWork()
        return found

    def finish(self) -> None:
        """It ended now: let go of the request, which holds a lot, and of what it failed with."""
        given_name.set(self.name_before)
        self.seconds = time.perf_counter() - self.began_at
        self.ended_at = time.time()
        request, self.request = self.request, None
        if request is not None:
            self.method, self.path = str(request.method), request.path
            self.address = address_of(request)
            match = request.resolver_match
            if match is not None:
                self.route = match.view_name
                self.has_arguments = bool(match.kwargs)
            # Only if somebody has asked for it: to ask would be a statement.
            self.user_id = getattr(getattr(request, "_cached_user", None), "pk", None)
        error, self.error = self.error, None
        if error is not None:
            self.reason = reason(error)
            self.waited_in_vain_seconds = getattr(error, "waited_seconds", 0.0)


_here = threading.local()


def current() -> Work:
    """What this thread works on. Django's connections belong to threads, and so does this."""
    try:
        work: Work = _here.work
    except AttributeError:
        work = _here.work = Work()
    return work


def in_request() -> Work | None:
    """The request that this thread works on, if it does."""
    work: Work | None = getattr(_here, "work", None)
    return work if work is not None and work.request is not None else None


def begin(work: Work) -> None:
    """From now on this thread works on this."""
    _here.work = work


def end() -> None:
    """What this thread does from now on is no request's."""
    del _here.work


def request_id() -> str:
    """The id of the request that this thread works on; "" outside of requests."""
    work: Work | None = getattr(_here, "work", None)
    return work.request_id if work is not None else ""
