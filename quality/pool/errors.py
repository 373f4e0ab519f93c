"""The error of a pool that has nothing to lend in time."""

from django.db import OperationalError


class PoolTimeout(OperationalError):
    """No connection could be lent within OPTIONS["pool"]["timeout"] seconds.

    A `django.db.OperationalError`, so that code which copes with a database that is away
    copes with this too. The numbers of the moment stand in the message and as attributes.
    """

    def __init__(
        self,
        message: str,
        *,
        alias: str = "",
        waited_seconds: float = 0.0,
        in_use: int = 0,
        idle: int = 0,
        waiting: int = 0,
        limit: int = 0,
    ) -> None:
        super().__init__(message)
        self.alias = alias
        self.waited_seconds = waited_seconds
        self.in_use = in_use
        self.idle = idle
        self.waiting = waiting
        self.limit = limit
