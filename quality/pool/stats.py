"""The numbers of one pool at one moment."""

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from quality.pool.refusals import describe

if TYPE_CHECKING:
    from quality.pool.stock import Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStats:
    """Connections of one pool in this process, at one moment.

    limit    the most it may open
    open     idle + in use + being looked at by the keeper or closed
    idle     ready to be lent
    in_use   lent
    waiting  threads that wait for one
    opening  being opened: they take up slots, but are not open yet
    longest_held_seconds, longest_holder   the longest of the present leases and its holder
    last_connect_error, last_connect_error_age_seconds   of the last connect that failed
    away_seconds   for how long the database has been away, as far as is known; 0.0 = it is there
    """

    limit: int
    open: int
    idle: int
    in_use: int
    waiting: int
    opening: int = 0
    longest_held_seconds: float = 0.0
    longest_holder: str = ""
    last_connect_error: str = ""
    last_connect_error_age_seconds: float = 0.0
    away_seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.in_use} of {self.limit} in use, {self.open} open, {self.idle} idle, "
            f"{self.waiting} waiting"
        )

    def why_none_is_free(self) -> str:
        """What is known about the reason, to be added to a message."""
        text = ""
        if self.in_use:
            text += f"; longest held for {self.longest_held_seconds:.1f} s by {self.longest_holder}"
        if self.opening:
            text += f"; {self.opening} being opened"
        if self.last_connect_error:
            text += (
                f"; {self.last_connect_error_age_seconds:.1f} s ago an attempt to connect failed: "
                f"{self.last_connect_error}"
            )
        return text

    def remedy(self) -> str:
        """What can be done about it."""
        if self.in_use < self.limit:
            return (
                "The server did not give one in time: see that it can be reached, answers, and has "
                "connections to spare; so must the host_limit in OPTIONS['pool'], if there is one."
            )
        return (
            "Hold connections for a shorter time, or raise max_size in OPTIONS['pool'] as far "
            "as the server's max_connections allows for all processes together."
        )

    def for_error(self) -> dict[str, Any]:
        """The numbers that a PoolTimeout carries."""
        numbers = asdict(self)
        del numbers["away_seconds"], numbers["opening"]
        return {"total": numbers.pop("open"), **numbers}


def measure(pool: "Stock") -> PoolStats:
    """The numbers of this moment. Waits for nothing."""
    slots, opening, now = pool.slots, pool.opening, time.monotonic()
    with slots.lock:
        longest = min(slots.in_use.values(), key=lambda one: one.since, default=None)
        error = opening.last_error
        return PoolStats(
            limit=slots.limit,
            open=slots.taken - len(slots.attempts),
            idle=len(slots.idle),
            in_use=len(slots.in_use),
            waiting=len(slots.waiters),
            opening=len(slots.attempts),
            longest_held_seconds=now - longest.since if longest else 0.0,
            longest_holder=longest.name if longest else "",
            last_connect_error=describe(error),
            last_connect_error_age_seconds=now - opening.last_error_at if error else 0.0,
            away_seconds=now - opening.away_since if opening.away_since else 0.0,
        )
