"""Writes what ended in a thread of its own, a few times a second.

What a hundred requests need is done at once, which takes a third of the time, and their lines go
to a file in one piece; no request waits for a disk.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

from quality.monitor import lines
from quality.monitor.tally import tally

logger = logging.getLogger(__name__)

EACH_SECONDS = 0.2
# Should a disk hang: the oldest go.
MOST_WAITING = 10_000


def _pass_on() -> None:
    tally.pass_on()
    lines.flush()


class Writer:
    """Calls what was handed to it soon, in the order of handing over, and `afterwards` once."""

    def __init__(self, afterwards: Callable[[], None] = _pass_on) -> None:
        self._afterwards = afterwards
        self._start_empty()
        os.register_at_fork(after_in_child=self._start_empty)
        atexit.register(self.flush)

    def _start_empty(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque(maxlen=MOST_WAITING)
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def put(self, write: Callable[[], None]) -> None:
        """Have `write` called soon."""
        self._waiting.append(write)
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Call what is waiting now."""
        with self._lock:
            if not self._waiting:
                return
            while self._waiting:
                self._call(self._waiting.popleft())
            self._call(self._afterwards)

    def _call(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception:
            logger.exception("A line could not be written.")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                name = "quality.monitor writer"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # no thread to be had, or the interpreter is ending
                    self._thread = None
                    self.flush()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(EACH_SECONDS)
            self.flush()


writer = Writer()
