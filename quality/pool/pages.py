"""The files of a ledger: made, read, and buried when their process has ended."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator

from quality.pool import layout
from quality.pool.folder import Folder, is_locked, locked
from quality.pool.numbers import WorkerNumbers

# A page under its first name is locked and renamed at once, or its process was killed.
LONGEST_BIRTH_SECONDS = 60.0


def read_all(folder: Folder, start: str) -> list[WorkerNumbers]:
    """The numbers of the living, and the sums of those that ended, of one moment."""
    found: list[WorkerNumbers] = []
    # Somebody who ends while we look is found by the next look.
    for _ in range(3):
        # Nobody moves numbers from a page to the sums meanwhile.
        with _all_still(folder, fcntl.LOCK_SH):
            found, dead = _look(folder, start)
        if not dead:
            break
        bury(folder, dead)
    return found


def _look(folder: Folder, start: str) -> tuple[list[WorkerNumbers], list[str]]:
    """The numbers of the living and of all who ended before, and the files of the dead."""
    found, dead = [], []
    for name in folder.names(start, ".page") + folder.names(start, ".ended"):
        with contextlib.suppress(OSError), _opened(folder, name) as file:
            if name.endswith(".page") and not is_locked(file):
                dead.append(name)
                continue
            first, second = (os.pread(file, layout.SIZE, 0) for _ in range(2))
            if layout.is_page(second):
                found.append(layout.decode(first, second))
    return found, dead


def bury(folder: Folder, names: list[str]) -> None:
    """Remove these pages and add what they counted to the sums of their database."""
    with _all_still(folder, fcntl.LOCK_EX) as alone:
        for name in names if alone else ():
            with contextlib.suppress(OSError), _opened(folder, name) as file:
                page = os.pread(file, layout.SIZE, 0)
                # Removed first: a page that were counted twice would be worse than one lost.
                if folder.unlink(name) and layout.is_page(page):
                    _add_to_sums(folder, name.rsplit("-", 1)[0] + ".ended", page)


def _add_to_sums(folder: Folder, name: str, page: bytes) -> None:
    with _opened(folder, name, os.O_RDWR | os.O_CREAT) as file:
        sums = bytearray(os.pread(file, layout.SIZE, 0).ljust(layout.SIZE, b"\0"))
        layout.add_sums(sums, page)
        os.pwrite(file, sums, 0)


def sweep(folder: Folder, start: str) -> None:
    """Bury the dead, and remove what one left who was killed while making a page."""
    dead = []
    for name in folder.names(start, ".page"):
        with contextlib.suppress(OSError), _opened(folder, name) as file:
            if not is_locked(file):
                dead.append(name)
    for name in folder.names(start, ".new"):
        with contextlib.suppress(OSError), _opened(folder, name) as file:
            if time.time() - os.fstat(file).st_mtime > LONGEST_BIRTH_SECONDS:
                folder.unlink(name)
    if dead:
        bury(folder, dead)


@contextlib.contextmanager
def _all_still(folder: Folder, how: int) -> Iterator[bool]:
    try:
        lock = folder.open("lock", os.O_RDWR | os.O_CREAT)
    except OSError:
        yield False
        return
    try:
        with locked(lock, how) as got:
            yield got
    finally:
        os.close(lock)


@contextlib.contextmanager
def _opened(folder: Folder, name: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    file = folder.open(name, flags)
    try:
        yield file
    finally:
        os.close(file)


def new_file(folder: Folder, start: str) -> tuple[int, str, memoryview]:
    """A locked file of zeroes in the folder, mapped. Raises OSError."""
    name = f"{start}{os.getpid()}.{secrets.token_hex(4)}"
    # Under another name until it is locked: a reader would take it for a dead one's.
    file = folder.open(f"{name}.new", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Without it a full disk would show as a signal that kills us, at some later store.
        os.posix_fallocate(file, 0, layout.SIZE)
        memory = folder.map(f"{name}.new", layout.SIZE)
        os.rename(f"{name}.new", f"{name}.page", src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except BaseException:
        os.close(file)
        with contextlib.suppress(OSError):
            folder.unlink(f"{name}.new")
        raise
    return file, f"{name}.page", memory


def prefix(text: str) -> str:
    """The beginning of the names of a database's files."""
    return hashlib.sha256(text.encode()).hexdigest()[:12] + "-"
