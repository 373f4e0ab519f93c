"""What a thread works on: its request, and what that has asked of each database."""

import threading
from dataclasses import dataclass
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from quality.monitor.callers import address_of
from quality.monitor.texts import printable, reason
from quality.pool.events import LeaseEnded
from quality.pool.holders import given_name

if TYPE_CHECKING:
    from django.http import HttpRequest


@dataclass(slots=True)
class StatementsEnded:
    """Many statements of a lease that goes on."""

    alias: str
    number: int
    seconds: float


# What the pool told: a lease of that alias began, or one ended, or has made many statements.
Told = str | LeaseEnded | StatementsEnded


class DatabaseWork:
    """What one alias was asked for, added up."""

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

    def add(self, told: Told) -> None:
        """Add what the pool told."""
        if isinstance(told, str):
            self.is_lent = True
        elif isinstance(told, StatementsEnded):
            self.statements += told.number
            self.sql_seconds += told.seconds
        else:
            self.lease = told
            self.leases += 1
            self.waited_seconds += told.waited_seconds
            self.held_seconds += told.held_seconds
            self.statements += len(told.durations)
            self.sql_seconds += sum(told.durations)
            self.is_lent = False


def alias_of(told: Told) -> str:
    """The alias that the pool told something of."""
    return told if isinstance(told, str) else told.alias


class Work:
    """What a thread does for one request, or outside of requests for one lease after the other."""

    __slots__ = (
        "address",
        "began_at",
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
        "told",
        "user_id",
        "waited_in_vain_seconds",
    )

    # Known when it has ended.
    ended_at: float
    seconds: float
    method: str
    path: str
    address: str
    route: str
    has_arguments: bool
    user_id: Any
    reason: str
    waited_in_vain_seconds: float

    def __init__(self, request: "HttpRequest | None" = None, request_id: str = "") -> None:
        self.request = request
        self.request_id = request_id
        self.began_at = perf_counter()
        # Kept as it comes, for the writer to add up: there the code for it is warm.
        self.told: list[Told] = []
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

    def databases(self) -> dict[str, DatabaseWork]:
        """What each alias was asked for."""
        found: dict[str, DatabaseWork] = {}
        for told in self.told:
            found.setdefault(alias_of(told), DatabaseWork()).add(told)
        return found

    def take(self, alias: str) -> list[Told]:
        """What the pool told of `alias`, which is not this one's any more."""
        taken = [told for told in self.told if alias_of(told) == alias]
        self.told = [told for told in self.told if alias_of(told) != alias]
        return taken

    def finish(self, request: "HttpRequest") -> None:
        """It ended now: let go of the request, which holds a lot, and of what it failed with."""
        self.seconds = perf_counter() - self.began_at
        self.ended_at = time()
        given_name.set(self.name_before)
        self.request = None
        self.method, self.path = str(request.method), request.path
        self.address = address_of(request)
        match = request.resolver_match
        if match is None:
            self.route, self.has_arguments = "", False
        else:
            self.route, self.has_arguments = match.view_name, bool(match.kwargs)
        # Only if somebody has asked for it: to ask would be a statement.
        user = getattr(request, "_cached_user", None)
        self.user_id = None if user is None else user.pk
        error = self.error
        if error is None:
            self.reason, self.waited_in_vain_seconds = "", 0.0
        else:
            self.error = None
            self.reason = reason(error)
            self.waited_in_vain_seconds = getattr(error, "waited_seconds", 0.0)


class Here(threading.local):
    """Each thread's own."""

    # None: it has not done anything yet.
    work: Work | None = None


# Django's connections belong to threads, and so does this.
here = Here()


def current() -> Work:
    """What this thread works on."""
    work = here.work
    if work is None:
        work = here.work = Work()
    return work


def begin(work: Work) -> None:
    """From now on this thread works on this."""
    here.work = work


def end() -> None:
    """What this thread does from now on is no request's."""
    here.work = None


def request_id() -> str:
    """The id of the request that this thread works on; "" outside of requests."""
    work = here.work
    return work.request_id if work is not None else ""
