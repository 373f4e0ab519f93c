"""One checkout: who has a connection, since when, and from where in the code."""

import sys
import threading
import time
import traceback
from types import CodeType
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

from quality.pool.holders import given_name

if TYPE_CHECKING:
    from quality.pool.lending import Pool
    from quality.pool.sessions import Session

# So many calls of the borrower's stack are remembered, the innermost first. Django alone
# takes some 13 from a model's query to here. 23 cost 2 µs.
STACK_DEPTH = 23


class Holding:
    """What the pool knows about one checkout.

    Apart from the borrower's LentConnection, because the pool must not keep alive what a
    borrower dropped.
    """

    __slots__ = (
        "_stack",
        "borrower",
        "deadline",
        "durations",
        "failed",
        "hang_up_at",
        "ledger_place",
        "name",
        "pool",
        "reported",
        "session",
        "since",
        "thread",
        "waited_seconds",
    )

    def __init__(self, pool: "Pool", borrower: "ReferenceType[Any] | None") -> None:
        self.pool = pool
        self.borrower = borrower
        # None before it was served, and from its return on.
        self.session: Session | None = None
        self.thread = threading.current_thread()
        self.name = str(given_name.get()) or self.thread.name
        # When it asked; from when it was served on, that moment.
        self.since = time.monotonic()
        # None until it was served.
        self.waited_seconds: float | None = None
        # Until when the borrower waits.
        self.deadline = self.since + pool.options.timeout
        # When the keeper hangs up, because the server does not answer what the pool and
        # Django ask on their own account. 0 = it does not.
        self.hang_up_at = 0.0
        self.reported = False
        self.ledger_place = -1
        # What its statements took that was not told yet, and how many failed.
        self.durations: list[float] = []
        self.failed = 0
        self._stack: list[Any] = []

    def remember_stack(self) -> None:
        """Remember who called; reading it is left for later."""
        frame = sys._getframe(2)
        stack = self._stack
        for _ in range(STACK_DEPTH):
            # The line's number would have to be looked up in the code's table of lines.
            stack.append(frame.f_code)
            stack.append(frame.f_lasti)
            caller = frame.f_back
            if caller is None:
                break
            frame = caller

    def stack(self) -> str:
        """Where the connection was borrowed, as a traceback shows it."""
        calls = list(zip(self._stack[::2], self._stack[1::2], strict=True))
        summary = traceback.StackSummary.from_list(
            [
                traceback.FrameSummary(code.co_filename, _line(code, at), code.co_name)
                for code, at in reversed(calls)
            ]
        )
        return "".join(summary.format())

    def present_stack(self) -> str:
        """Where the borrower's thread is now."""
        frame = sys._current_frames().get(self.thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame is not None else ""

    def is_orphaned(self) -> bool:
        """Whether its thread has ended, so that nobody may use it any more.

        Django lets no other thread use it, unless it was told to share.
        """
        if self.thread.is_alive():
            return False
        borrower = self.borrower() if self.borrower is not None else None
        return not getattr(borrower, "allow_thread_sharing", False)


def _line(code: CodeType, at: int) -> int:
    for start, end, line in code.co_lines():
        if start <= at < end and line is not None:
            return line
    return code.co_firstlineno
