"""The connections of one pool, from their opening to their end, lent or not."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from quality.pool import events, forking
from quality.pool.address import database_name, server_name
from quality.pool.host import HostSlots
from quality.pool.keeper import keeper
from quality.pool.leases import Holding
from quality.pool.ledger import Page
from quality.pool.lifetimes import Lifetimes
from quality.pool.opening import Opening
from quality.pool.options import PoolOptions, check_sizes
from quality.pool.sessions import Session
from quality.pool.slots import Slots
from quality.pool.stats import PoolStats, measure

leak_logger = logging.getLogger("quality.pool.leaks")


class Stock:
    """The connections of one process to one database, with one set of parameters."""

    def __init__(self, alias: str, params: Mapping[str, Any], options: PoolOptions) -> None:
        self.alias = alias
        self.options = options
        self.params = params
        self.min_size = options.min_size
        self.lifetimes = Lifetimes(alias, options)
        self.page = Page(alias=alias, database=database_name(params), directory=options.ledger)
        self.slots = Slots(options.max_size, self.page)
        self.opening = Opening(self)
        # The cap of all processes of this host together, if there is one.
        self.host: HostSlots | None = None
        if options.host_limit and options.ledger is not None:
            self.host = HostSlots(options.ledger, server_name(params), options.host_limit)
            self.host.on_free(self.opening.freed.set)
            self.host.on_wanted(lambda: self.close_idle("host cap"))
        # Used since it was made or closed: from then on the keeper looks after it.
        self.is_warm = False
        self.is_retired = False
        # Its limit is seen by others before its first borrower comes.
        self.slots.note()
        forking.watch(self)

    def __repr__(self) -> str:
        # Never the parameters: the password is one of them.
        return f"<{type(self).__name__} of {self.alias!r}: {self.stats()}>"

    # ----- For those who watch and change

    def stats(self) -> PoolStats:
        """The numbers of this moment. Waits for nothing."""
        return measure(self)

    def resize(self, *, max_size: int | None = None, min_size: int | None = None) -> None:
        """Change the limits of this pool in this process, until its options change.

        What is too many is closed at once if it is idle, else when it returns. A smaller
        `max_size` alone takes `min_size` along. Raises ImproperlyConfigured for sizes that
        cannot be meant.
        """
        max_size = self.slots.limit if max_size is None else max_size
        least = self.min_size if min_size is None else min_size
        check_sizes(f"pool {self.alias!r}", max_size, 0 if min_size is None else min_size)
        with self.slots.lock:
            self.slots.limit, self.min_size = max_size, min(least, max_size)
            surplus = self.slots.taken - max_size
            excess = self.slots.take_idle(list(self.slots.idle)[: max(0, surplus)])
        for session in excess:
            self.close(session, "shrunk")
        self.opening.grow()
        self.keep()

    def dispose(self) -> None:
        """Close the idle connections at once, the lent ones when they return.

        The pool stays usable, and until they return the lent ones count against its limit.
        """
        with self.slots.lock:
            self.slots.generation += 1
            # The database may be dropped next: open nothing until somebody asks again.
            self.is_warm = False
        self.close_idle("pool closed")

    def retire(self) -> None:
        """`dispose()`, and keep nothing that comes later: another pool took this one's place."""
        self.is_retired = True
        self.dispose()
        self.let_go_if_drained()

    def has_params(self, params: Mapping[str, Any]) -> bool:
        """Whether a connection made with `params` may be served from here."""
        return self.params == params

    def leave_to_parent(self) -> None:
        """In a forked child: start empty. What was lent at the fork is not known here any more."""
        self.slots.start_empty()
        self.opening.start_anew()
        self.is_warm = False

    # ----- For the keeper and those who open

    def keep(self) -> None:
        """Have the keeper look after this pool for as long as there is something to keep."""
        keeper.watch(self)

    def wants(self, session: Session) -> bool:
        """Whether `session` may stay. Lock held."""
        return (
            session.generation == self.slots.generation
            and not self.is_retired
            and self.slots.taken <= self.slots.limit
        )

    def close(self, session: Session, reason: str, *, is_severed: bool = False) -> None:
        """Close a connection that nobody else knows, and let another take its slot."""
        try:
            if not is_severed:
                session.close()
        finally:
            with self.slots.lock:
                self.slots.taken -= 1
                self.slots.note()
            if self.host is not None:
                self.host.release()
            self.page.closed(reason)
            self.opening.freed.set()
            self.opening.grow()
            self.let_go_if_drained()

    def close_idle(self, reason: str) -> None:
        """Close everything that is idle now."""
        with self.slots.lock:
            idle = self.slots.take_idle(list(self.slots.idle))
        for session in idle:
            self.close(session, reason)

    def let_go_if_drained(self) -> None:
        """Leave the files that all processes share, when nothing will come any more."""
        if self.is_retired and not self.slots.taken:
            self.page.close()
            if self.host is not None:
                self.host.close()

    # ----- Leases that end

    def dropped(self, holding: Holding) -> None:
        """Nobody refers to the lease of `holding` any more. May be called anywhere."""
        keeper.tell(lambda: self.end(holding, "leaked"))

    def sever(self, holding: Holding, reason: str) -> None:
        """Take a connection away from whoever has it.

        Its socket is hung up, which is safe even if it is being used; the rest is collected
        when nobody refers to it any more.
        """
        session = holding.session
        if session is not None:
            session.sever()
            self.returned(holding, session, reason, is_severed=True)

    def end(self, holding: Holding, reason: str) -> None:
        """Take back the connection of `holding`, if it has one, and close it."""
        session = holding.session
        if session is not None:
            self.returned(holding, session, reason)

    def reject(self, holding: Holding, session: Session, reason: str) -> None:
        """Close what was to be lent to `holding`, which may have another one by now."""
        with self.slots.lock:
            if self.slots.in_use.get(session) is not holding:
                return  # the keeper was faster
            del self.slots.in_use[session]
            if holding.session is session:
                holding.session = None
            self.slots.note()
        self.close(session, reason)

    def returned(
        self, holding: Holding, session: Session, reason: str, *, is_severed: bool = False
    ) -> None:
        """Take back `session`; with a reason, to close it."""
        slots, now = self.slots, time.monotonic()
        with slots.lock:
            if slots.in_use.get(session) is not holding:
                holding.session = None
                return  # it was taken away, or is a parent's
            if not reason and not self.wants(session):
                reason = "shrunk" if slots.taken > slots.limit else "pool closed"
            if not reason and now >= session.expires_at:
                reason = "lifetime"
            if not reason and self.host is not None and self._is_wanted_elsewhere(self.host):
                reason = "host cap"
            if not reason:
                session.idle_since = session.trusted_since = now
                slots.serve(session)
            else:
                del slots.in_use[session]
                holding.session = None
            slots.note()
        if holding.waited_seconds is not None:
            self.page.used(now - holding.since, holding.ledger_place)
            if events.lease_listeners:
                events.tell_lease_ended(self.alias, holding, session, now, reason)
        if holding.reported:
            leak_logger.warning(
                "%s: returned after %.1f s by %s", self.alias, now - holding.since, holding.name
            )
        if reason:
            self.close(session, reason, is_severed=is_severed)

    def _is_wanted_elsewhere(self, host: HostSlots) -> bool:
        return host.owes() or (not self.slots.waiters and host.others_wait())
