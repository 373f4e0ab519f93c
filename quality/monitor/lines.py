"""Writes what requests and leases did: a line each."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.conf import settings

from quality.monitor.texts import printable
from quality.monitor.usual import Usual
from quality.monitor.work import DatabaseWork, Work
from quality.pool.events import LeaseEnded

logger = logging.getLogger(__name__)
routes = logging.getLogger("quality.routes")
database = logging.getLogger("quality.database")


def write_requests(works: Iterable[Work]) -> None:
    """Requests ended, in this order: the usual lines among them are written together."""
    usual = Usual() if take_many(routes) else None
    together: list[tuple[float, str, str]] = []
    for work in works:
        try:
            text = usual.text_of(work) if usual is not None else ""
            if text:
                together.append((work.ended_at, work.request_id, text))
            else:
                _write_together(together)
                together = []
                write_request(work)
        except Exception:
            logger.exception("The line of a request could not be written.")
    _write_together(together)


def write_request(work: Work) -> None:
    """A request ended: its line, and one of the databases' if there is something to warn about."""
    path = printable(work.path)
    status = work.status or 599
    what = f"{work.method} {work.route or path} {work.status or 'was cut off'}"
    fields: dict[str, Any] = {"seconds": round(work.seconds, 4)}
    if work.has_arguments:
        fields["path"] = path
    if work.user_id is not None:
        fields["user"] = work.user_id
    fields["address"] = work.address
    if work.reason:
        fields["error"] = work.reason
    databases = work.databases()
    notes = _add_databases(work, databases, fields)
    if notes:
        text = f"{what}: {'; '.join(notes)}"
        _write(database, logging.WARNING, text, fields, work.ended_at, work.request_id)
    if status >= 400 or not path.startswith(settings.QUIET_PATHS):
        level = logging.WARNING if status >= 500 else logging.INFO
        _write(routes, level, what, fields, work.ended_at, work.request_id)
    elif databases and not notes:
        _write(database, logging.INFO, what, fields, work.ended_at, work.request_id)


def _add_databases(
    work: Work, databases: dict[str, DatabaseWork], fields: dict[str, Any]
) -> list[str]:
    """Add what it asked of its databases; returns what is worth a warning."""
    if len(databases) == 1:
        [(alias, done)] = databases.items()
        fields["database"] = alias
        fields |= _fields(done)
    elif databases:
        fields |= {alias: _fields(done) for alias, done in databases.items()}
    notes = [note for done in databases.values() for note in _notes(done)]
    if in_vain := work.waited_in_vain_seconds:
        fields["waited_in_vain_seconds"] = round(in_vain, 3)
        notes.append(f"waited in vain for a connection for {in_vain:.1f} s")
    return notes


def write_lease(lease: LeaseEnded, done: DatabaseWork, ended_at: float) -> None:
    """A lease outside of requests ended, or one that nobody returned."""
    notes = ["nobody returned its connection"] if lease.reason == "leaked" else []
    if lease.waited_seconds >= settings.LONG_WAIT_SECONDS:
        notes.append(_wait_note(lease.waited_seconds))
    what, level = lease.holder, logging.INFO
    if notes:
        what, level = f"{what}: {'; '.join(notes)}", logging.WARNING
    _write(database, level, what, {"database": lease.alias} | _fields(done), ended_at, "")


def _fields(done: DatabaseWork) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "waited_seconds": round(done.waited_seconds, 5),
        "held_seconds": round(done.held_seconds, 5),
        "statements": done.statements,
        "sql_seconds": round(done.sql_seconds, 5),
    }
    if done.leases > 1:
        fields["leases"] = done.leases
    lease = done.lease
    if lease is not None:
        fields["connection"] = lease.connection_id
        fields["connection_age_seconds"] = round(lease.connection_age_seconds, 1)
        fields["connection_is_new"] = lease.is_new
        if lease.reason:
            fields["connection_closed"] = lease.reason
    return fields


def _wait_note(seconds: float) -> str:
    limit = settings.LONG_WAIT_SECONDS
    return f"waited {seconds:.1f} s for a connection (LONG_WAIT_SECONDS is {limit:g})"


def _notes(done: DatabaseWork) -> list[str]:
    """What is worth a warning in a request."""
    notes = []
    if done.waited_seconds >= settings.LONG_WAIT_SECONDS:
        notes.append(_wait_note(done.waited_seconds))
    # Of what gives its connection back between one batch and the next, each lease on the average.
    leases = max(1, done.leases)
    if (held := done.held_seconds / leases) >= settings.LONG_HOLD_SECONDS:
        limit = settings.LONG_HOLD_SECONDS
        notes.append(f"held a connection for {held:.1f} s (LONG_HOLD_SECONDS is {limit:g})")
    if done.statements / leases >= settings.MANY_STATEMENTS:
        limit = settings.MANY_STATEMENTS
        notes.append(f"{done.statements} statements (MANY_STATEMENTS is {limit})")
    if done.is_lent:
        notes.append("did not return its connection")
    return notes


class Line(logging.LogRecord):
    """A record that comes from no place in the code.

    To look for that, and to take the time of now, would take longer than all else about it.
    """

    def __init__(self, logger: str, level: int, message: str, created: float) -> None:
        self.__dict__.update(_usual(logger, level))
        self.msg = message
        self.created = created


@cache
def _usual(logger: str, level: int) -> dict[str, Any]:
    """What all lines of a logger and level have in common."""
    # Waits for the next flush().
    return vars(logging.LogRecord(logger, level, __file__, 0, "", (), None)) | {"may_wait": True}


def _write(
    logger: logging.Logger,
    level: int,
    message: str,
    fields: dict[str, Any],
    at: float,
    request_id: str,
) -> None:
    if logger.isEnabledFor(level):
        line = Line(logger.name, level, message, at)
        line.fields = fields
        line.request_id = request_id
        logger.handle(line)


def _write_together(texts: list[tuple[float, str, str]]) -> None:
    """One record for many lines: what handles it takes them out of `many`."""
    if texts and routes.isEnabledFor(logging.INFO):
        line = Line(routes.name, logging.INFO, "", texts[-1][0])
        line.many = texts
        routes.handle(line)


def take_many(area: logging.Logger) -> bool:
    """Whether all that handle its lines would take many in one record."""
    return all(getattr(handler, "takes_many", False) for handler in _handlers(area))


def flush() -> None:
    """Have the lines that were gathered written."""
    for area in (routes, database):
        for handler in _handlers(area):
            handler.flush()


def _handlers(area: logging.Logger) -> Iterator[logging.Handler]:
    logger: logging.Logger | None = area
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None
