"""The file in which the processes of a host share slots, and see who waits for one."""

import contextlib
import fcntl
import os
import select
import stat
import struct
import time
from collections.abc import Iterable

from quality.pool import pages
from quality.pool.folder import Folder

# Locks are on bytes that need not exist: one for each slot, one for each process's row.
_FIRST_SLOT, _FIRST_ROW = 1 << 20, 1 << 21

# The pools of a host that can take part; those beyond get slots, but cannot say they wait.
ROWS = 128
# Columns of 8-byte places, written by one store each. Before them: until when somebody waits.
_WANTED = 0
_UNTIL, _SINCE, _HELD, _WAITING = (8 + ROWS * column for column in range(4))
_SIZE = 8192

# So long an announcement is good: a process that was killed or stopped is soon forgotten.
ANNOUNCED_SECONDS = 0.25

_LOCK = "hhqqi4x"  # struct flock


class SlotFile:
    """One pool's view of the shared file. Not for several threads at once.

    A slot is a lock of an open file description: the kernel frees it when the process ends,
    however it ends, and closing other descriptors of the file doesn't touch it.
    Raises OSError when the file cannot be had or trusted.
    """

    def __init__(self, directory: str, name: str, limit: int) -> None:
        self.limit = limit
        self.slots: set[int] = set()
        self._folder = Folder(directory)
        self._start = pages.prefix(name)
        self._file = -1
        self._bell = -1
        self.row = -1
        try:
            self._file = self._folder.open(self._start + "slots", os.O_RDWR | os.O_CREAT)
            os.posix_fallocate(self._file, 0, _SIZE)
            memory = self._folder.map(self._start + "slots", _SIZE)
            self._ints = memory.cast("Q")
            self._floats = memory.cast("d")
            self._untils = self._floats[_UNTIL : _UNTIL + ROWS]
            self._helds = self._ints[_HELD : _HELD + ROWS]
            self._take_row()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Free all slots. In a forked child: let go of copies, what is locked is the parent's."""
        for descriptor in (self._file, self._bell):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._bell = -1
        self._folder.close()

    def is_current(self) -> bool:
        """Whether the others still meet in this file: a removed one would give two caps."""
        return self._folder.holds(self._start + "slots", self._file)

    # ----- Slots

    def take(self) -> bool:
        """Lock a slot, if one is free."""
        for slot in range(self.limit):
            # One's own lock doesn't stand in one's way, so it has to be remembered.
            if slot not in self.slots and self._lock(_FIRST_SLOT + slot, fcntl.F_WRLCK):
                self.slots.add(slot)
                self._say_held()
                return True
        return False

    def give(self) -> None:
        """Free a slot."""
        self._lock(_FIRST_SLOT + self.slots.pop(), fcntl.F_UNLCK)
        self._say_held()

    def _say_held(self) -> None:
        if self.row >= 0:
            self._ints[_HELD + self.row] = len(self.slots)
            self._floats[_SINCE + self.row] = time.monotonic()

    def _lock(self, byte: int, kind: int) -> bool:
        wanted = struct.pack(_LOCK, kind, os.SEEK_SET, byte, 1, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, wanted)
        except (BlockingIOError, PermissionError):
            return False
        return True

    # ----- Who waits

    def announce(self, waiting: int) -> None:
        """Tell the others that so many threads of ours lack a slot; good for a quarter second."""
        if self.row < 0:
            return
        now = time.monotonic()
        is_new = not self._is_fresh(self._untils[self.row], now)
        if is_new:
            self._floats[_SINCE + self.row] = now
        self._ints[_WAITING + self.row] = waiting
        until = now + ANNOUNCED_SECONDS if waiting else 0.0
        self._untils[self.row] = until
        if waiting:
            self._floats[_WANTED] = until
            if is_new:
                self._ring(row for row, slots in enumerate(self._helds.tolist()) if slots)
                self._ring_self()

    @staticmethod
    def _is_fresh(until: float, now: float) -> bool:
        # After a reboot an old announcement may seem to be from the far future.
        return now < until <= now + ANNOUNCED_SECONDS

    def is_wanted(self) -> bool:
        """Whether anybody announced anything lately. 0.2 µs."""
        return self._is_fresh(self._floats[_WANTED], time.monotonic())

    def waiting_rows(self) -> list[tuple[int, float, int]]:
        """(slots held, waiting since, row) of the other processes that wait, neediest first."""
        if not self.is_wanted():
            return []
        untils = self._untils.tolist()
        # Asked after it: who says meanwhile that it waits would seem to say so in the future.
        now = time.monotonic()
        return sorted(
            (self._ints[_HELD + row], self._floats[_SINCE + row], row)
            for row, until in enumerate(untils)
            if row != self.row and self._is_fresh(until, now)
        )

    def wanted(self) -> int:
        """How many threads of other processes lack a slot."""
        return sum(self._ints[_WAITING + row] for _held, _since, row in self.waiting_rows())

    def standing(self) -> tuple[int, float, int]:
        """The same of this process; to compare."""
        now = time.monotonic()
        waits = self.row >= 0 and self._is_fresh(self._untils[self.row], now)
        return len(self.slots), self._floats[_SINCE + self.row] if waits else now, self.row

    def _take_row(self) -> None:
        for row in range(ROWS):
            if self._lock(_FIRST_ROW + row, fcntl.F_WRLCK):
                self.row = row
                for column in (_UNTIL, _SINCE, _HELD, _WAITING):
                    self._ints[column + row] = 0
                with contextlib.suppress(OSError):
                    self._hang_bell(f"{self._start}bell{row}")
                return

    # ----- Bells: a pipe of each process, to wake it without its asking again and again

    def _hang_bell(self, name: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(name, 0o600, dir_fd=self._folder.fd)
        # Open for writing too: a pipe without a writer is at its end for ever.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        self._bell = os.open(name, flags, dir_fd=self._folder.fd)
        status = os.fstat(self._bell)
        if not stat.S_ISFIFO(status.st_mode) or status.st_uid != os.geteuid():
            os.close(self._bell)
            self._bell = -1

    def listen(self, seconds: float) -> None:
        """Sleep until somebody rings; at most so long. The one method for another thread."""
        poll = select.poll()
        if self._bell >= 0:
            poll.register(self._bell, select.POLLIN)
        else:
            seconds = min(seconds, 0.02)  # a file system without pipes
        poll.poll(seconds * 1000)

    def hush(self) -> None:
        """Forget what was rung."""
        with contextlib.suppress(OSError):
            os.read(self._bell, 65536)

    def ring_waiting(self) -> None:
        """Wake every other process that waits."""
        self._ring(row for _held, _since, row in self.waiting_rows())

    def _ring_self(self) -> None:
        """Wake the thread that listens here."""
        if self._bell >= 0:
            with contextlib.suppress(OSError):
                os.write(self._bell, b"!")

    def _ring(self, rows: Iterable[int]) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        for row in rows:
            if row == self.row:
                continue
            # A dead process's pipe has no reader, and a full one has been rung enough.
            with contextlib.suppress(OSError):
                bell = os.open(f"{self._start}bell{row}", flags, dir_fd=self._folder.fd)
                try:
                    os.write(bell, b"!")
                finally:
                    os.close(bell)
