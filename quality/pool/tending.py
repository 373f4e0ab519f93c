"""What the keeper does for one pool, once a second."""

import logging
import time
from typing import TYPE_CHECKING

from quality.pool.opening import GIVEN_UP_AFTER_SECONDS
from quality.pool.sessions import Session
from quality.pool.waiting import reclaim_orphans

if TYPE_CHECKING:
    from quality.pool.stock import Stock

leak_logger = logging.getLogger("quality.pool.leaks")

# How long the keeper waits for an idle connection to say that it lives.
ANSWER_SECONDS = 1.0


def tend(pool: "Stock") -> bool:
    """Do what is due. False: there is nothing left to keep."""
    now = time.monotonic()
    pool.opening.give_up(now - GIVEN_UP_AFTER_SECONDS)
    hang_up(pool, now)
    reclaim_orphans(pool)
    report_leaks(pool, now)
    shed(pool, now)
    keep_alive(pool, now)
    replenish(pool, now)
    pool.page.touch()
    return has_something_to_keep(pool)


def has_something_to_keep(pool: "Stock") -> bool:
    """Whether the keeper has to look after this pool."""
    wants_more = pool.is_warm and not pool.is_retired and pool.min_size > 0
    return pool.slots.taken > 0 or wants_more


def hang_up(pool: "Stock", now: float) -> None:
    """Hang up where a server answers neither a reset nor what Django sends to a new session.

    The driver knows no time limit for a single statement. So the thread that waits in it
    is given an error, and closes the connection.
    """
    with pool.slots.lock:
        overdue = [
            session
            for session, holding in pool.slots.in_use.items()
            if 0 < holding.hang_up_at < now
        ]
    for session in overdue:
        session.sever()


def report_leaks(pool: "Stock", now: float) -> None:
    """Log, once each, the leases that are out for longer than `leak_after`."""
    longest = pool.options.leak_after
    if not longest:
        return
    with pool.slots.lock:
        leaks = [
            holding
            for holding in pool.slots.in_use.values()
            if holding.session is not None
            and not holding.reported
            and now - holding.since > longest
        ]
        for holding in leaks:
            holding.reported = True
    for holding in leaks:
        pool.page.leaked()
        leak_logger.warning(
            "%s: %s has had a connection for %.1f s (leak_after is %g s), in thread %s. "
            "It was borrowed here:\n%sThe thread is here:\n%s",
            pool.alias,
            holding.name,
            now - holding.since,
            longest,
            holding.thread.name,
            holding.stack(),
            holding.present_stack(),
        )


def shed(pool: "Stock", now: float) -> None:
    """Close what is idle and dead, too old, or was not wanted for too long."""
    others_wait = pool.host is not None and pool.host.others_wait()
    closing: dict[Session, str] = {}
    # Under the lock: a borrower who took one meanwhile would look at its socket as well, and
    # Python lets only one thread do that. 3 µs for each.
    with pool.slots.lock:
        spare = pool.slots.taken - pool.min_size
        for session in pool.slots.idle:
            if session.has_input():
                closing[session] = "dead"
            elif now >= session.expires_at:
                closing[session] = "lifetime"
            elif others_wait:
                closing[session] = "host cap"
            elif spare > len(closing) and now - session.idle_since >= pool.lifetimes.idle:
                closing[session] = "idle"
        taken = pool.slots.take_idle(list(closing))
    for session in taken:
        pool.close(session, closing[session])


def keep_alive(pool: "Stock", now: float) -> None:
    """Ask the idle connections, one after the other, whether they live."""
    with pool.slots.lock:
        due = [
            session
            for session in pool.slots.idle
            if now - session.trusted_since >= pool.lifetimes.keepalive
        ]
    for session in due:
        with pool.slots.lock:
            if not pool.slots.take_idle([session]):
                continue
        answers = session.answers(within_seconds=ANSWER_SECONDS)
        if not answers:
            pool.close(session, "dead")
            # A server that is silent now is silent for the next one too: go on with the rest
            # of the work, and come back.
            return
        with pool.slots.lock:
            is_wanted = pool.wants(session)
            if is_wanted:
                session.trusted_since = time.monotonic()
                pool.slots.serve(session, is_spare=True)
        if not is_wanted:
            pool.close(session, "pool closed")


def replenish(pool: "Stock", now: float) -> None:
    """Open a connection if there are less than `min_size`; the next one in a second."""
    with pool.slots.lock:
        is_short = (
            pool.is_warm
            and not pool.is_retired
            and not pool.slots.attempts
            and pool.slots.taken < pool.min_size
            and now >= pool.opening.next_try
        )
        at_least = pool.slots.taken + 1
    if is_short:
        pool.opening.grow(at_least=at_least)
