"""Does what is due again and again, in one process of each host."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from quality.monitor.leading import Leadership
from quality.monitor.workers import place_of
from quality.pool.holders import named
from quality.views import database_is_away

logger = logging.getLogger(__name__)

# A chore that waits for a frozen server is left behind: all of them can be cut off anywhere.
STOP_SECONDS = 2.5


class Chores:
    """The thread in which a web worker does them, as long as it is its host's to do.

    Each chore can be done by several hosts at once. What fails is logged when it is new, and is
    tried again at its next turn; it keeps none of the others from being done.
    """

    def __init__(self, names: Sequence[str], *, interval_seconds: float) -> None:
        self._names = names
        self._interval_seconds = interval_seconds
        self._leadership = Leadership(place_of(), "chores")
        # What was last said of each: how it fails, None when it does not.
        self._failures: dict[str, str | None] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the one that is being done, and let another process lead."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        interval = self._interval_seconds
        while not self._stopped.wait(interval - time.time() % interval):
            self._take_turn()
        self._leadership.resign()

    def _take_turn(self) -> None:
        try:
            if not self._leadership.is_ours():
                return
        except OSError as error:
            self._note("the lock", error)
            return
        for name in self._names:
            if self._stopped.is_set():
                return
            self._do(name)

    def _do(self, name: str) -> None:
        try:
            with named(f"chore {name}"):
                try:
                    chore: Callable[[], Any] = import_string(name)
                    chore()
                finally:
                    for connection in connections.all(initialized_only=True):
                        connection.close()
        except Exception as error:  # noqa: BLE001 - whatever a chore raises
            # A thread that ended here would end all chores, in silence.
            self._note(name, error)
        else:
            if self._failures.pop(name, None):
                logger.info("%s works again.", name)

    def _note(self, name: str, error: Exception) -> None:
        is_away = database_is_away(error)
        kind = "away" if is_away else _kind(error)
        if kind == self._failures.get(name):
            return
        self._failures[name] = kind
        if is_away:
            # Others say more of that.
            logger.warning("%s waits for the database: %s", name, error)
        else:
            logger.error("%s failed; its next turn may succeed.", name, exc_info=error)


def _kind(error: Exception) -> str:
    """The same for failures that are alike, whatever numbers their messages name."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__qualname__} {frames[-1].filename}:{frames[-1].lineno}"


_chores: Chores | None = None


def start() -> None:
    """Begin, in a web worker."""
    global _chores
    if settings.CHORES_INTERVAL and settings.CHORES:
        _chores = Chores(settings.CHORES, interval_seconds=settings.CHORES_INTERVAL)
        _chores.start()


def stop() -> None:
    """When the worker ends."""
    global _chores
    if _chores is not None:
        _chores.stop()
        _chores = None
