"""Tells others what happens in the pools of this process."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import MySQLdb

if TYPE_CHECKING:
    from quality.pool.leases import Holding
    from quality.pool.sessions import Session

logger = logging.getLogger("quality.pool")


@dataclass(slots=True)
class LeaseEnded:
    """A connection came back from its borrower, or was taken away.

    waited_seconds   from asking to getting it: queueing, validation, opening
    is_new           it was opened while the borrower waited
    connection_id    the server's number for it, 0 if it is not known any more
    reason           why it is closed now; "" = it stays in the pool
    durations        seconds that each of its statements took, without those told before by
                     `on_statements`; BEGIN, COMMIT and what the pool asks itself do not count
    failed           how many of these statements failed
    """

    alias: str
    holder: str
    waited_seconds: float
    held_seconds: float
    connection_id: int
    connection_age_seconds: float
    is_new: bool
    reason: str
    durations: list[float]
    failed: int


Listener = TypeVar("Listener")
BeginListener = Callable[[str], None]
LeaseListener = Callable[[LeaseEnded], None]
StatementsListener = Callable[[str, list[float], int], None]
SlowListener = Callable[[str, Any, float], None]
# Tuples that are replaced, never changed: they may be read while somebody is added.
begin_listeners: tuple[BeginListener, ...] = ()
lease_listeners: tuple[LeaseListener, ...] = ()
statements_listeners: tuple[StatementsListener, ...] = ()
slow_listeners: tuple[SlowListener, ...] = ()
# A statement that takes longer is slow. Nobody has asked for them yet.
slow_seconds = math.inf


def _with(listeners: tuple[Listener, ...], listener: Listener) -> tuple[Listener, ...]:
    return listeners if listener in listeners else (*listeners, listener)


def on_lease_began(listener: BeginListener) -> BeginListener:
    """Have `listener(alias)` called when a connection was lent, in the borrower's thread.

    For each listener once; what it raises is logged. So for all listeners of this module.
    """
    global begin_listeners
    begin_listeners = _with(begin_listeners, listener)
    return listener


def on_statements(listener: StatementsListener) -> StatementsListener:
    """Have `listener(alias, durations, failed)` called when a lease has made many statements.

    At each thousand, in the borrower's thread; the list is the listener's. The rest is told when
    the lease ends.
    """
    global statements_listeners
    statements_listeners = _with(statements_listeners, listener)
    return listener


def on_slow_statement(listener: SlowListener, *, after_seconds: float) -> SlowListener:
    """Have `listener(alias, statement, seconds)` called after each that took longer.

    In the borrower's thread, whose stack tells who asked. The statement is without its
    parameters. One limit holds for all listeners, that of the last one.
    """
    global slow_listeners, slow_seconds
    slow_listeners = _with(slow_listeners, listener)
    slow_seconds = after_seconds
    return listener


def on_lease_ended(listener: LeaseListener) -> LeaseListener:
    """Have `listener` called at the end of each lease; for each listener once.

    It is called outside of the pool's locks, mostly in the borrower's thread: for a lease that
    nobody returned (reason "leaked") in whatever thread noticed it. It must be quick, and
    what it raises is logged.
    """
    global lease_listeners
    lease_listeners = _with(lease_listeners, listener)
    return listener


def tell_lease_ended(
    alias: str, holding: "Holding", session: "Session", now: float, reason: str
) -> None:
    """Call the listeners, before the connection is closed."""
    waited_seconds = holding.waited_seconds or 0.0
    try:
        connection_id = session.connection.thread_id()
    except MySQLdb.Error:  # somebody closed it behind the pool's back
        connection_id = 0
    since, opened_at = holding.since, session.opened_at
    event = LeaseEnded(
        alias,
        holding.name,
        waited_seconds,
        now - since,
        connection_id,
        now - opened_at,
        opened_at >= since - waited_seconds,
        reason,
        holding.durations,
        holding.failed,
    )
    for listener in lease_listeners:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - it is logged
            _complain("on_lease_ended", alias)


def tell_lease_began(alias: str) -> None:
    """Call the listeners."""
    for listener in begin_listeners:
        try:
            listener(alias)
        except Exception:  # noqa: BLE001 - it is logged
            _complain("on_lease_began", alias)


def tell_statements(alias: str, holding: "Holding") -> None:
    """Call the listeners with what was not told before."""
    durations, holding.durations = holding.durations, []
    failed, holding.failed = holding.failed, 0
    _tell(statements_listeners, "on_statements", alias, alias, durations, failed)


def tell_slow_statement(alias: str, statement: Any, seconds: float) -> None:
    """Call the listeners."""
    _tell(slow_listeners, "on_slow_statement", alias, alias, statement, seconds)


def _tell(listeners: tuple[Callable[..., None], ...], event: str, alias: str, *what: Any) -> None:
    for listener in listeners:
        try:
            listener(*what)
        except Exception:  # noqa: BLE001 - it is logged
            _complain(event, alias)


def _complain(event: str, alias: str) -> None:
    logger.exception("%s: a listener of %s failed", alias, event)
