"""Tells others what happens in the pools of this process."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """

    alias: str
    holder: str
    waited_seconds: float
    held_seconds: float
    connection_id: int
    connection_age_seconds: float
    is_new: bool
    reason: str


LeaseListener = Callable[[LeaseEnded], None]
# A tuple that is replaced, never changed: it may be read while somebody is added.
lease_listeners: tuple[LeaseListener, ...] = ()


def on_lease_ended(listener: LeaseListener) -> LeaseListener:
    """Have `listener` called at the end of each lease; for each listener once.

    It is called outside of the pool's locks, mostly in the borrower's thread: for a lease that
    nobody returned (reason "leaked") in whatever thread noticed it. It must be quick, and
    what it raises is logged.
    """
    global lease_listeners
    if listener not in lease_listeners:
        lease_listeners = (*lease_listeners, listener)
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
    event = LeaseEnded(
        alias=alias,
        holder=holding.name,
        waited_seconds=waited_seconds,
        held_seconds=now - holding.since,
        connection_id=connection_id,
        connection_age_seconds=now - session.opened_at,
        is_new=session.opened_at >= holding.since - waited_seconds,
        reason=reason,
    )
    for listener in lease_listeners:
        try:
            listener(event)
        except Exception:
            logger.exception("%s: a listener of on_lease_ended failed", alias)
