"""The opt-in cap on the connections of all processes of this host together."""

from collections.abc import Callable


class HostSlots:
    """Slots for `limit` connections that all processes of this host share.

    A thread that sleeps in acquire() doesn't see a connection that its own process takes
    back meanwhile. So a pool with a queue of its own should not sleep in here: it tells how
    many of its threads lack a slot by want(), and tries try_acquire() again whenever
    on_free()'s callback is called; whatever comes first serves the first in its queue.
    """

    def __init__(self, directory: str, key: str, limit: int) -> None: ...

    # ----- Slots

    def try_acquire(self) -> bool:
        """Take a slot if one is free and nobody else's turn. Some µs. Call before connecting."""
        return True

    def acquire(self, deadline: float) -> bool:
        """Take a slot, waiting until time.monotonic() `deadline`. False: there was none."""
        return True

    def release(self) -> None:
        """Give a slot back. Call after a connection was closed."""

    # ----- Waiting

    def want(self, threads: int) -> None:
        """Tell the other processes how many threads of this one wait for a slot (0 = none)."""

    def on_free(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, in a thread of ours, when try_acquire() is worth a try.

        Only while want() is above 0. At least each 50 ms, at best at once.
        """

    # ----- Giving back to other processes

    def others_wait(self) -> bool:
        """Whether another process waits: then give idle connections back. ≤ 1 µs if nobody does."""
        return False

    def owes(self) -> bool:
        """Whether a connection that comes back now belongs to another process.

        True even though threads of this process wait: they hold more than their share.
        """
        return False

    def on_wanted(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, in a thread of ours, when another process waits.

        Again each 50 ms for as long as it waits. Give back what is idle.
        """

    def close(self) -> None:
        """Forget everything: all slots of this pool are free."""
