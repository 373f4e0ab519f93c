"""Keeps the roll-ups in step with the records of which they are made."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from scans.pausing import pause
from scans.reporting.checking import differences
from scans.reporting.counting import RulesChanged, count_waiting
from scans.reporting.marking import Rules, look, mark, unless_locked

__all__ = ["Freshness", "differences", "freshen", "rebuild", "refresh"]

# What a report counts itself before it is shown; more is left to the chore.
FRESHEN_RECORDS = 5_000
FRESHEN_SHIFTS = 12
FRESHEN_SECONDS = 0.5
# The other chores have their turn, too.
REFRESH_SECONDS = 40
AWAIT_SECONDS = 0.05


@dataclass(frozen=True)
class Freshness:
    """How true the roll-ups are: what was stored up to a moment is counted.

    `uncounted` records came after it; there may be more from marking.LOOK_MOST on. While it
    `is_rebuilding`, `waiting` shifts still have the counts of before.
    """

    counted_at: datetime | None
    uncounted: int
    is_rebuilding: bool
    waiting: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all records are counted."""
        return not self.uncounted and not self.is_rebuilding


def refresh(*, most: int | None = None) -> None:
    """Count what is new, at most so many shifts, for a while; returns quickly when nothing is.

    The newest shifts come first: what is left is counted by the next call.
    """
    found = look()
    if found.is_new or found.is_by_other_rules:
        # Or else somebody marks it at this moment.
        with unless_locked():
            mark()
    elif not found.waiting:
        return
    # Who has changed them has all counted anew by the next call.
    with suppress(RulesChanged):
        count_waiting(Rules.now(), most=most, seconds=REFRESH_SECONDS)


def freshen() -> Freshness:
    """Count what is new if it is little, and tell how true the roll-ups are then."""
    found = look()
    if (found.is_new or found.is_by_other_rules) and found.uncounted <= FRESHEN_RECORDS:
        with unless_locked():
            mark(is_settling=False)
        found = look()
    if 0 < found.waiting <= FRESHEN_SHIFTS:
        with suppress(RulesChanged):
            count_waiting(found.rules, most=FRESHEN_SHIFTS, seconds=FRESHEN_SECONDS)
        found = look()
    return Freshness(
        counted_at=found.state.counted_at if found.is_new else timezone.now(),
        uncounted=found.uncounted,
        is_rebuilding=bool(found.waiting) or found.is_by_other_rules,
        waiting=found.waiting,
    )


def rebuild(progress: Callable[[int, int], None] | None = None) -> None:
    """Count all anew; `progress` hears how many shifts of how many are done."""
    mark(is_everything=True)
    total = look().waiting
    while left := look().waiting:
        pause()
        if progress is not None:
            progress(max(0, total - left), total)
        try:
            if not count_waiting(Rules.now(), most=1):
                # Another process is at the last ones.
                time.sleep(AWAIT_SECONDS)
        except RulesChanged:
            mark()
    if progress is not None:
        progress(total, total)
