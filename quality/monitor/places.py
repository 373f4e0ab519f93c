"""Gives each process files of its own to count in, which its successor takes over."""

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from pathlib import Path

from quality.pool.folder import Folder

_PREFIX = "quality-metrics-"
# Twice what all metrics of this house need. What grew beyond it would not have its
# disk space yet, and a full disk would then be a signal that kills.
FILE_BYTES = 2 * 1024 * 1024

# Kept open: as long as a process of its start lives, its folder is locked.
_folders: list[Folder] = []


def fresh_folder() -> str:
    """A new folder for all processes of one start. Raises OSError.

    Those of starts that were killed are removed.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), Folder(str(path), create=False) as folder:
            # Upgrades our own shared lock; where somebody else has one too, that is refused.
            fcntl.flock(folder.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
    made = tempfile.mkdtemp(prefix=_PREFIX)
    _folders.append(Folder(made, create=False))
    return made


class Place:
    """The lowest number that no living process has: its files are `counter_<number>.db`, ….

    By process number, as prometheus_client has it, each process that ends would leave its files
    behind until the next start. Here whoever comes next counts on in them.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._number: int | None = None
        # A forked child takes another one. The copy of its parent's descriptor stays open: the
        # lock must last as long as either counts.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._number = None

    def number(self) -> int:
        """This process's number, taken when first asked for. Raises OSError."""
        # Asked at each count, so not by process number: to ask for that is dear in some containers.
        if self._number is None:
            self._number = self._take()
        return self._number

    def _take(self) -> int:
        for number in itertools.count():
            file = self._open(f"counter_{number}.db")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            # It stays open for life: the kernel lets go of the lock at the end, however it comes.
            os.close(self._open(f"histogram_{number}.db"))
            return number
        raise AssertionError("there is always a next number")

    def _open(self, name: str) -> int:
        file = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, FILE_BYTES)
        except OSError:
            os.close(file)
            raise
        return file
