"""Tells all workers of one gunicorn whether it leaves, and whether others are still to come."""

import mmap

# Shared by the master and all that it forks. Here and not in gunicorn's configuration, which is
# read anew at each reload, while the handlers of the master stay.
_leaving = mmap.mmap(-1, 1)
_MOST = 4096
_coming = mmap.mmap(-1, _MOST)


def leave() -> None:
    _leaving[0] = 1


def is_leaving() -> bool:
    """Whether the master has been told to end."""
    return bool(_leaving[0])


def comes(age: int) -> None:
    """A worker is about to be forked: the master says so."""
    _coming[age % _MOST] = 1


def has_come(age: int) -> None:
    """It serves, as it says itself; or it has ended, as the master says."""
    _coming[age % _MOST] = 0


def is_awaited() -> bool:
    """Whether a worker was forked that does not serve yet."""
    return any(_coming[:])
