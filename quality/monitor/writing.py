"""Writes what ended in a thread of its own, a few times a second.

What a hundred requests need is done at once, where the code for it is warm, and their lines go to
a file in one piece; no request waits for a disk.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

from quality.monitor import lines
from quality.monitor.tally import tally
from quality.monitor.work import Work

logger = logging.getLogger(__name__)

EACH_SECONDS = 0.2
# Should a disk hang: the oldest go.
MOST_WAITING = 10_000


def _pass_on() -> None:
    tally.pass_on()
    lines.flush()


class Writer:
    """Writes requests and calls what else was handed to it, soon and in the order of handing over.

    `afterwards` is called once for all of them.
    """

    def __init__(self, afterwards: Callable[[], None] = _pass_on) -> None:
        self._afterwards = afterwards
        self._start_empty()
        os.register_at_fork(after_in_child=self._start_empty)
        atexit.register(self.flush)

    def _start_empty(self) -> None:
        self._waiting: deque[Work | Callable[[], None]] = deque(maxlen=MOST_WAITING)
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def put(self, ended: Work | Callable[[], None]) -> None:
        """Have a request written soon, or something called."""
        self._waiting.append(ended)
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Call what is waiting now."""
        with self._lock:
            if not self._waiting:
                return
            requests: list[Work] = []
            while self._waiting:
                ended = self._waiting.popleft()
                if isinstance(ended, Work):
                    requests.append(ended)
                else:
                    self._write(requests)
                    self._call(ended)
            self._write(requests)
            self._call(self._afterwards)

    def _write(self, requests: list[Work]) -> None:
        if requests:
            self._call(tally.add_requests, requests)
            self._call(lines.write_requests, requests)
            requests.clear()

    def _call(self, write: Callable[..., None], *what: object) -> None:
        try:
            write(*what)
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
