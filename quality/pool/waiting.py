"""One borrower's wait in line, bounded by its deadline."""

import time
from typing import TYPE_CHECKING

from quality.pool.errors import PoolFull, PoolTimeout
from quality.pool.leases import Holding
from quality.pool.slots import Waiter

if TYPE_CHECKING:
    from quality.pool.stock import Stock


def wait_in_line(pool: "Stock", holding: Holding, *, unfit: str = "") -> None:
    """Wait until `holding` has a connection.

    `unfit` is why the one that it has now must be closed: it had its turn, and is the first.
    Raises PoolTimeout, PoolFull, DatabaseAway, and what the connect that was tried for
    it raised.
    """
    slots, opening, options = pool.slots, pool.opening, pool.options
    seconds = max(0.0, holding.deadline - time.monotonic())
    if slots.taken >= slots.limit:
        reclaim_orphans(pool)
    waiter = Waiter(holding)
    rejected = holding.session
    is_trying = False
    try:
        try:
            with slots.lock:
                # Nobody is overtaken: while somebody waits, nothing is idle.
                if slots.lend(holding):
                    return
                is_away = bool(opening.away_since)
                if is_away and not slots.attempts and time.monotonic() < opening.refuse_until:
                    raise opening.refusal()
                queued = len(slots.waiters) - len(slots.attempts)
                is_full = slots.taken >= slots.limit and options.max_waiting > 0
                if is_full and queued >= options.max_waiting and not unfit:
                    pool.page.refused()
                    raise _error(PoolFull, pool, holding)
                if is_away and slots.attempts:
                    # Somebody is trying: see how that goes.
                    seconds = min(seconds, options.fail_fast)
                    is_trying = True
                if unfit:
                    slots.waiters.appendleft(waiter)
                else:
                    slots.waiters.append(waiter)
                slots.note()
        finally:
            if rejected is not None:
                # Not before it stands in line: another would get the slot.
                pool.reject(holding, rejected, unfit)
        opening.grow()
        waiter.served.acquire(timeout=seconds)
    except BaseException:
        with slots.lock:
            if waiter in slots.waiters:
                slots.waiters.remove(waiter)
        raise
    with slots.lock:
        if holding.session is not None:
            return
        if waiter.error is not None:
            raise waiter.error
        error = opening.refusal() if is_trying else _error(PoolTimeout, pool, holding)
        slots.waiters.remove(waiter)
        slots.note()
    pool.page.timed_out()
    raise error


def reclaim_orphans(pool: "Stock") -> None:
    """Take back what threads have that ended without returning it."""
    with pool.slots.lock:
        orphans = [one for one in pool.slots.in_use.values() if one.is_orphaned()]
    for holding in orphans:
        pool.sever(holding, "leaked")


def _error(kind: type[PoolTimeout], pool: "Stock", holding: Holding) -> PoolTimeout:
    now = pool.stats()
    waited = time.monotonic() - holding.since
    if kind is PoolFull:
        what = f"{pool.options.max_waiting} wait already, and no more may (max_waiting)"
    else:
        what = f"no connection within {waited:.1f} s"
    return kind(
        f"{pool.alias}: {what}: {now}{now.why_none_is_free()}. {now.remedy()}",
        alias=pool.alias,
        waited_seconds=waited,
        **now.for_error(),
    )
