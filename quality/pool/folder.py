"""A folder whose files can be trusted: nobody but this user wrote them."""

import contextlib
import fcntl
import mmap
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self


def default_directory() -> str:
    """Where all processes of one user meet unless they are told otherwise."""
    return os.path.join(tempfile.gettempdir(), f"quality-pool-{os.geteuid()}")


class Folder:
    """An open directory. Files are reached through it, so nobody can slip in another path.

    Raises OSError when it cannot be opened, made or trusted.
    """

    def __init__(self, path: str, *, create: bool = True) -> None:
        self.path = path
        if create:
            with contextlib.suppress(FileExistsError):
                # In a shared /tmp another user may have made it first: that is looked at below.
                os.mkdir(path, 0o700)
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(self.fd)
            if status.st_uid != os.geteuid():
                raise PermissionError(f"{path} belongs to the user {status.st_uid}")
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise PermissionError(
                    f"{path} may be written to by others: its mode is "
                    f"{stat.S_IMODE(status.st_mode):o}; remedy: chmod 700"
                )
            # systemd-tmpfiles leaves a folder alone on which somebody holds a lock.
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # it is being swept just now
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the directory."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a regular file of this user. Raises OSError."""
        # O_NONBLOCK: opening a pipe that somebody put there would wait for its other end.
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, 0o600, dir_fd=self.fd)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            os.close(descriptor)
            raise PermissionError(f"{self.path}/{name} is not a file of ours")
        return descriptor

    def map(self, name: str, size: int) -> memoryview:
        """A file's bytes as memory that all processes share. Raises OSError.

        Python keeps a copy of the descriptor for as long as the memory is referred to, in a
        forked child perhaps for ever: so it is not one on which a lock is held.
        """
        descriptor = self.open(name, os.O_RDWR)
        try:
            return memoryview(mmap.mmap(descriptor, size))
        finally:
            os.close(descriptor)

    def names(self, start: str, end: str) -> list[str]:
        """The files whose names have this start and end."""
        return [
            name for name in os.listdir(self.fd) if name.startswith(start) and name.endswith(end)
        ]

    def unlink(self, name: str) -> bool:
        """Remove a file; whether it was this call that did."""
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            return False
        return True

    def holds(self, name: str, descriptor: int) -> bool:
        """Whether `name` in the folder's path is still the file behind `descriptor`."""
        try:
            return os.path.samestat(
                os.stat(f"{self.path}/{name}", follow_symlinks=False), os.fstat(descriptor)
            )
        except OSError:
            return False


@contextlib.contextmanager
def locked(descriptor: int, how: int, *, within_seconds: float = 0.05) -> Iterator[bool]:
    """Hold fcntl.LOCK_SH or LOCK_EX on a file; False where it could not be had in time.

    Only ever held for less than a millisecond, so waiting longer means that the other
    process is stopped.
    """
    deadline = time.monotonic() + within_seconds
    got = _try_lock(descriptor, how)
    while not got and time.monotonic() < deadline:
        time.sleep(0.001)
        got = _try_lock(descriptor, how)
    try:
        yield got
    finally:
        if got:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(descriptor: int) -> bool:
    """Whether the process that keeps an exclusive lock on this file for its life is alive.

    The kernel lets go of it when the process ends, however it ends, also before its parent
    has noticed. Two readers who ask at the same time don't mislead each other.
    """
    if not _try_lock(descriptor, fcntl.LOCK_SH):
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
