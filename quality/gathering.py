"""Log handlers that write many lines at once."""

import contextlib
import logging
import os
import select
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence

_handlers: "weakref.WeakSet[Gathering]" = weakref.WeakSet()


class Gathering(logging.Handler):
    """Writes a line at once, but of a record that `may_wait` with all others at the next flush.

    A record may stand for many lines, where the formatter knows how to make them (`format_many`).

    Whoever lets a record wait calls flush() soon: logging does it at the end of a process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[bytes] = []
        _handlers.add(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep its line, or write it. Raises nothing."""
        try:
            self._lines += self._lines_of(record)
            if not getattr(record, "may_wait", False):
                self.flush()
        except Exception:  # noqa: BLE001 - a line that cannot be formatted costs itself
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits."""
        with self.lock:  # type: ignore[union-attr] # a handler always has one
            lines, self._lines = self._lines, []
            if lines:
                self.write(lines)

    def write(self, lines: Sequence[bytes]) -> None:
        """Write whole lines, each with its end."""
        raise NotImplementedError

    @property
    def takes_many(self) -> bool:
        """Whether one record may stand for many lines."""
        return hasattr(self.formatter, "format_many")

    def _lines_of(self, record: logging.LogRecord) -> list[bytes]:
        # The console and a file have the same formatter: what one has made the other takes.
        made: tuple[object, list[bytes]] | None = getattr(record, "lines", None)
        if made is None or made[0] is not self.formatter:
            if hasattr(record, "many"):
                texts = self.formatter.format_many(record)  # type: ignore[union-attr]
            else:
                texts = [self.format(record)]
            lines = [f"{text}\n".encode("utf-8", "backslashreplace") for text in texts]
            record.lines = made = (self.formatter, lines)
        return made[1]


def _leave_to_parent() -> None:
    for handler in _handlers:
        handler._lines = []


os.register_at_fork(after_in_child=_leave_to_parent)


class Console(Gathering):
    """stderr, which several processes share; a pipe keeps apart what is not too long."""

    def write(self, lines: Sequence[bytes]) -> None:
        # Where nobody listens any more there is nowhere to say so; the files have the lines too.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # What others printed, and Python has not passed on yet, comes first.
            sys.stderr.flush()
            for together in chunks(lines, select.PIPE_BUF):
                sys.stderr.buffer.write(together)
                sys.stderr.buffer.flush()


def chunks(lines: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """The lines joined to as few texts as hold `most_bytes`; one that is longer stands alone."""
    together: list[bytes] = []
    left = most_bytes
    for line in lines:
        if together and len(line) > left:
            yield b"".join(together)
            together, left = [], most_bytes
        together.append(line)
        left -= len(line)
    yield b"".join(together)
