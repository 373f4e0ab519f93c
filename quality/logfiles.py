"""A log file that several processes write to, and rotate when it is full."""

import contextlib
import fcntl
import logging
import math
import os
import sys
import time
import weakref
from pathlib import Path

COMPLAIN_EACH_SECONDS = 60.0


class SharedLogFile(logging.Handler):
    """Appends whole lines to a file; the process that finds it full moves it aside.

    A line is one write in append mode, which the kernel does not mix with another's. Who
    writes holds a shared lock, who rotates an exclusive one, so that nobody writes to a file
    that was moved away. Nobody waits for a lock: at worst a file grows a little too long.

    A disk that is full or read-only costs lines, and a complaint to stderr once a minute.
    """

    def __init__(self, path: str, *, max_bytes: int, backups: int) -> None:
        super().__init__()
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.backups = backups
        # Opened with the first line: a process that logs nothing leaves no file.
        self._file = self._lock = -1
        self._identity: tuple[int, int] | None = None
        self._is_torn = False
        self._complained_at = -math.inf
        # A forked child must not hold what its parent has locked.
        forget = weakref.WeakMethod(self._close)
        os.register_at_fork(after_in_child=lambda: (close := forget()) and close())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. Raises nothing."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            self._write(line)
        except OSError as error:
            self._complain(error)
        except Exception:  # noqa: BLE001 - a line that cannot be formatted costs itself
            self.handleError(record)

    def close(self) -> None:
        """Close the file; the next line would open it anew."""
        self._close()
        super().close()

    def _write(self, line: bytes) -> None:
        if self._file < 0:
            self._open()
        self._take(fcntl.LOCK_SH)
        try:
            size = self._present_size()
            if size and size + len(line) > self.max_bytes:
                self._rotate(len(line))
            if self._is_torn:
                line = b"\n" + line
            # Only a disk that is full takes a part of it.
            self._is_torn = os.write(self._file, line) < len(line)
        finally:
            if self._lock >= 0:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, how: int) -> bool:
        try:
            fcntl.flock(self._lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _present_size(self) -> int:
        """The size of the file at `path`, which is opened anew when it is another one."""
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            # Perhaps with its folder.
            self._open()
            self._take(fcntl.LOCK_SH)
            return 0
        if (status.st_dev, status.st_ino) != self._identity:
            self._open_file()
        return status.st_size

    def _rotate(self, needed: int) -> None:
        """Move the file aside, and the older ones further; the oldest goes."""
        # Whoever cannot have the lock goes on with the long file: others write just now.
        if not self._take(fcntl.LOCK_EX) or self._present_size() + needed <= self.max_bytes:
            return
        for number in range(self.backups, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}")
            with contextlib.suppress(FileNotFoundError):
                (newer if number > 1 else self.path).rename(older)
        self._open_file()

    def _open(self) -> None:
        self._close()
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        # The folder is the lock: a file for it would lie about.
        self._lock = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        self._open_file()

    def _open_file(self) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        status = os.fstat(file)
        self._identity = (status.st_dev, status.st_ino)

    def _close(self) -> None:
        for number in (self._file, self._lock):
            if number >= 0:
                os.close(number)
        self._file = self._lock = -1

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_EACH_SECONDS:
            self._complained_at = now
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"{self.path} cannot be written, its lines are lost: {error}\n")
