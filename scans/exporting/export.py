"""Gives out the scans of a filter as a file, piece by piece, and writes down who took it."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from scans.exporting import textfile, workbook
from scans.exporting.columns import COLUMNS, Cell, cells_with
from scans.floor import Floor
from scans.reporting import rows
from scans.reporting.filters import Filters

logger = logging.getLogger("quality.exports")

BATCH_ROWS = 2000
# In each process: who takes one in slowly keeps a thread, and stations need some, too.
MOST_AT_ONCE = 2
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Batches = Iterable[Iterable[Sequence[Cell]]]


class Export:
    """One file on its way; `chunks` are all of it, and ended early it is no whole file.

    An error on the way is raised by `chunks`: what was given out until then is not complete.
    """

    def __init__(self, f: Filters, form: str, *, who: str, floor: Floor) -> None:
        self.filters = f
        self.form = form
        self.who = who
        # So many rows were given out.
        self.done = 0
        # Now, in the language of who asks: later it is written for nobody in particular.
        self._cells = cells_with(floor)

    @property
    def name(self) -> str:
        """Of the file."""
        return f"scans_{self.filters.since}_{self.filters.until}.{self.form}"

    def chunks(self) -> Iterator[bytes]:
        began, outcome = time.monotonic(), "cut off"
        try:
            if self.form == "csv":
                yield from textfile.chunks([column.name for column in COLUMNS], self._batches())
            else:
                yield from workbook.chunks(COLUMNS, self._batches())
            outcome = "complete"
        except Exception:
            outcome = "failed"
            raise
        finally:
            logger.info(
                "%s exported scans: %s",
                self.who,
                outcome,
                extra={
                    "fields": {
                        "format": self.form,
                        "filters": self.filters.as_query(),
                        "rows": self.done,
                        "seconds": time.monotonic() - began,
                    }
                },
            )

    def _batches(self) -> Batches:
        for batch in rows.batches(self.filters, size=BATCH_ROWS):
            yield map(self._cells, batch)
            self.done += len(batch)


_lock = threading.Lock()
_under_way = 0


class Full(Exception):
    """As many files are on their way as may be."""


def download(export: Export) -> Iterator[bytes]:
    """The pieces of a file for one who takes them in as slowly as he likes.

    It counts from now on until it is closed, or dropped. Raises Full.
    """
    global _under_way
    with _lock:
        if _under_way >= MOST_AT_ONCE:
            raise Full
        _under_way += 1
    pieces = _counted(export)
    # Only what has begun is told of its end.
    next(pieces)
    return pieces


def _counted(export: Export) -> Iterator[bytes]:
    global _under_way
    try:
        yield b""
        yield from export.chunks()
    finally:
        with _lock:
            _under_way -= 1
