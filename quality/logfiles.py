"""A log file that several processes write to, and rotate when it is full."""

import contextlib
import fcntl
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from quality.gathering import Gathering, chunks

COMPLAIN_EACH_SECONDS = 60.0
LOOK_EACH_SECONDS = 1.0


class SharedLogFile(Gathering):
    """Appends whole lines to a file; the process that finds it full moves it aside.

    Lines that were gathered are one write in append mode, which the kernel does not mix with
    another's. Who writes while another rotates writes to the end of the file that was moved
    aside: late, but not lost. So writing takes no lock, and rotating one that nobody waits for.
    Everybody looks once a second whether the file was moved.

    A disk that is full or read-only costs lines, and a complaint to stderr once a minute.
    """

    def __init__(self, path: str, *, max_bytes: int, backups: int) -> None:
        super().__init__()
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.backups = backups
        # Opened with the first line: a process that logs nothing leaves no file.
        self._file = -1
        # Others write to it and move it aside: looked at now and then.
        self._size = 0
        self._look_at = 0.0
        self._identity: tuple[int, int] | None = None
        self._is_torn = False
        self._complained_at = -math.inf

    def write(self, lines: Sequence[bytes]) -> None:
        """Append lines. Raises nothing that a disk does."""
        try:
            for together in chunks(lines, self.max_bytes):
                self._append(together)
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Close the file; the next line would open it anew."""
        self.flush()
        self._close()
        super().close()

    def _append(self, lines: bytes) -> None:
        now = time.monotonic()
        if now >= self._look_at or self._size + len(lines) > self.max_bytes:
            self._look_at = now + LOOK_EACH_SECONDS
            self._follow()
            if self._size and self._size + len(lines) > self.max_bytes:
                self._rotate(len(lines))
        if self._is_torn:
            lines = b"\n" + lines
        written = os.write(self._file, lines)
        self._size += written
        # Only a disk that is full takes a part of it.
        self._is_torn = written < len(lines)

    def _follow(self) -> None:
        """Have the file at `path` open, and know its size."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            self._open()
            return
        if self._file < 0 or (status.st_dev, status.st_ino) != self._identity:
            self._open()
        else:
            self._size = status.st_size

    def _rotate(self, needed: int) -> None:
        """Move the file aside, and the older ones further; the oldest goes."""
        # The folder is the lock: a file for it would lie about.
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._follow()
            if self._size + needed > self.max_bytes:
                for number in range(self.backups, 0, -1):
                    self._move(number - 1, number)
                self._open()
        except BlockingIOError:
            # Somebody rotates just now.
            return
        finally:
            os.close(folder)

    def _move(self, newer: int, older: int) -> None:
        names = [f"{self.path}.{number}" if number else self.path for number in (newer, older)]
        with contextlib.suppress(FileNotFoundError):
            os.rename(*names)

    def _open(self) -> None:
        self._close()
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        status = os.fstat(self._file)
        self._identity = (status.st_dev, status.st_ino)
        self._size = status.st_size

    def _close(self) -> None:
        file, self._file = self._file, -1
        self._look_at = 0.0
        if file >= 0:
            os.close(file)

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_EACH_SECONDS:
            self._complained_at = now
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"{self.path} cannot be written, its lines are lost: {error}\n")
