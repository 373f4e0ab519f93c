"""Carries an administrator's order to the worker whose pool it is for, and the answer back."""

import contextlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from quality.monitor.workers import Place, place_of
from quality.pool.folder import Folder
from quality.pool.lending import Pool
from quality.pool.pages import prefix
from quality.pool.registry import registry

# Nobody expects any more that an order of this age is carried out: its worker may be another
# one's successor by now.
VALID_SECONDS = 30.0
KEPT_SECONDS = 15 * 60.0
_LONGEST_BYTES = 4096

WANTED, DONE = ".order", ".done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one worker is to do with its pool of one alias.

    verb       "close idle": close what is idle now. "drain": and what is lent when it returns
    given_by   who wants it, given_at  and since when; Unix time
    done_at    when it was done; None: not yet
    closed     so many were closed at once
    to_come    so many are closed when they return
    """

    key: str
    pid: int
    alias: str
    verb: str
    given_by: str
    given_at: float
    done_at: float | None = None
    closed: int = 0
    to_come: int = 0

    @property
    def is_lost(self) -> bool:
        """Whether it will never be done."""
        return self.done_at is None and time.time() - self.given_at > VALID_SECONDS

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_lost": self.is_lost}


def close_idle(pool: Pool) -> None:
    pool.close_idle("pool closed")


def drain(pool: Pool) -> None:
    pool.dispose()


VERBS = {"close idle": close_idle, "drain": drain}


def give(pid: int, alias: str, verb: str, *, by: str, place: Place | None = None) -> Order:
    """Leave an order for a worker of this host. Raises OSError; LookupError for an unknown verb."""
    if verb not in VERBS:
        raise LookupError(f"No such order: {verb}. There are: {', '.join(VERBS)}.")
    order = Order(
        key=secrets.token_hex(8), pid=pid, alias=alias, verb=verb, given_by=by, given_at=time.time()
    )
    place = place or place_of()
    with Folder(_directory(place)) as folder:
        _write(folder, _start(place), order, WANTED)
    return order


def obey(place: Place | None = None) -> None:
    """Do what this process was told to do. For a thread that looks once a second; some 20 µs.

    Never raises: without the folder there are no orders.
    """
    place = place or place_of()
    start = _start(place)
    with contextlib.suppress(OSError), Folder(_directory(place), create=False) as folder:
        for name in folder.names(f"{start}{os.getpid()}-", WANTED):
            order = _read(folder, name)
            folder.unlink(name)
            if order is not None and not order.is_lost:
                _write(folder, start, _carry_out(order), DONE)


def recent(place: Place | None = None) -> list[Order]:
    """The orders of the last minutes for all workers of this host, the newest first."""
    place = place or place_of()
    start = _start(place)
    found = []
    with contextlib.suppress(OSError), Folder(_directory(place), create=False) as folder:
        for name in folder.names(start, WANTED) + folder.names(start, DONE):
            order = _read(folder, name)
            if order is None or time.time() - order.given_at > KEPT_SECONDS:
                folder.unlink(name)
            else:
                found.append(order)
    return sorted(found, key=lambda order: order.given_at, reverse=True)


def _directory(place: Place) -> str:
    if place.directory is None:
        raise FileNotFoundError("OPTIONS['pool']['ledger'] is None: no process sees another.")
    return place.directory


def _start(place: Place) -> str:
    # Sites with other databases may have their files in the same folder.
    return prefix(place.database)


def _carry_out(order: Order) -> Order:
    closed = to_come = 0
    for pool in registry.all():
        if pool.alias == order.alias:
            stats = pool.stats()
            VERBS[order.verb](pool)
            closed += stats.idle
            to_come += stats.in_use if order.verb == "drain" else 0
    return replace(order, done_at=time.time(), closed=closed, to_come=to_come)


def _write(folder: Folder, start: str, order: Order, end: str) -> None:
    name = f"{start}{order.pid}-{order.key}"
    # Under another name until it is whole.
    descriptor = folder.open(f"{name}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(descriptor, json.dumps(asdict(order)).encode())
    finally:
        os.close(descriptor)
    os.rename(f"{name}.tmp", f"{name}{end}", src_dir_fd=folder.fd, dst_dir_fd=folder.fd)


def _read(folder: Folder, name: str) -> Order | None:
    """The order in a file; None for one that is gone, or is none of ours."""
    try:
        descriptor = folder.open(name, os.O_RDONLY)
        try:
            order = Order(**json.loads(os.read(descriptor, _LONGEST_BYTES)))
        finally:
            os.close(descriptor)
        return order if order.verb in VERBS and float(order.given_at) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
