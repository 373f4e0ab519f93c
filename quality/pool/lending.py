"""The pool: lends connections in the order of asking, and takes them back."""

import contextlib
import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import MySQLdb
import sqlalchemy.pool
from MySQLdb.connections import Connection
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from quality.pool import forking
from quality.pool.errors import PoolTimeout
from quality.pool.options import PoolOptions
from quality.pool.sessions import Session, open_connection

logger = logging.getLogger("quality.pool")

# A connection that was used within these seconds is lent without asking the server, unless
# the server said something in between. HikariCP's figure.
TRUSTED_SECONDS = 0.5

# Idle connections are looked through this often, when somebody returns one.
SHED_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """Connections of one pool in this process, at one moment.

    limit    the most it may open
    open     idle + in use
    idle     ready to be lent
    in_use   lent
    waiting  threads that wait for one
    longest_held_seconds, longest_holder   the longest of the present leases and its thread
    """

    limit: int
    open: int
    idle: int
    in_use: int
    waiting: int
    longest_held_seconds: float
    longest_holder: str


@dataclass(frozen=True, slots=True)
class _Lease:
    since: float
    thread: threading.Thread


class _Waiter:
    __slots__ = ("entry", "served")

    def __init__(self) -> None:
        self.served = threading.Event()
        # What it was served: an idle connection, or None = the right to open one.
        self.entry: ConnectionPoolEntry | None = None


