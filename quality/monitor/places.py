"""Gives each process a number of its own, which its successor takes over when it ends."""

import fcntl
import itertools
import os
from pathlib import Path

# The files of the counters, one of each kind for each number; see prometheus_client.
KINDS = ("counter", "histogram")
# More than all metrics of this house need. Beyond it a full disk would be a signal that kills.
FILE_BYTES = 256 * 1024


class Place:
    """The lowest number that no living process holds; a lock on a file holds it.

    Counters lie in files that are called by this number. By process number, as is usual, each
    process that ends would leave its files for ever: there, whoever comes next counts on.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._pid = 0
        self._number = -1

    def number(self) -> int:
        """This process's number, taken when first asked for; 0.1 µs later on."""
        if self._pid != os.getpid():
            # A forked child takes another one. Its copy of the parent's lock stays open, or the
            # parent's number would be free.
            self._number = self._take()
            self._pid = os.getpid()
        return self._number

    def _take(self) -> int:
        for number in itertools.count():
            file = os.open(
                self._folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            # The descriptor stays open for life: the kernel lets go of the lock at its end.
            for kind in KINDS:
                self._fill(self._folder / f"{kind}_{number}.db")
            return number
        raise AssertionError("there is always a next number")

    def _fill(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_size == 0:
                os.posix_fallocate(file, 0, FILE_BYTES)
        finally:
            os.close(file)
