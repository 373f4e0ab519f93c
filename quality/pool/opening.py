"""Opens connections in threads of its own, so that no borrower waits longer than it wants to."""

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

import MySQLdb

from quality.pool.errors import DatabaseAway
from quality.pool.refusals import copy_of, describe, is_away, is_full
from quality.pool.sessions import Session, open_connection
from quality.pool.slots import Attempt

if TYPE_CHECKING:
    from quality.pool.stock import Stock

logger = logging.getLogger("quality.pool")

# No connection takes longer to open than this, even if everybody is ready to wait. The
# client library applies it to each of a few steps.
CONNECT_SECONDS = 10
GIVEN_UP_AFTER_SECONDS = 30.0

# No bound on how many are opened at once, but the limit.
MANY = 1 << 30

# Between two tries on a full server, ± 50 %.
FULL_PAUSE_SECONDS = 0.1
# Between two tries while the database is away; doubled each time, − 50 %. The first one is
# short: most often a server that restarts is back at once.
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


class Opening:
    """How one pool gets its connections, and how that went lately.

    An attempt is started for each borrower that waits, as far as the limit allows, and what
    it opens goes to the first in line. After a failure one attempt runs at a time, and
    each success allows one more: 1, 2, 4, 8 … A server that comes back is not stormed.
    """

    def __init__(self, pool: "Stock") -> None:
        self._pool = pool
        self.start_anew()

    def start_anew(self) -> None:
        """Know of no failure. What follows is guarded by the lock of the pool's slots."""
        self.last_error: BaseException | None = None
        self.last_error_at = 0.0
        # When the database went away; 0 = it is there, as far as we know.
        self.away_since = 0.0
        # Until then nobody waits for a database that is away.
        self.refuse_until = 0.0
        # From then on the keeper may try again.
        self.next_try = 0.0
        self._failures = 0
        self._most_at_once = MANY
        # Set when a slot may have become free, at the server or on this host.
        self.freed = threading.Event()

    def refusal(self) -> DatabaseAway:
        """What to tell a borrower while the database is away."""
        now, error = time.monotonic(), self.last_error
        return DatabaseAway(
            error.args[0] if error is not None and error.args else 2002,
            f"{self._pool.alias}: the database has been away for {now - self.away_since:.1f} s, "
            f"and was {now - self.last_error_at:.1f} s ago: {describe(error)}. "
            "Try again in a moment; see that the server runs and can be reached.",
            retry_after_seconds=max(0.0, self.refuse_until - now),
        )

    def grow(self, *, at_least: int = 0) -> None:
        """Open what is missing for those who wait, or up to `at_least` connections."""
        slots = self._pool.slots
        begun: list[Attempt] = []
        try:
            with slots.lock:
                slots.begin(begun, self._most_at_once, at_least=at_least)
            if begun:
                self._pool.keep()
            for attempt in begun:
                self._start(attempt)
        except BaseException:
            # A signal's handler raised. Some may run; what they open is closed.
            with slots.lock:
                slots.taken -= sum(map(slots.end, begun))
            # For the others who wait.
            self.grow()
            raise

    def _start(self, attempt: Attempt) -> None:
        name = f"quality.pool opens {self._pool.alias}"
        try:
            threading.Thread(target=self._run, args=(attempt,), name=name, daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            self._failed(attempt, error)

    def give_up(self, before: float) -> None:
        """Free the slots of attempts that began before; nobody knows when they will end."""
        with self._pool.slots.lock:
            late = [one for one in self._pool.slots.attempts if one.since < before]
        for attempt in late:
            seconds = time.monotonic() - attempt.since
            self._failed(attempt, MySQLdb.OperationalError(2013, f"No answer in {seconds:.0f} s."))

    # ----- In a thread of its own

    def _run(self, attempt: Attempt) -> None:
        try:
            session = self._open(attempt)
        except BaseException as error:  # noqa: BLE001 - it belongs to the borrower
            self._failed(attempt, error)
        else:
            self._opened(attempt, session)
        if self._pool.host is not None:
            # Who still lacks a slot says so again at once.
            self._pool.host.want(0)
        self.grow()
        # What failed was perhaps the last that a pool waited for whose place another took.
        self._pool.let_go_if_drained()

    def _open(self, attempt: Attempt) -> Session:
        """Connect; on a full server again and again for as long as somebody waits."""
        while True:
            self.freed.clear()
            try:
                return self._open_once(attempt)
            except MySQLdb.OperationalError as error:
                if not is_full(error):
                    raise
                self._note(error)
                if not self._is_last_hope():
                    raise
            self.freed.wait(FULL_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
            if not self._pool.slots.waiters:
                raise MySQLdb.OperationalError(*self.last_error.args if self.last_error else ())

    def _open_once(self, attempt: Attempt) -> Session:
        pool = self._pool
        started = time.monotonic()
        self._take_from_host()
        try:
            connection = open_connection(pool.params, within_seconds=CONNECT_SECONDS)
        except BaseException:
            if pool.host is not None:
                pool.host.release()
            raise
        session = Session(connection, pool.params, attempt.generation)
        try:
            pool.lifetimes.learn(session)
        except BaseException:
            session.close()
            if pool.host is not None:
                pool.host.release()
            raise
        # Connections that were opened together are not to be replaced together.
        lifetime_seconds = pool.lifetimes.longest * random.uniform(0.95, 1)  # noqa: S311
        session.expires_at = session.opened_at + lifetime_seconds
        pool.page.connected(time.monotonic() - started)
        return session

    def _take_from_host(self) -> None:
        host, slots = self._pool.host, self._pool.slots
        if host is None:
            return
        if not host.try_acquire():
            host.want(len(slots.waiters))
            # As the server says it, and to be waited for in the same way.
            raise MySQLdb.OperationalError(1040, "All connections of this host's cap are taken.")

    def _is_last_hope(self) -> bool:
        # One attempt knocks on behalf of all who wait.
        slots = self._pool.slots
        with slots.lock:
            self._most_at_once = 1
            return bool(slots.waiters) and len(slots.attempts) <= 1

    def _opened(self, attempt: Attempt, session: Session) -> None:
        pool, slots = self._pool, self._pool.slots
        with slots.lock:
            away_since, self.away_since = self.away_since, 0.0
            self._failures = 0
            self.refuse_until = self.next_try = 0.0
            self._most_at_once = min(self._most_at_once + 1, MANY)
            is_ours = slots.end(attempt)
            # Who waits gets it in any case; it may still be closed when it comes back.
            if is_ours and (slots.waiters or pool.wants(session)):
                slots.serve(session, is_spare=True)
                slots.note()
                session = None  # type: ignore[assignment]
        if session is not None and is_ours:
            pool.close(session, "pool closed")
        elif session is not None:
            session.close()
            if pool.host is not None:
                pool.host.release()
        if away_since:
            logger.warning(
                "%s: the database is back after %.1f s", pool.alias, time.monotonic() - away_since
            )

    # ----- Failures

    def _note(self, error: BaseException) -> None:
        self.last_error, self.last_error_at = error, time.monotonic()
        self._pool.page.failed(error)

    def _failed(self, attempt: Attempt, error: BaseException) -> None:
        self._note(error)
        slots, now = self._pool.slots, time.monotonic()
        news = False
        with slots.lock:
            if not slots.end(attempt):
                return
            slots.taken -= 1
            self._most_at_once = 1
            self._failures += 1
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 9))
            pause *= random.uniform(0.5, 1)  # noqa: S311
            self.next_try = now + pause
            losers = list(slots.waiters)
            if is_full(error):
                losers = []
            elif is_away(error):
                news = not self.away_since
                self.away_since = self.away_since or now
                if slots.in_use and self._failures == 1:
                    # Perhaps one connect went wrong, and what is lent comes back in time.
                    losers = losers[:1]
                elif losers:
                    self.refuse_until = now + min(pause, self._pool.options.fail_fast)
            else:
                losers = losers[:1]
            for waiter in losers:
                slots.refuse(waiter, copy_of(error))
            slots.note()
        if news:
            logger.warning("%s: the database is away: %s", self._pool.alias, describe(error))
