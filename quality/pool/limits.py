"""How long a statement may run before the server ends it.

MariaDB's `max_statement_time` limits every statement, MySQL's `max_execution_time` only SELECT.
Where a statement ends so does its work, but the transaction around it goes on.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import MySQLdb
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import DatabaseErrorWrapper

from quality.pool.errors import StatementTimeout

if TYPE_CHECKING:
    from quality.pool.driver import Connection
    from quality.pool.transactions import SessionWrapper

# MariaDB's number for the error, and MySQL's.
TIMED_OUT = (1969, 3024)

# Each server reads its own comment and skips the other's: MariaDB executes /*M! alone, and
# leaves out what is for the versions 5.7 to 9.9 of MySQL.
_SET = "SET SESSION /*M! max_statement_time={seconds} */ /*!50708 max_execution_time={ms} */"
_READ = b"SELECT /*M! @@max_statement_time */ /*!50708 @@max_execution_time */"


def limit_statement(seconds: float | None) -> str:
    """The SET that limits each later statement of a session; None = no limit."""
    if seconds is None:
        return _SET.format(seconds=0, ms=0)
    # 0 would be no limit at all. MariaDB counts microseconds, MySQL milliseconds.
    return _SET.format(seconds=f"{max(seconds, 1e-6):.6f}", ms=max(1, round(seconds * 1000)))


def read_limit(connection: "Connection") -> bytes:
    """The SET that gives this session the limit that it has now. One round trip."""
    [[value]] = connection.tell(_READ)
    return _SET.format(seconds=value, ms=value).encode()


@contextmanager
def statement_limit(seconds: float | None, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let each statement in this block run for up to `seconds`; None = as long as it takes.

    For the database `using`, in this thread. Blocks nest, the innermost counts. Raises
    ValueError for what is no time, ImproperlyConfigured when the ENGINE is another one.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"A statement's limit is seconds above 0, or None; not {seconds!r}.")
    wrapper: Any = connections[using]
    if not hasattr(wrapper, "limited"):
        raise ImproperlyConfigured(
            f"DATABASES[{using!r}] has the ENGINE {wrapper.settings_dict['ENGINE']!r}. "
            "statement_limit() needs quality.pool."
        )
    with wrapper.limited(seconds):
        yield


class ErrorWrapper(DatabaseErrorWrapper):
    """Django's own, which knows a time-out from other errors."""

    wrapper: "SessionWrapper"

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is None:
            return
        if issubclass(exc_type, MySQLdb.OperationalError) and exc_value.args[0] in TIMED_OUT:
            self.wrapper.errors_occurred = True
            raise self._timed_out(exc_value).with_traceback(traceback) from exc_value
        super().__exit__(exc_type, exc_value, traceback)

    def _timed_out(self, error: MySQLdb.OperationalError) -> StatementTimeout:
        seconds, origin = self.wrapper.limit_in_force()
        limit = "the server's limit" if seconds is None else f"its limit of {seconds:g} s"
        return StatementTimeout(
            error.args[0],
            f"{self.wrapper.alias}: a statement ran longer than {limit} ({origin}) and was ended "
            "by the server; its transaction goes on. Let it look at less, or run it in "
            "quality.pool.limits.statement_limit(seconds).",
            alias=self.wrapper.alias,
            seconds=seconds,
        )
