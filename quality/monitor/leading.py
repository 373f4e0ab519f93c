"""Makes one process of this host the leader, and another one when it ends."""

import fcntl
import os

from quality.monitor.workers import Place
from quality.pool import forking
from quality.pool.folder import Folder
from quality.pool.pages import prefix


class Leadership:
    """A lock on a file in the ledger's folder: the kernel lets go of it however a leader ends.

    There is one leader for each thing to be done, which `name` names.
    """

    def __init__(self, place: Place, name: str = "leader") -> None:
        self._directory = place.directory
        self._name = f"{prefix(place.database)}{name}.lock"
        self._start_empty()
        forking.watch(self)

    def _start_empty(self) -> None:
        self.folder: Folder | None = None
        self._file = -1

    def is_ours(self) -> bool:
        """Whether this process leads, from now on if nobody else does. Raises OSError."""
        if self.folder is not None:
            # Somebody may have emptied the folder: then another one may lead by now.
            if self.folder.holds(self._name, self._file):
                return True
            self.resign()
        if self._directory is None:
            return False
        folder = Folder(self._directory)
        file = -1
        try:
            file = folder.open(self._name, os.O_RDWR | os.O_CREAT)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _close(folder, file)
            return False
        except BaseException:
            _close(folder, file)
            raise
        self.folder, self._file = folder, file
        return True

    def resign(self) -> None:
        """Let another process lead."""
        if self.folder is not None:
            _close(self.folder, self._file)
        self._start_empty()

    def leave_to_parent(self) -> None:
        """In a forked child: a copy of the lock would outlive the parent."""
        self.resign()


def _close(folder: Folder, file: int) -> None:
    if file >= 0:
        os.close(file)
    folder.close()
