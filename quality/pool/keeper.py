"""The keeper: one thread that looks after all pools of this process once a second."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from quality.pool import forking
from quality.pool.tending import has_something_to_keep, tend

if TYPE_CHECKING:
    from quality.pool.stock import Stock

logger = logging.getLogger("quality.pool")

# It looks at every pool this often.
TICK_SECONDS = 1.0


class Keeper:
    """Runs while there is a pool with something to keep, and never keeps the process alive.

    Started by the first connection that is opened, so importing this starts nothing. A
    forked child has none until it opens a connection of its own.
    """

    def __init__(self) -> None:
        self._start_empty()
        forking.watch(self)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._pools: set[Stock] = set()
        # The one queue that may be filled while Python collects what nobody refers to.
        self._notes: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def leave_to_parent(self) -> None:
        """In a forked child: no thread of the parent's runs here."""
        self._start_empty()

    @property
    def is_running(self) -> bool:
        """Whether there is something to keep."""
        return self._thread is not None

    def watch(self, pool: "Stock") -> None:
        """Look after `pool` until it has nothing left to keep."""
        with self._lock:
            self._pools.add(pool)
            if self._thread is None:
                name = "quality.pool keeper"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                # No thread may be to be had, and none is when the interpreter is ending.
                with contextlib.suppress(RuntimeError):
                    thread.start()
                    self._thread = thread

    def tell(self, note: Callable[[], object]) -> None:
        """Have `note` called soon, in the keeper's thread. May be called anywhere."""
        self._notes.put(note)

    def look(self) -> None:
        """Look after every pool now."""
        self._notes.put(None)

    def _run(self) -> None:
        while True:
            try:
                note = self._notes.get(timeout=TICK_SECONDS)
                if note is not None:
                    note()
                    continue
            except queue.Empty:
                pass
            except Exception:
                logger.exception("The keeper could not take back a connection.")
            for pool in list(self._pools):
                self._look_after(pool)
            with self._lock:
                if not self._pools:
                    self._thread = None
                    return

    def _look_after(self, pool: "Stock") -> None:
        try:
            has_more = tend(pool)
        except Exception:
            # Whatever it is: the other pools must not suffer, and the next look may succeed.
            logger.exception("%s: the keeper failed", pool.alias)
            return
        if not has_more:
            with self._lock:
                # Asked under the lock: a connection may have been opened since.
                if not has_something_to_keep(pool):
                    self._pools.discard(pool)


keeper = Keeper()
