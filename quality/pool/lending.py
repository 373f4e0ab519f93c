"""The pool: lends connections in the order of asking, and takes them back."""

import logging
import time
from typing import Any
from weakref import ReferenceType

from quality.pool import events, forking
from quality.pool.leases import Holding
from quality.pool.lent import LentConnection
from quality.pool.stock import Stock
from quality.pool.waiting import wait_in_line

logger = logging.getLogger("quality.pool")

# A connection that was used within these seconds is lent without asking the server, unless
# the server said something in between. HikariCP's figure.
TRUSTED_SECONDS = 0.5

# A connection that is asked whether it lives has to answer within this, and within half of
# the time that its borrower has left, so that there is time for another one.
ANSWER_SECONDS = 5.0

# A reset that takes longer costs the connection.
RESET_SECONDS = 5.0


class Pool(Stock):
    """Lends the connections of one process to one database."""

    def borrow(self, borrower: "ReferenceType[Any] | None" = None) -> LentConnection:
        """Lend a connection that answers, within `timeout` seconds.

        Raises PoolTimeout when none came free in time, PoolFull when too many wait
        already, DatabaseAway when the server could not be reached just now, MySQLdb.Error
        when it refused a new connection.
        """
        if forking.is_in_child():
            forking.notice_fork()
        holding = Holding(self, borrower)
        if self.options.leak_after:
            holding.remember_stack()
        # Made before it holds anything: whatever goes wrong from here on, it is collected, and
        # the connection's slot comes back.
        lent = LentConnection(holding)
        slots = self.slots
        try:
            with slots.lock:
                is_served = slots.lend(holding)
            if not is_served:
                wait_in_line(self, holding)
            while (reason := self._unfit(holding)) is not None:
                wait_in_line(self, holding, unfit=reason)
        except BaseException:
            self.end(holding, "discarded")
            raise
        now = time.monotonic()
        waited_seconds = holding.waited_seconds = now - holding.since
        holding.ledger_place = self.page.lent(holding.name, waited_seconds, now)
        holding.since = now
        self.is_warm = True
        if events.begin_listeners:
            events.tell_lease_began(self.alias)
        return lent

    def give_back(self, holding: Holding) -> None:
        """End a lease. The next borrower finds a clean session, or the connection is closed."""
        session = holding.session
        if session is None:
            return
        holding.hang_up_at = time.monotonic() + RESET_SECONDS
        try:
            session.reset(self.options.reset)
        except BaseException as error:
            self.returned(holding, session, "reset failed")
            if not isinstance(error, Exception):
                raise
            # Whatever failed, the connection is not clean.
            logger.info("%s: closing a connection that cannot be reset: %s", self.alias, error)
        else:
            self.returned(holding, session, "")

    # ----- How

    def _unfit(self, holding: Holding) -> str | None:
        """Why the connection that was taken for `holding` must not be lent, if so."""
        session = holding.session
        if session is None:  # pragma: no cover - taken away by the keeper in this instant
            return "dead"
        now = time.monotonic()
        if now >= session.expires_at:
            return "lifetime"
        if now - session.trusted_since < TRUSTED_SECONDS and not session.has_input():
            return None
        left = holding.deadline - now
        answers = session.answers(within_seconds=min(ANSWER_SECONDS, left / 2))
        return None if answers else "dead"
