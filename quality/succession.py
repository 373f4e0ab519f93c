"""Tells all workers of one gunicorn whether it leaves, and how it stands with each of them."""

import mmap
import struct
from hashlib import sha256

# The place of a worker that cannot start stays empty for as long as none could, within these.
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 1.0, 30.0

# Shared by the master and all that it forks. Here and not in gunicorn's configuration, which is
# read anew at each reload, while the handlers of the master stay.
_leaving = mmap.mmap(-1, 1)
_MOST = 4096
_workers = mmap.mmap(-1, _MOST)
_GONE, _COMES, _SERVES, _GIVES_UP = range(4)
# Which of them is whose, by age: the master gives them out, and whom it forks has heard of his.
_places: dict[int, int] = {}
# Since when none could start, and the digest of why; 0: they can.
_FAILURE = struct.Struct("d32s")
_failure = mmap.mmap(-1, _FAILURE.size)


def leave() -> None:
    _leaving[0] = 1


def is_leaving() -> bool:
    """Whether the master has been told to end."""
    return bool(_leaving[0])


def comes(age: int) -> None:
    """A worker is about to be forked: the master says so."""
    _places[age] = _workers[:].index(_GONE)
    _workers[_places[age]] = _COMES


def serves(age: int) -> bool:
    """It says so itself; whether others before could not start."""
    _workers[_places[age]] = _SERVES
    since, _ = _FAILURE.unpack(_failure)
    _failure[:] = bytes(_FAILURE.size)
    return bool(since)


def gives_up(age: int) -> None:
    """It could not start, as it says itself, and ends to have another one try."""
    _workers[_places[age]] = _GIVES_UP


def has_gone(age: int) -> None:
    """It has ended, as the master says."""
    _workers[_places.pop(age)] = _GONE


def is_awaited() -> bool:
    """Whether a worker was forked that does not serve yet."""
    return any(state in _workers[:] for state in (_COMES, _GIVES_UP))


def serving() -> int:
    """How many workers serve."""
    return _workers[:].count(_SERVES)


def has_given_up(age: int) -> bool:
    return _workers[_places[age]] == _GIVES_UP


def could_not_start(why: str, now: float) -> tuple[float, bool]:
    """The seconds until another one is to try, and whether the reason is a new one."""
    since, digest = _FAILURE.unpack(_failure)
    since = since or now
    new_digest = sha256(why.encode(errors="replace")).digest()
    _FAILURE.pack_into(_failure, 0, since, new_digest)
    pause_seconds = min(max(now - since, LEAST_PAUSE_SECONDS), MOST_PAUSE_SECONDS)
    return pause_seconds, new_digest != digest
