"""The ledger: every process writes its pools' numbers where all others can read them."""

import time
from functools import lru_cache

from quality.pool.numbers import BUCKETS, Histogram, Holder, WorkerNumbers, bucket_of

# Why a connection was closed. New ones go to the end: the place is the number in the file.
CLOSE_REASONS = (
    "lifetime",
    "idle",
    "dead",
    "reset failed",
    "discarded",
    "pool closed",
    "shrunk",
    "leaked",
    "host cap",
    "fork",
    "unclean",
    "other",
)


class Page:
    """The numbers of one pool in this process. Each call takes less than 1 µs and never fails."""

    def __init__(self, *, alias: str, database: str = "", directory: str | None = None) -> None:
        """`directory` None: the numbers are kept in memory only."""

    def set(self, *, limit: int, open: int, idle: int, in_use: int, waiting: int) -> None:
        """The numbers of this moment. Call it with the pool's lock held."""

    def waited(self, seconds: float) -> None:
        """A borrower got its connection after so long (0.0 = at once)."""

    def holding(self, name: str, since: float) -> int:
        """A lease began at time.monotonic() `since`; pass what this returns to `used()`."""
        return -1

    def used(self, seconds: float, place: int = -1) -> None:
        """A lease ended after so long. `place` is what `holding()` returned for it."""

    def connected(self, seconds: float) -> None:
        """A connection was opened, which took so long."""

    def closed(self, reason: str) -> None:
        """A connection was closed; the reason is one of CLOSE_REASONS."""

    def timed_out(self) -> None:
        """A borrower waited in vain."""

    def refused(self) -> None:
        """A borrower was not allowed to wait (max_waiting)."""

    def leaked(self) -> None:
        """A lease is out for longer than the threshold."""

    def failed(self, error: object) -> None:
        """An attempt to connect failed. Not for hot paths: some µs."""

    def touch(self) -> None:
        """Say that this pool still lives, and make its file anew if somebody removed it.

        For the pool's keeper, about once a second. Some 10 µs.
        """

    def close(self) -> None:
        """The pool is retired: its sums live on among those of the ended processes."""

    def numbers(self) -> WorkerNumbers:
        """What a reader would see now."""
        raise NotImplementedError
