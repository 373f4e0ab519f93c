"""Shows on a terminal how far a backup is, and ends one cleanly that is told to end."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from quality.backups.manifest import Manifest

DRAW_SECONDS = 0.2


def megabytes(one: Manifest) -> str:
    return f"{one.bytes / 1e6:,.1f} MB"


class Line:
    """A line that is drawn anew; where nobody watches, nothing is."""

    def __init__(self) -> None:
        self._is_seen = sys.stderr.isatty()
        self._drawn_at = 0.0
        self._what = ""

    def show(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._is_seen or (what == self._what and now - self._drawn_at < DRAW_SECONDS):
            return
        if self._what not in ("", what):
            sys.stderr.write("\n")
        self._what, self._drawn_at = what, now
        # What the server guesses may be less than there is.
        share = f"{min(1.0, done / total):4.0%}  " if total else ""
        sys.stderr.write(f"\r{share}{done:,} {what}")
        sys.stderr.flush()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._what:
            sys.stderr.write("\n")


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


_is_told = False


def is_told_to_end() -> bool:
    """Then what fails may fail for no other reason: libraries make other errors of it."""
    return _is_told


@contextmanager
def ending_cleanly(handler: Callable[[int, Any], None] = _end) -> Iterator[None]:
    """SIGTERM takes back what is half done, as Ctrl-C does."""
    global _is_told

    def end(number: int, frame: object) -> None:
        global _is_told
        _is_told = True
        handler(number, frame)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Exception:
        if is_told_to_end():
            handler(signal.SIGTERM, None)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        _is_told = False
