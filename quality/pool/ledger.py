"""The ledger: every process writes its pools' numbers where all others can read them."""

import contextlib
import logging
import os
import sys
import threading
import time
from bisect import bisect_left
from weakref import WeakSet

from quality.pool import forking, layout, pages
from quality.pool.folder import Folder
from quality.pool.layout import CLOSE_REASONS as CLOSE_REASONS
from quality.pool.numbers import BOUNDS, WorkerNumbers

logger = logging.getLogger("quality.pool")

_pages: WeakSet["Page"] = WeakSet()
_warned: set[str] = set()
_label = ""


class Page:
    """The numbers of one pool in this process. Each call takes less than 1 µs and never fails.

    They are stored in a file that is mapped into memory: each number by one store of
    8 bytes, so a reader never sees half of one. The process holds a lock on its file for
    life; a file without a lock is a dead process's. Where no file can be had, the numbers
    are kept in memory and a warning is logged once.
    """

    def __init__(self, *, alias: str, database: str = "", directory: str | None = None) -> None:
        """`database` is "user@server/name"; `directory` None: only in memory."""
        self.alias = alias
        self.database = database
        self.directory = directory
        self._closed = False
        self._start = pages.prefix(database) + pages.prefix(alias)
        self._start_empty()
        if directory is not None:
            self._open_file(directory)
        forking.watch(self)
        _pages.add(self)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._folder: Folder | None = None
        self._file = -1
        self._name = ""
        self._write_to(memoryview(bytearray(layout.SIZE)))
        # Taken and given back in one step each, so they need no lock.
        self._places = list(range(layout.PLACES))
        layout.begin(self._bytes, kind=_label or _kind(), alias=self.alias, database=self.database)

    def _write_to(self, memory: memoryview) -> None:
        self._bytes = memory
        self._ints = memory.cast("Q")
        self._floats = memory.cast("d")

    # ----- Numbers

    def set(self, limit: int, open: int, idle: int, in_use: int, waiting: int) -> None:
        """The numbers of this moment, each below 65536. Call it with the pool's lock held."""
        ints = self._ints
        ints[layout.LIMIT] = limit
        # One store, so that a reader's numbers are of one moment.
        ints[layout.NOW] = open | idle << 16 | in_use << 32 | waiting << 48
        self._floats[layout.UPDATED] = time.monotonic()

    def lent(self, name: str, waited_seconds: float, since: float) -> int:
        """A lease of `name` began at time.monotonic() `since`, after so long (0.0 = at once).

        Pass what this returns to `used()`.
        """
        # Nothing here is a place where Python lets another thread run, so no update is lost.
        self._ints[layout.WAITS + bisect_left(BOUNDS, waited_seconds)] += 1
        self._floats[layout.WAIT_SECONDS] += waited_seconds
        try:
            place = self._places.pop()
        except IndexError:
            return -1
        start = layout.NAMES + place * layout.NAME_BYTES
        self._bytes[start : start + layout.NAME_BYTES] = layout.name_bytes(name)
        self._floats[layout.SINCE + place] = since
        return place

    def used(self, seconds: float, place: int = -1) -> None:
        """A lease ended after so long. `place` is what `lent()` returned for it."""
        self._ints[layout.USES + bisect_left(BOUNDS, seconds)] += 1
        self._floats[layout.USE_SECONDS] += seconds
        if place >= 0:
            self._floats[layout.SINCE + place] = 0.0
            self._places.append(place)

    def connected(self, seconds: float) -> None:
        """A connection was opened, which took so long."""
        self._ints[layout.CONNECTS] += 1
        self._floats[layout.CONNECT_SECONDS] += seconds

    def closed(self, reason: str) -> None:
        """A connection was closed; the reason is one of CLOSE_REASONS."""
        self._ints[layout.CLOSES + layout.REASON_NUMBERS.get(reason, layout.OTHER)] += 1

    def timed_out(self) -> None:
        """A borrower waited in vain."""
        self._ints[layout.TIMEOUTS] += 1

    def refused(self) -> None:
        """A borrower was not allowed to wait (max_waiting)."""
        self._ints[layout.REFUSALS] += 1

    def leaked(self) -> None:
        """A lease is out for longer than the threshold."""
        self._ints[layout.LEAKS] += 1

    def failed(self, error: object) -> None:
        """An attempt to connect failed. Not for hot paths: some µs."""
        layout.write_error(self._bytes, str(error))

    def numbers(self) -> WorkerNumbers:
        """What a reader would see now."""
        return layout.decode(bytes(self._bytes), bytes(self._bytes))

    # ----- The file

    @property
    def is_shared(self) -> bool:
        """Whether other processes can read these numbers."""
        return self._file >= 0

    def touch(self) -> None:
        """Say that this pool still lives, and make its file anew if somebody removed it.

        For the pool's keeper, about once a second; some 10 µs.
        """
        self._floats[layout.UPDATED] = time.monotonic()
        with self._lock:
            if self._closed or self.directory is None:
                return
            if self._folder is not None and self._folder.holds(self._name, self._file):
                return
            self._let_go()
            self._open_file(self.directory)
            _pages.add(self)

    def close(self) -> None:
        """The pool has drained: its sums live on among those of the ended processes.

        What is written afterwards stays in memory. A process that ends without this loses
        nothing: whoever looks next does it.
        """
        with self._lock:
            self._closed = True
            if self._folder is not None:
                pages.bury(self._folder, [self._name])
            self._let_go()

    def leave_to_parent(self) -> None:
        """In a forked child: forget the parent's file. The child's begins with touch()."""
        # Closing the copy of the descriptor leaves the lock with the parent.
        self._let_go()
        _pages.discard(self)
        self._start_empty()

    def _let_go(self) -> None:
        self._write_to(memoryview(bytearray(self._bytes)))
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _open_file(self, directory: str) -> None:
        try:
            folder = Folder(directory)
            try:
                self._file, self._name, memory = pages.new_file(folder, self._start)
            except BaseException:
                folder.close()
                raise
        except OSError as error:
            _warn(directory, error)
            return
        memory[:] = self._bytes
        self._write_to(memory)
        self._folder = folder
        with contextlib.suppress(OSError):
            pages.sweep(folder, self._start)


