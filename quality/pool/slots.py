"""Whose turn it is: a pool's connections, who waits for one, and how many there may be."""

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from quality.pool.leases import Holding

if TYPE_CHECKING:
    from quality.pool.ledger import Page
    from quality.pool.sessions import Session


class Waiter:
    """A thread that waits for a connection, until `served` is released."""

    __slots__ = ("error", "holding", "served")

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        # Why it gets none.
        self.error: BaseException | None = None
        # A lock, because an Event is a lock with a condition around it, at ten times the price.
        self.served = threading.Lock()
        self.served.acquire()


class Attempt:
    """One connection that is being opened."""

    __slots__ = ("generation", "since")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.since = time.monotonic()


class Slots:
    """The accounts of one pool. All but `lock` itself is for who holds `lock`.

    A slot is taken from before a connection is opened until after it was closed. While
    somebody waits nothing is idle: what becomes available goes to the first in line.

    A signal's handler may raise after any call (Ctrl-C, a task's time limit). So what belongs
    together is done without a call in between, or nobody would know of a connection.
    """

    def __init__(self, limit: int, page: "Page") -> None:
        self.limit = limit
        self.page = page
        # Connections of an older generation are closed when they return.
        self.generation = 0
        self.start_empty()

    def start_empty(self) -> None:
        """Forget everything."""
        # Re-entrant, for a signal's handler that borrows.
        self.lock = threading.RLock()
        self.idle: deque[Session] = deque()  # the next one to be lent last
        self.waiters: deque[Waiter] = deque()
        self.in_use: dict[Session, Holding] = {}
        self.attempts: set[Attempt] = set()
        self.taken = 0

    def note(self) -> None:
        """Write down how things stand."""
        is_open = self.taken - len(self.attempts)
        idle, in_use, waiting = len(self.idle), len(self.in_use), len(self.waiters)
        self.page.set(self.limit, is_open, idle, in_use, waiting)

    # ----- Borrowing

    def lend(self, holding: Holding) -> bool:
        """Give `holding` the connection that was used last. False: nothing is idle."""
        if not self.idle:
            return False
        holding.session = session = self.idle[-1]
        self.in_use[session] = holding
        del self.idle[-1]
        self.note()
        return True

    def serve(self, session: "Session", *, is_spare: bool = False) -> None:
        """Give `session`, lent or not, to the first in line, or put it with the idle ones.

        A spare one is lent after all others: those in use lately are warm, and the more
        seldom used ones can be closed when the load has fallen.
        """
        if session in self.in_use:
            self.in_use[session].session = None
            del self.in_use[session]
        if self.waiters:
            waiter = self.waiters[0]
            waiter.holding.session = session
            self.in_use[session] = waiter.holding
            del self.waiters[0]
            waiter.served.release()
        elif is_spare:
            self.idle.appendleft(session)
        else:
            self.idle.append(session)

    def refuse(self, waiter: Waiter, error: BaseException) -> None:
        """End the wait of `waiter`, which stands in line, with `error`."""
        self.waiters.remove(waiter)
        waiter.error = error
        waiter.served.release()

    # ----- Opening

    def begin(self, begun: list[Attempt], most_at_once: int, *, at_least: int = 0) -> None:
        """Take the slots for what has to be opened for those who wait, or up to `at_least`.

        What has begun is in `begun`, also when this is interrupted.
        """
        wanted = max(len(self.waiters) - len(self.attempts), at_least - self.taken)
        count = min(wanted, self.limit - self.taken, most_at_once - len(self.attempts))
        for _ in range(count):
            attempt = Attempt(self.generation)
            begun.append(attempt)
            self.taken += 1
            self.attempts.add(attempt)

    def end(self, attempt: Attempt) -> bool:
        """The attempt is over. False: it had been given up, and its slot is free."""
        if attempt not in self.attempts:
            return False
        self.attempts.remove(attempt)
        return True

    # ----- Closing

    def take_idle(self, sessions: "list[Session]") -> "list[Session]":
        """Take these out of the idle ones, to be closed or looked at; those that still are."""
        taken = [session for session in sessions if session in self.idle]
        for session in taken:
            self.idle.remove(session)
        return taken
