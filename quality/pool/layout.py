"""Where each number stands in a page of the ledger."""

import os
import time
from functools import lru_cache
from typing import Any

from quality.pool.numbers import BUCKETS, Histogram, Holder, WorkerNumbers

# Why a connection was closed. New ones go before "other" and need a new VERSION.
CLOSE_REASONS = (
    *("lifetime", "idle", "dead", "reset failed", "discarded", "pool closed", "shrunk"),
    *("leaked", "host cap", "fork", "unclean", "other"),
)
REASON_NUMBERS = {reason: number for number, reason in enumerate(CLOSE_REASONS)}
OTHER = REASON_NUMBERS["other"]

# Leases whose holders are named; the rest is counted only.
PLACES = 32

# Whole numbers, then seconds: places of 8 bytes each, in the machine's own byte order.
VERSION, PID, NOW, LIMIT, CONNECTS, TIMEOUTS, REFUSALS, LEAKS, CLOSES = range(9)
WAITS = CLOSES + len(CLOSE_REASONS)
USES = WAITS + BUCKETS
_SECONDS = USES + BUCKETS
STARTED, UPDATED, WAIT_SECONDS, USE_SECONDS, CONNECT_SECONDS, ERROR_AT = range(
    _SECONDS, _SECONDS + 6
)
SINCE = ERROR_AT + 1

# Texts: places of single bytes.
_KIND = (SINCE + PLACES) * 8
_ALIAS = _KIND + 64
_DATABASE = _ALIAS + 64
_ERROR = _DATABASE + 192
NAMES = _ERROR + 384
NAME_BYTES = 60
SIZE = 4096
assert NAMES + PLACES * NAME_BYTES <= SIZE  # noqa: S101 - arithmetic of constants

# "ledger" and a number. Pages of another version are left alone.
_THIS_VERSION = int.from_bytes(b"ledger", "little") << 16 | 1


def begin(page: memoryview, *, kind: str, alias: str, database: str) -> None:
    """Make zeroed memory a page of this process."""
    ints, floats = page.cast("Q"), page.cast("d")
    ints[VERSION] = _THIS_VERSION
    ints[PID] = os.getpid()
    floats[STARTED] = time.time()
    floats[UPDATED] = time.monotonic()
    write_kind(page, kind)
    page[_ALIAS:_DATABASE] = _padded(alias, _DATABASE - _ALIAS)
    page[_DATABASE:_ERROR] = _padded(database, _ERROR - _DATABASE)


def write_kind(page: memoryview, kind: str) -> None:
    """Say what the process is."""
    page[_KIND:_ALIAS] = _padded(kind, _ALIAS - _KIND)


def write_error(page: memoryview, error: str) -> None:
    """Keep the last failure to connect."""
    floats = page.cast("d")
    floats[ERROR_AT] = 0.0
    page[_ERROR:NAMES] = _padded(error, NAMES - _ERROR)
    floats[ERROR_AT] = time.time()


def is_page(data: bytes) -> bool:
    """Whether these bytes are a page as this version writes it."""
    return len(data) == SIZE and memoryview(data).cast("Q")[VERSION] == _THIS_VERSION


def decode(first: bytes, second: bytes) -> WorkerNumbers:
    """The numbers in a page that was copied twice, one copy after the other.

    A text is what belongs to the time beside it only if that time is the same before and
    after: a writer sets it to 0 while it changes the text.
    """
    ints: Any = memoryview(second).cast("Q")
    floats: Any = memoryview(second).cast("d")
    before: Any = memoryview(first).cast("d")
    monotonic = time.monotonic()
    now = ints[NOW]
    holders = [
        Holder(
            name=_text(first, NAMES + place * NAME_BYTES, NAME_BYTES),
            held_seconds=max(0.0, monotonic - since),
        )
        for place, since in enumerate(floats[SINCE : SINCE + PLACES])
        if since and since == before[SINCE + place]
    ]
    has_error = floats[ERROR_AT] and floats[ERROR_AT] == before[ERROR_AT]
    return WorkerNumbers(
        kind=_text(second, _KIND, 64),
        pid=ints[PID],
        alias=_text(second, _ALIAS, 64),
        database=_text(second, _DATABASE, 192),
        started_at=floats[STARTED],
        updated_at=time.time() - max(0.0, monotonic - floats[UPDATED]),
        limit=ints[LIMIT],
        open=now & 0xFFFF,
        idle=now >> 16 & 0xFFFF,
        in_use=now >> 32 & 0xFFFF,
        waiting=now >> 48,
        waits=Histogram(tuple(ints[WAITS:USES]), floats[WAIT_SECONDS]),
        uses=Histogram(tuple(ints[USES:_SECONDS]), floats[USE_SECONDS]),
        connects=ints[CONNECTS],
        connect_seconds=floats[CONNECT_SECONDS],
        closes=dict(zip(CLOSE_REASONS, ints[CLOSES:WAITS], strict=True)),
        timeouts=ints[TIMEOUTS],
        refusals=ints[REFUSALS],
        leaks=ints[LEAKS],
        holders=tuple(sorted(holders, key=lambda one: -one.held_seconds)),
        last_error=_text(first, _ERROR, 384) if has_error else "",
        last_error_at=floats[ERROR_AT] if has_error else 0.0,
    )


def add_sums(total: bytearray, ended: bytes) -> None:
    """Add what one ended process counted to a page of sums; zeroes become such a page."""
    ints: Any = memoryview(total).cast("Q")
    floats: Any = memoryview(total).cast("d")
    its_ints: Any = memoryview(ended).cast("Q")
    its_floats: Any = memoryview(ended).cast("d")
    if not is_page(bytes(total)):
        total[:] = bytes(SIZE)
        begin(memoryview(total), kind="ended", alias="", database="")
        total[_ALIAS:_ERROR] = ended[_ALIAS:_ERROR]
        ints[PID] = 0
    for number in range(CONNECTS, _SECONDS):
        ints[number] += its_ints[number]
    for number in (WAIT_SECONDS, USE_SECONDS, CONNECT_SECONDS):
        floats[number] += its_floats[number]
    floats[UPDATED] = time.monotonic()


def _padded(text: str, size: int) -> bytes:
    # A zero ends the text in its place, so none may stand within it.
    return text.replace("\0", "").encode(errors="replace")[: size - 1].ljust(size, b"\0")


@lru_cache(maxsize=256)
def name_bytes(name: str) -> bytes:
    """A holder's name as it stands in a page. There are few, and they come again."""
    return _padded(name, NAME_BYTES)


def _text(data: bytes, start: int, size: int) -> str:
    # The end may have cut a letter in half.
    return data[start : start + size].split(b"\0", 1)[0].decode(errors="ignore")
