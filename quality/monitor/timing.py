"""Counts and times each statement, and tells of slow ones."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from quality.monitor import metrics
from quality.monitor.statements import without_literals
from quality.monitor.work import DatabaseWork, current, database

logger = logging.getLogger("quality.database.slow")

LONGEST_TEXT = 1000
# A command may send any number in one lease.
MOST_TIMINGS = 1000
# Between the code that asks and the statement, whose fault it is not.
_BETWEEN = (f"{Path(__file__).parents[1] / 'pool'}/", __file__)


def watch(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A connection was borrowed: a receiver of `connection_created`, which Django sends each time.

    Its wrapper stays the same for a thread and an alias, and what is put on it stays too.
    """
    current().database(connection.alias).is_lent = True
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Execute a statement. What comes after it is added up when its request has ended."""
    alias = context["connection"].alias
    began = perf_counter()
    try:
        return execute(sql, params, many, context)
    except BaseException:
        database(alias).errors += 1
        raise
    finally:
        seconds = perf_counter() - began
        done = database(alias)
        timings = done.timings
        timings.append(seconds)
        if len(timings) >= MOST_TIMINGS:
            add_up(alias, done)
        if seconds >= settings.SLOW_STATEMENT_SECONDS:
            _tell(alias, sql, seconds)


def add_up(alias: str, done: DatabaseWork) -> None:
    """Count the statements that were timed, for its line and for the metrics."""
    if done.timings:
        metrics.observe_statements(alias, done.timings, errors=done.errors)
        done.statements += len(done.timings)
        done.sql_seconds += sum(done.timings)
        done.timings.clear()
        done.errors = 0


def _tell(alias: str, sql: Any, seconds: float) -> None:
    text = sql.decode(errors="replace") if isinstance(sql, bytes) else str(sql)
    logger.warning(
        "%s: a statement took %.1f s (SLOW_STATEMENT_SECONDS is %g): %s",
        alias,
        seconds,
        settings.SLOW_STATEMENT_SECONDS,
        without_literals(text.replace("%s", "?"), longest=LONGEST_TEXT),
        extra={"fields": {"seconds": round(seconds, 3), "caller": caller()}},
    )


def caller() -> str:
    """The innermost line of this project's own code that led here; "" without one."""
    home = f"{settings.BASE_DIR}/"
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if (
            path.startswith(home)
            and "/site-packages/" not in path
            and not path.startswith(_BETWEEN)
        ):
            return f"{path.removeprefix(home)}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
