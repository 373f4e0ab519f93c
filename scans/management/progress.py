"""Shows on a terminal how far a long command is."""

import sys
import time
from typing import Any

BAR = 30
DRAW_SECONDS = 0.2


class Bar:
    """A line that is drawn anew; where nobody watches, nothing is."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._done = 0
        self._is_seen = sys.stderr.isatty()

    def show(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if self._is_seen and now - self._drawn_at >= DRAW_SECONDS:
            self._drawn_at = now
            self._draw(done, now)

    def _draw(self, done: int, now: float) -> None:
        # What was counted before may have grown since.
        share = min(1.0, done / self._total) if self._total else 1.0
        rate = done / max(now - self._began, 0.001)
        bar = "#" * int(BAR * share)
        sys.stderr.write(
            f"\r[{bar:-<{BAR}}] {share:4.0%}  {self._what} {done:,} of {self._total:,}, "
            f"{rate:,.0f} a second  "
        )
        sys.stderr.flush()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_seen:
            self._draw(self._done, time.monotonic())
            sys.stderr.write("\n")
