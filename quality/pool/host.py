"""The opt-in cap on the connections of all processes of this host together."""

import fcntl
import logging
import threading
import time
from collections.abc import Callable

from django.core.exceptions import ImproperlyConfigured

from quality.pool import forking
from quality.pool.slotfile import SlotFile

logger = logging.getLogger("quality.pool")

# While somebody waits, everybody looks at least this often, should a bell have failed.
BEAT_SECONDS = 0.05

# A process without any connection is given one after so long, even by one that has but one.
PATIENCE_SECONDS = 0.1

# So often an idle process looks whether the shared file is still the one all others use.
LOOK_SECONDS = 1.0


class HostSlots:
    """Slots for `limit` connections that all processes of this host share.

    A thread that sleeps in acquire() doesn't see what its own process takes back meanwhile.
    So a pool with a queue tells by want() how many threads lack a slot, and calls
    try_acquire() whenever on_free() says so; what comes first serves the first in line.

    Whoever has the fewest slots comes first, among equals who waits for longer. When all
    are taken, those with idle connections give them back, and then those who hold at least
    two more than somebody who waits: see others_wait() and owes().
    """

    def __init__(self, directory: str, key: str, limit: int) -> None:
        """`key` names what is shared: the server and its account.

        While processes disagree on the limit the highest one holds. Raises
        ImproperlyConfigured where the cap could not be kept.
        """
        self._place = (directory, key, limit)
        self._wanted_callbacks: list[Callable[[], object]] = []
        self._free_callbacks: list[Callable[[], object]] = []
        self._start_empty()
        self._shared: SlotFile | None = self._open()
        forking.watch(self)

    def _start_empty(self) -> None:
        # Re-entrant: a collected borrower closes its connection wherever Python collects.
        self._lock = threading.RLock()
        self._freed = threading.Condition(self._lock)
        self._asked = 0
        self._sleepers = 0
        # Held when another file took the place of ours, and too many for that one.
        self._overdrawn = 0
        self._listener: threading.Thread | None = None

    def leave_to_parent(self) -> None:
        """In a forked child: begin without slots. Those of the parent stay locked."""
        if self._shared is not None:
            # Not freed one by one: the lock is the parent's as much as ours.
            self._shared.close()
        self._shared = None
        self._start_empty()

    @property
    def held(self) -> int:
        """The slots that this pool has now."""
        return len(self._shared.slots) + self._overdrawn if self._shared else 0

    # ----- Slots

    def try_acquire(self) -> bool:
        """Take a slot if one is free and nobody else's turn. Some µs. Call before connecting."""
        with self._lock:
            shared = self._ready()
            ahead = [row for row in shared.waiting_rows() if row < shared.standing()]
            if ahead or self._overdrawn or not shared.take():
                self._announce()
                return False
            # There may be another one for whoever waits behind us.
            shared.ring_waiting()
        return True

    def acquire(self, deadline: float) -> bool:
        """Take a slot, waiting until time.monotonic() `deadline`. False: there was none."""
        if self.try_acquire():
            return True
        with self._lock:
            self._sleepers += 1
            self._announce()
            try:
                while (left := deadline - time.monotonic()) > 0:
                    self._freed.wait(min(left, BEAT_SECONDS))
                    if self.try_acquire():
                        return True
                return False
            finally:
                self._sleepers -= 1
                self._announce()

    def release(self) -> None:
        """Give a slot back. Call after a connection was closed."""
        with self._lock:
            if self._overdrawn:
                self._overdrawn -= 1
            elif self._shared is not None and self._shared.slots:
                self._shared.give()
                self._shared.ring_waiting()
            self._freed.notify_all()

    # ----- Waiting

    def want(self, threads: int) -> None:
        """Say how many threads lack a slot, 0 = none; good until ¼ s after the last try."""
        with self._lock:
            self._asked = threads
            self._announce()

    def _announce(self) -> None:
        self._ready().announce(self._asked + self._sleepers)

    def on_free(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, in a thread of ours, when try_acquire() is worth a try.

        Only while want() is above 0. At least each 50 ms, at best at once.
        """
        self._free_callbacks.append(callback)

    # ----- Giving back to other processes

    def others_wait(self) -> bool:
        """Whether another process waits: then give idle connections back. ≤ 1 µs if nobody does."""
        shared = self._shared
        if shared is None:
            return False
        return self._overdrawn > 0 or (shared.is_wanted() and bool(shared.waiting_rows()))

    def wanted(self) -> int:
        """How many connections the others wait for: more need not be given back."""
        return self._overdrawn + (self._shared.wanted() if self._shared is not None else 0)

    def owes(self) -> bool:
        """Whether a connection that comes back now belongs to another process.

        Even though threads of this one wait: it holds at least two more than somebody who
        waits, or somebody has waited with none at all. Where nobody waits: ≤ 1 µs.
        """
        shared = self._shared
        if shared is None or not (shared.is_wanted() or self._overdrawn):
            return False
        held = self.held
        now = time.monotonic()
        return self._overdrawn > 0 or any(
            its + 1 < held or (its == 0 < held and now - since > PATIENCE_SECONDS)
            for its, since, _row in shared.waiting_rows()
        )

    def on_wanted(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, in a thread of ours, when another process waits.

        Again each 50 ms for as long as it waits. Give back what is idle, up to wanted().
        """
        self._wanted_callbacks.append(callback)

    def close(self) -> None:
        """Free all slots. For a pool that has drained."""
        with self._lock:
            if self._shared is not None:
                self._shared.announce(0)
                while self._shared.slots:
                    self._shared.give()
                self._shared.ring_waiting()
                self._shared.close()
                self._shared = None
            self._freed.notify_all()

    # ----- The shared file

    def _open(self) -> SlotFile:
        if not hasattr(fcntl, "F_OFD_SETLK"):
            raise ImproperlyConfigured(
                "host_limit in OPTIONS['pool'] needs locks of open file descriptions, which "
                "Linux has and this system has not. Set a limit of connections at the server."
            )
        try:
            return SlotFile(*self._place)
        except OSError as error:
            raise ImproperlyConfigured(
                f"host_limit in OPTIONS['pool'] cannot be kept: {error}. Make {self._place[0]} "
                "a folder of this user's own with free space, or name another one in "
                "OPTIONS['pool']['ledger']."
            ) from error

    def _ready(self) -> SlotFile:
        """The file that all others use as well. Lock held."""
        if self._shared is None:
            self._shared = self._open()
        elif not self._shared.is_current():
            self._follow()
        if self._listener is None:
            self._listener = threading.Thread(
                target=self._listen, name="quality.pool host slots", daemon=True
            )
            self._listener.start()
        return self._shared

    def _follow(self) -> None:
        """Somebody removed the file: take as many slots of the new one as there are."""
        old, missing = self._shared, self.held
        try:
            new = SlotFile(*self._place)
        except OSError as error:
            logger.warning("The file of the host's slots is gone: %s", error)
            return
        while missing and new.take():
            missing -= 1
        self._overdrawn, self._shared = missing, new
        if old is not None:
            old.close()

    # ----- Listening to the others

    def _listen(self) -> None:
        """Wake those who wait here, and tell those who hold what is wanted elsewhere."""
        while (shared := self._shared) is not None:
            is_busy = self._asked or self._sleepers or self.others_wait()
            shared.listen(BEAT_SECONDS if is_busy else LOOK_SECONDS)
            with self._lock:
                if shared is not self._shared:
                    continue
                shared.hush()
                if not shared.is_current():
                    self._follow()
                self._freed.notify_all()
            if self._asked:
                self._call(self._free_callbacks)
            if self.others_wait():
                self._call(self._wanted_callbacks)

    def _call(self, callbacks: list[Callable[[], object]]) -> None:
        for callback in callbacks:
            try:
                callback()
            except Exception:
                logger.exception("A pool failed to answer to the other processes")
