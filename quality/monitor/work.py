"""What a thread works on: its request, and what that has asked of each database."""

import threading
import time
from typing import TYPE_CHECKING

from quality.pool.holders import named

if TYPE_CHECKING:
    from django.http import HttpRequest

    from quality.pool.events import LeaseEnded


class DatabaseWork:
    """What one alias was asked for, until it is written down."""

    __slots__ = (
        "held_seconds",
        "is_lent",
        "lease",
        "leases",
        "sql_seconds",
        "statements",
        "waited_seconds",
    )

    def __init__(self) -> None:
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
        self.is_lent = False


class Work:
    """What a thread does for one request, or outside of requests for one lease after the other."""

    __slots__ = (
        "began_at",
        "databases",
        "error",
        "error_waited_seconds",
        "name",
        "request",
        "request_id",
        "route",
        "status",
    )

    def __init__(self, request: "HttpRequest | None" = None, request_id: str = "") -> None:
        self.request = request
        self.request_id = request_id
        self.began_at = time.perf_counter()
        self.databases: dict[str, DatabaseWork] = {}
        self.route = ""
        # None: it ended without an answer.
        self.status: int | None = None
        # What nobody caught.
        self.error: BaseException | None = None
        self.name: named | None = None

    def database(self, alias: str) -> DatabaseWork:
        """What `alias` was asked for."""
        found = self.databases.get(alias)
        if found is None:
            found = self.databases[alias] = DatabaseWork()
        return found

    def rename(self, name: str) -> None:
        """What it borrows from now on is `name`'s."""
        if self.name is not None:
            self.name.__exit__()
        self.name = named(name) if name else None
        if self.name is not None:
            self.name.__enter__()


_here = threading.local()


def current() -> Work:
    """What this thread works on. Django's connections belong to threads, and so does this."""
    try:
        work: Work = _here.work
    except AttributeError:
        work = _here.work = Work()
    return work


def begin(work: Work) -> None:
    """From now on this thread works on this."""
    _here.work = work


def end() -> None:
    """What this thread does from now on is no request's."""
    _here.work = Work()


def request_id() -> str:
    """The id of the request that this thread works on; "" outside of requests."""
    work: Work | None = getattr(_here, "work", None)
    return work.request_id if work is not None else ""
