"""Takes a backup each night, for as long as it runs: for hosts without a timer."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as time_of_day

from quality.backups.manifest import Kind, Manifest, Outcome

logger = logging.getLogger(__name__)

# A backup that could not be taken is tried again so much later.
RETRY_SECONDS = 15 * 60
# A clock that was set is noticed so soon.
LOOK_SECONDS = 60


def due_at(now: datetime, at: time_of_day, zone: tzinfo) -> datetime:
    """The last moment up to `now` at which a backup was due, by the factory's clock.

    A time that the clock leaves out in spring is an hour later, and of one that comes twice in
    autumn the first is meant.
    """
    day = now.astimezone(zone).date()
    moments = (
        datetime.combine(day - timedelta(days=back), at, zone).astimezone(UTC) for back in (0, 1)
    )
    return next(moment for moment in moments if moment <= now)


def is_done(found: list[Manifest], due: datetime, now: datetime) -> bool:
    """Whether there is one of this night. One that failed its test is: the next may not be better.

    One whose test was cut off is not, nor one of a clock that was ahead.
    """
    return any(
        one.kind == Kind.NIGHTLY and due <= one.moment <= now and one.outcome != Outcome.PENDING
        for one in found
    )


def run(
    at: time_of_day,
    zone: tzinfo,
    *,
    found: Callable[[], list[Manifest]],
    take: Callable[[], object],
    say: Callable[[str], object],
    stopped: threading.Event,
) -> None:
    """Until `stopped`. A missed night is made up for at once; what fails is tried again."""
    retry_at, waited_since = 0.0, None
    while not stopped.is_set():
        now = datetime.now(UTC)
        due = due_at(now, at, zone)
        if time.monotonic() >= retry_at:
            try:
                if not is_done(found(), due, now):
                    take()
                if due != waited_since:
                    # A day on, by the clock on the wall.
                    following = due_at(now + timedelta(days=1), at, zone)
                    say(f"The next one is due at {following.astimezone(zone):%Y-%m-%d %H:%M}.")
                    waited_since = due
            except Exception:  # whatever it is, the next try may succeed
                if stopped.is_set():
                    return
                logger.exception("No backup was taken; tried again in %d s.", RETRY_SECONDS)
                retry_at = time.monotonic() + RETRY_SECONDS
        stopped.wait(LOOK_SECONDS)