def label(kind: str) -> None:
    """Name this process in the ledger, e.g. "web worker"; up to 63 bytes.

    Without a label it is the program's name, and for manage.py the command's as well.
    """
    global _label
    _label = kind
    for page in list(_pages):
        layout.write_kind(page._bytes, kind)


def read(directory: str | None, database: str | None = None) -> list[WorkerNumbers]:
    """The numbers of every pool of every living process that writes in `directory`.

    With the kind "ended" come the sums of the processes that have ended: all counters and
    histograms, so that a total over the list never falls. `directory` None: the pools of
    this process alone. `database` ("user@server/name"): only its pools. About 50 µs a pool.
    Needs neither a connection nor the server, and never raises: what cannot be read or
    trusted is left out.
    """
    own = [page for page in list(_pages) if not page._closed]
    found: list[WorkerNumbers] = []
    if directory is None:
        found = [page.numbers() for page in own]
    else:
        with contextlib.suppress(OSError), Folder(directory, create=False) as folder:
            found = pages.read_all(folder, "" if database is None else pages.prefix(database))
        # What should be there, and had to stay in memory.
        lost = [page for page in own if page.directory == directory and not page.is_shared]
        found += [page.numbers() for page in lost]
    return [one for one in found if database in (None, one.database)]


def _kind() -> str:
    """What this program is called by those who start it."""
    program, *words = sys.argv or [""]
    name = os.path.basename(program)
    if name == "__main__.py":
        name = os.path.basename(os.path.dirname(program))
    if name in ("manage.py", "django-admin", "django") and words:
        # Its first word alone: the others may be anybody's secrets.
        name = f"{name} {words[0]}"
    return "python" if name in ("", "-c") else name


def _warn(directory: str, error: OSError) -> None:
    if directory not in _warned:
        _warned.add(directory)
        logger.warning(
            "The numbers of this process's pools stay in its memory, where others cannot read "
            "them: %s. Make %s a folder of this user's own with free space, or set "
            "OPTIONS['pool']['ledger'].",
            error,
            directory,
        )
