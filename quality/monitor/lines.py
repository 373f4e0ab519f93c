"""Writes what requests and leases did: one line each."""

import logging
from typing import Any

from django.conf import settings

from quality.monitor.texts import printable
from quality.monitor.work import DatabaseWork, Work
from quality.pool.events import LeaseEnded

routes = logging.getLogger("quality.routes")
database = logging.getLogger("quality.database")


def write_request(work: Work) -> None:
    """A request ended: a line of its route, and one of its databases if it used any."""
    path = printable(work.path)
    status = work.status or 599
    what = f"{work.method} {work.route or path} {work.status or 'was cut off'}"
    people = {"user": work.user_id} if work.user_id is not None else {}

    if status >= 400 or not path.startswith(settings.QUIET_PATHS):
        fields: dict[str, Any] = {"seconds": round(work.seconds, 4)}
        if work.has_arguments:
            fields["path"] = path
        fields |= people | {"address": work.address}
        if work.reason:
            fields["error"] = work.reason
        level = logging.WARNING if status >= 500 else logging.INFO
        _write(routes, level, what, fields, work.ended_at, work.request_id)

    in_vain = work.waited_in_vain_seconds
    if work.databases or in_vain:
        fields, notes = _of_databases(work.databases)
        if in_vain:
            fields["waited_in_vain_seconds"] = round(in_vain, 3)
            notes.append(f"waited in vain for a connection for {in_vain:.1f} s")
        _write_with_notes(what, fields | people, notes, work.ended_at, work.request_id)


def _of_databases(databases: dict[str, DatabaseWork]) -> tuple[dict[str, Any], list[str]]:
    """The fields of a request's databases, and what is worth a warning."""
    notes = [note for done in databases.values() for note in _notes(done)]
    if len(databases) == 1:
        [(alias, done)] = databases.items()
        return {"database": alias} | _fields(done), notes
    return {alias: _fields(done) for alias, done in databases.items()}, notes


def write_lease(lease: LeaseEnded, done: DatabaseWork, ended_at: float) -> None:
    """A lease outside of requests ended, or one that nobody returned."""
    notes = ["nobody returned its connection"] if lease.reason == "leaked" else []
    if lease.waited_seconds >= settings.LONG_WAIT_SECONDS:
        notes.append(_wait_note(lease.waited_seconds))
    _write_with_notes(lease.holder, {"database": lease.alias} | _fields(done), notes, ended_at, "")


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
    if done.held_seconds >= settings.LONG_HOLD_SECONDS:
        limit = settings.LONG_HOLD_SECONDS
        notes.append(
            f"held a connection for {done.held_seconds:.1f} s (LONG_HOLD_SECONDS is {limit:g})"
        )
    if done.statements >= settings.MANY_STATEMENTS:
        limit = settings.MANY_STATEMENTS
        notes.append(f"{done.statements} statements (MANY_STATEMENTS is {limit})")
    if done.is_lent:
        notes.append("did not return its connection")
    return notes


def _write_with_notes(
    what: str, fields: dict[str, Any], notes: list[str], at: float, request_id: str
) -> None:
    if notes:
        _write(database, logging.WARNING, f"{what}: {'; '.join(notes)}", fields, at, request_id)
    else:
        _write(database, logging.INFO, what, fields, at, request_id)


def _write(
    logger: logging.Logger,
    level: int,
    message: str,
    fields: dict[str, Any],
    at: float,
    request_id: str,
) -> None:
    if logger.isEnabledFor(level):
        # Not logger.log(), which would look for the place in the code and take the time of now.
        record = logger.makeRecord(logger.name, level, __file__, 0, message, (), None)
        record.created = at
        record.fields = fields
        record.request_id = request_id
        # For the next flush().
        record.may_wait = True
        logger.handle(record)


def flush() -> None:
    """Have the lines that were gathered written."""
    for area in (routes, database):
        logger: logging.Logger | None = area
        while logger is not None:
            for handler in logger.handlers:
                handler.flush()
            logger = logger.parent if logger.propagate else None
