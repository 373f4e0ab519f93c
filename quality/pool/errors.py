"""The errors of a pool that has nothing to lend, and of a statement that took too long."""

from typing import Any

from django.db import OperationalError


class PoolTimeout(OperationalError):
    """No connection could be lent within OPTIONS["pool"]["timeout"] seconds.

    A `django.db.OperationalError`, so that code which copes with a database that is away
    copes with this too. The numbers of the moment stand in the message and as attributes:

    alias, limit, total (open), in_use, idle, waiting
    waited_seconds                         how long this borrower waited
    longest_holder, longest_held_seconds   who has had a connection for the longest time
    last_connect_error, last_connect_error_age_seconds   "" and 0.0 if none failed lately
    """

    def __init__(
        self,
        message: str,
        *,
        alias: str = "",
        waited_seconds: float = 0.0,
        total: int = 0,
        in_use: int = 0,
        idle: int = 0,
        waiting: int = 0,
        limit: int = 0,
        longest_holder: str = "",
        longest_held_seconds: float = 0.0,
        last_connect_error: str = "",
        last_connect_error_age_seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.alias = alias
        self.waited_seconds = waited_seconds
        self.total = total
        self.in_use = in_use
        self.idle = idle
        self.waiting = waiting
        self.limit = limit
        self.longest_holder = longest_holder
        self.longest_held_seconds = longest_held_seconds
        self.last_connect_error = last_connect_error
        self.last_connect_error_age_seconds = last_connect_error_age_seconds


class PoolFull(PoolTimeout):
    """OPTIONS["pool"]["max_waiting"] threads wait already: this one was refused at once."""


class DatabaseAway(OperationalError):
    """Another borrower could not reach the server just now, so this one did not try.

    Its first two arguments are a number of the client library, as stock Django's errors
    have it, and the message. `retry_after_seconds` is when a try may be worth it.
    """

    def __init__(self, *args: Any, retry_after_seconds: float = 0.0) -> None:
        super().__init__(*args)
        self.retry_after_seconds = retry_after_seconds


class StatementTimeout(OperationalError):
    """The server ended a statement that ran for longer than it may.

    Its first two arguments are the server's number for it, as stock Django's errors have it,
    and the message. `seconds` is the limit, None when it was not set by us.
    """

    def __init__(
        self, number: int, message: str, *, alias: str = "", seconds: float | None = None
    ) -> None:
        super().__init__(number, message)
        self.alias = alias
        self.seconds = seconds