class Pool(sqlalchemy.pool.Pool):
    """The connections of one process to one database, with one set of parameters.

    Of SQLAlchemy's pool this keeps what is around a connection: the proxy that gives it
    back when its borrower is collected, and the events. Which connection is lent to whom
    is decided here, in the two methods that each of its pools has to supply.
    """

    def __init__(self, alias: str, params: Mapping[str, Any], options: PoolOptions) -> None:
        # The resets are ours, because a failed one has to close the connection quietly.
        super().__init__(self._connect, reset_on_return=None)  # type: ignore[arg-type]
        self.alias = alias
        self.options = options
        self._params = params
        self._start_empty()
        # Connections of an older generation are closed when they return.
        self._generation = 0
        self._retired = False
        self._next_shed = 0.0
        self._last_connect_error: Exception | None = None
        self._deadline = threading.local()
        event.listen(self, "connect", self._opened)
        forking.watch(self)

    def _start_empty(self) -> None:
        # Re-entrant: a collected borrower returns its connection wherever Python collects.
        self._lock = threading.RLock()
        self._idle: deque[ConnectionPoolEntry] = deque()  # the longest idle first
        self._waiters: deque[_Waiter] = deque()
        self._leases: dict[ConnectionPoolEntry, _Lease] = {}
        # Idle, lent, being opened or being closed: what counts against the limit.
        self._slots = 0

    def __repr__(self) -> str:
        # Never the parameters: the password is one of them.
        return f"<Pool of {self.alias!r}: {self.status()}>"

    # ----- For the borrower

    def borrow(self) -> PoolProxiedConnection:
        """Lend a connection that answers, within `timeout` seconds.

        Raises PoolTimeout when none came free in time, MySQLdb.Error when the server
        refused a new one.
        """
        self._deadline.at = time.monotonic() + self.options.timeout
        return self.connect()

    def give_back(self, lease: PoolProxiedConnection) -> None:
        """End `lease`. The next borrower finds a clean session, or the connection is closed."""
        if not lease.is_valid:
            return
        session = session_of(lease)
        if session is None:
            lease.invalidate()
            return
        try:
            session.reset(self.options.reset)
        except Exception as error:  # noqa: BLE001 - whatever failed, the connection is not clean
            logger.info("%s: closing a connection that cannot be reset: %s", self.alias, error)
            self._end(lease, session, error)
        except BaseException as error:
            self._end(lease, session, error)
            raise
        else:
            session.clean = True
            self._end(lease, session, None)

    def discard(self, lease: PoolProxiedConnection) -> None:
        """End `lease` and close its connection."""
        session = session_of(lease) if lease.is_valid else None
        if session is not None:
            self._end(lease, session, None, close=True)

    def _end(
        self,
        lease: PoolProxiedConnection,
        session: Session,
        error: BaseException | None,
        *,
        close: bool = False,
    ) -> None:
        try:
            if close or error is not None:
                lease.invalidate(error)
            else:
                lease.close()
        except Exception:
            # A listener of SQLAlchemy's events raised, perhaps before the slot came back.
            logger.exception("%s: a listener failed while a connection was returned", self.alias)
            session.clean = False
            self._do_return_conn(session.entry)

    # ----- For those who watch and close

    def stats(self) -> PoolStats:
        """The numbers of this moment. Waits for nothing."""
        with self._lock:
            in_use, idle, waiting = len(self._leases), len(self._idle), len(self._waiters)
            longest = min(self._leases.values(), key=lambda lease: lease.since, default=None)
        return PoolStats(
            limit=self.options.max_size,
            open=in_use + idle,
            idle=idle,
            in_use=in_use,
            waiting=waiting,
            longest_held_seconds=time.monotonic() - longest.since if longest else 0.0,
            longest_holder=longest.thread.name if longest else "",
        )

    def status(self) -> str:
        """The numbers of this moment as text."""
        now = self.stats()
        return f"{now.in_use} of {now.limit} in use, {now.idle} idle, {now.waiting} waiting"

    def dispose(self) -> None:
        """Close the idle connections at once, the lent ones when they return.

        The pool stays usable, and until they return the lent ones count against its limit.
        """
        with self._lock:
            self._generation += 1
            stale = list(self._idle)
            self._idle.clear()
        for entry in stale:
            self._close_entry(entry)

    def retire(self) -> None:
        """`dispose()`, and keep nothing that comes later: another pool took this one's place."""
        self._retired = True
        self.dispose()

    def has_params(self, params: Mapping[str, Any]) -> bool:
        """Whether a connection made with `params` may be served from here."""
        return self._params == params

    def leave_to_parent(self) -> None:
        """In a forked child: start empty. What was lent at the fork is not known here any more."""
        self._start_empty()

    # ----- Connections

    def _connect(self) -> Connection:
        left = self._deadline.at - time.monotonic()
        if left <= 0:
            raise self._timed_out()
        try:
            connection = open_connection(self._params, within_seconds=left)
        except MySQLdb.Error as error:
            self._last_connect_error = error
            raise
        self._last_connect_error = None
        return connection

    def _opened(self, connection: Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["session"] = Session(connection, entry, self._params, self._generation)

    def _is_fit(self, session: Session) -> bool:
        now = time.monotonic()
        if now - session.opened_at >= self.options.max_lifetime:
            return False
        if now - session.idle_since < TRUSTED_SECONDS and not session.has_input():
            return True
        return session.answers(within_seconds=self._deadline.at - now)

    def _close_entry(self, entry: ConnectionPoolEntry) -> None:
        try:
            entry.close()
        finally:
            with self._lock:
                self._pass_on(None)

    # ----- Slots: SQLAlchemy calls these two

    def _do_get(self) -> ConnectionPoolEntry:
        entry = self._wait_for_turn()
        try:
            if entry is not None and not self._is_fit(entry.info["session"]):
                entry.close()
                entry = None
            if entry is None:
                entry = self._create_connection()
        except BaseException:
            if entry is not None:
                with contextlib.suppress(Exception):
                    entry.close()
            with self._lock:
                self._pass_on(None)
            raise
        lease = _Lease(time.monotonic(), threading.current_thread())
        with self._lock:
            self._leases[entry] = lease
        return entry

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        with self._lock:
            if self._leases.pop(record, None) is None:
                return  # it is back already, or a parent's
            session = record.info.get("session")
            if (
                record.dbapi_connection is not None
                and session is not None
                and session.clean
                and session.generation == self._generation
                and not self._retired
            ):
                session.clean = False
                session.idle_since = time.monotonic()
                self._pass_on(record)
                record = None  # type: ignore[assignment]
        if record is not None:
            self._close_entry(record)
        self._shed()

    def _wait_for_turn(self) -> ConnectionPoolEntry | None:
        """An idle connection, or None = the right to open one. Raises PoolTimeout."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._slots < self.options.max_size:
                self._slots += 1
                return None
            ended = any(not lease.thread.is_alive() for lease in self._leases.values())
        if ended:
            # The wrappers of ended threads refer to themselves, so only the collector
            # finds them, and it may not come by for long. Their connections come back here.
            gc.collect()
        waiter = _Waiter()
        with self._lock:
            # Nobody is overtaken: when there are waiters, nothing is idle and nothing free.
            if self._idle:
                return self._idle.pop()
            if self._slots < self.options.max_size:
                self._slots += 1
                return None
            self._waiters.append(waiter)
        try:
            waiter.served.wait(max(0.0, self._deadline.at - time.monotonic()))
        except BaseException:
            with self._lock:
                if waiter.served.is_set():
                    self._pass_on(waiter.entry)
                else:
                    self._waiters.remove(waiter)
            raise
        with self._lock:
            if waiter.served.is_set():
                return waiter.entry
            error = self._timed_out()
            self._waiters.remove(waiter)
        raise error

    def _pass_on(self, entry: ConnectionPoolEntry | None) -> None:
        """Give `entry`, or for None the right to open one, to the first in line. Lock held."""
        if self._waiters:
            waiter = self._waiters.popleft()
            waiter.entry = entry
            waiter.served.set()
        elif entry is not None:
            self._idle.append(entry)
        else:
            self._slots -= 1

    def _shed(self) -> None:
        """Close what has been idle for too long, down to `min_size`."""
        now = time.monotonic()
        if now < self._next_shed:
            return
        surplus: list[ConnectionPoolEntry] = []
        with self._lock:
            self._next_shed = now + SHED_EVERY_SECONDS
            spare = self._slots - self.options.min_size
            while spare > len(surplus) and self._idle:
                if now - self._idle[0].info["session"].idle_since < self.options.max_idle:
                    break
                surplus.append(self._idle.popleft())
        for entry in surplus:
            self._close_entry(entry)

    def _timed_out(self) -> PoolTimeout:
        now = self.stats()
        waited = self.options.timeout + max(0.0, time.monotonic() - self._deadline.at)
        held = (
            f"; longest held for {now.longest_held_seconds:.1f} s by {now.longest_holder}"
            if now.in_use
            else ""
        )
        refused = (
            f"; the last attempt to connect failed: {self._last_connect_error}"
            if self._last_connect_error
            else ""
        )
        return PoolTimeout(
            f"{self.alias}: no connection within {waited:.1f} s: {self.status()}{held}{refused}. "
            "Hold connections for a shorter time, or raise max_size in OPTIONS['pool'] as far "
            "as the server's max_connections allows for all processes together.",
            alias=self.alias,
            waited_seconds=waited,
            in_use=now.in_use,
            idle=now.idle,
            waiting=now.waiting,
            limit=now.limit,
        )


def session_of(lease: PoolProxiedConnection) -> Session | None:
    """What the pool knows about the connection behind `lease`."""
    session = lease.info.get("session")
    return session if isinstance(session, Session) else None
