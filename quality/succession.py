"""Tells all workers of one gunicorn whether it leaves, and how it stands with each of them."""

import mmap
import struct
from hashlib import sha256

# Who comes for one that could not start waits for as long as none could, within these.
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 1.0, 30.0

# Shared by the master and all that it forks. Here and not in gunicorn's configuration, which is
# read anew at each reload, while the handlers of the master stay.
_leaving = mmap.mmap(-1, 1)
_MOST = 4096
_workers = mmap.mmap(-1, _MOST)
_GONE, _COMES, _SERVES, _GIVES_UP, _LEAVES = range(5)
# Which of them is whose, by age: the master gives them out, and whom it forks has heard of his.
_places: dict[int, int] = {}
# Since when none could start (0: they can), from when on it may be tried, and the digest of why.
_FAILURE = struct.Struct("dd32s")
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
    since, _, _ = _FAILURE.unpack(_failure)
    _failure[:] = bytes(_FAILURE.size)
    return bool(since)


def gives_up(age: int) -> None:
    """It could not start, as it has said itself, and ends to have another one try."""
    _workers[_places[age]] = _GIVES_UP


def leaves(age: int) -> None:
    """It was told to, before it has tried, and says so itself: none is to come for it."""
    _workers[_places[age]] = _LEAVES


def has_gone(age: int) -> None:
    """It has ended, as the master says."""
    if _workers[_places[age]] == _SERVES:
        # It could start: who comes for it does not wait because another one cannot.
        try_at_once()
    _workers[_places.pop(age)] = _GONE


def is_awaited() -> bool:
    """Whether a worker was forked that does not serve yet."""
    return any(state in _workers[:] for state in (_COMES, _GIVES_UP))


def serving() -> int:
    """How many workers serve."""
    return _workers[:].count(_SERVES)


def has_given_up(age: int) -> bool:
    return _workers[_places[age]] == _GIVES_UP


def has_come_to_nothing(age: int) -> bool:
    """Whether it ended before it served, though nobody has told it to; it may have said why."""
    return _workers[_places[age]] in (_COMES, _GIVES_UP)


def could_not_start(why: str, now: float) -> bool:
    """Have time pass before another one tries; whether the reason is a new one."""
    since, _, digest = _FAILURE.unpack(_failure)
    since = since or now
    pause_seconds = min(max(now - since, LEAST_PAUSE_SECONDS), MOST_PAUSE_SECONDS)
    new_digest = sha256(why.encode(errors="replace")).digest()
    _FAILURE.pack_into(_failure, 0, since, now + pause_seconds, new_digest)
    return bool(new_digest != digest)


def pause_seconds(now: float) -> float:
    """For how long a worker is to wait before it tries."""
    until: float
    _, until, _ = _FAILURE.unpack(_failure)
    return max(0.0, until - now)


def try_at_once() -> None:
    """Whoever waits is to try now; should that be in vain, pauses are as long as before."""
    since, _, digest = _FAILURE.unpack(_failure)
    _FAILURE.pack_into(_failure, 0, since, 0.0, digest)
