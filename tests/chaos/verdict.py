"""Judges what became of the scans of a fault: by what was sent, stored and shown."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.chaos.rig import Episode

LOOK_EACH_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, and how it ended; times are those of the day. Status 0: no answer."""

    key: str
    made_at: float
    ended_at: float
    status: int
    problem: str
    is_scan: bool

    @property
    def is_confirmed(self) -> bool:
        return self.is_scan and self.status in (200, 201)

    @property
    def has_failed(self) -> bool:
        return not 200 <= self.status < 400

    @property
    def error(self) -> str:
        return self.problem or str(self.status)


@dataclass(frozen=True)
class Verdict:
    """Of one fault. Seconds of recovery count from its end; None: it did not come."""

    title: str
    fault_seconds: float
    confirmed: int
    lost: list[str]
    doubled: list[str]
    waiting: int
    refused: list[str]
    # Of the stations' requests, and of the page's.
    errors: Counter[str]
    page_errors: Counter[str]
    more_than_one_retry: int
    longest_gap_seconds: float
    recovery_seconds: float | None
    page_recovery_seconds: float | None
    arrived_seconds: float | None
    page: dict[str, Any]
    complaints: list[str]

    def problems(self) -> list[str]:
        """What is not as it must be after any fault."""
        found = []
        if self.lost:
            found.append(f"{len(self.lost)} confirmed scans are not stored: {self.lost[:5]}")
        if self.doubled:
            found.append(f"{len(self.doubled)} pieces are stored twice: {self.doubled[:5]}")
        if self.waiting:
            found.append(f"{self.waiting} scans made until the fault's end still wait")
        if self.refused:
            found.append(f"{len(self.refused)} scans were refused: {self.refused[0]}")
        if self.recovery_seconds is None:
            found.append("no scan that a station made after the end was confirmed")
        if self.page_recovery_seconds is None:
            found.append("no scan that was made at the page after the end was confirmed")
        if self.page["pending"] or self.page["attention"] or self.page["connection"] != "good":
            found.append(f"the page does not show that all is well: {self.page}")
        if self.page["totals"] != self.page["true"]:
            found.append(f"the page shows other counts than the server's: {self.page}")
        if self.complaints:
            found.append(f"errors in the page: {self.complaints}")
        return found


def judge(episode: Episode, *, arrive_seconds: float) -> Verdict:
    """Wait until what has to arrive has arrived, then compare with what is stored and shown."""
    rig = episode.rig
    until = episode.ended_at
    deadline = until + arrive_seconds

    def waiting() -> set[str]:
        return episode.made - {one.key for one in [*rig.sent, *rig.page.sent] if one.is_confirmed}

    def recovery(sent: list[Sent]) -> float | None:
        after = (one.ended_at for one in sent[:] if one.is_confirmed and one.made_at > until)
        return next(after, until) - until or None

    while waiting() or not (recovery(rig.sent) and recovery(rig.page.sent)):
        if time.time() > deadline:
            break
        time.sleep(LOOK_EACH_SECONDS)
    arrived = [one.ended_at for one in [*rig.sent, *rig.page.sent] if one.key in episode.made]
    shown = rig.page.look()
    stations, page = _since(episode.began_at, rig.sent), _since(episode.began_at, rig.page.sent)
    both = stations + page
    confirmed = {one.key for one in both if one.is_confirmed}
    stored = rig.stored()
    # A station's scan is known by its id, the page's by its CP.
    there = {name for names in stored for name in names}
    pieces = Counter(cp for _, cp in stored)
    failures = Counter(one.key for one in both if one.has_failed)
    return Verdict(
        title=episode.title,
        fault_seconds=until - episode.began_at,
        confirmed=len(confirmed),
        lost=sorted(confirmed - there),
        doubled=[cp for cp, count in pieces.items() if count > 1],
        waiting=len(waiting()),
        refused=rig.refused[episode.refused_before :],
        errors=Counter(one.error for one in stations if one.has_failed),
        page_errors=Counter(one.error for one in page if one.has_failed),
        more_than_one_retry=sum(count > 1 for count in failures.values()),
        longest_gap_seconds=_longest_gap(episode.began_at, both),
        recovery_seconds=recovery(rig.sent),
        page_recovery_seconds=recovery(rig.page.sent),
        arrived_seconds=None if waiting() else max(0.0, max(arrived, default=until) - until),
        page=shown,
        complaints=rig.page.errors[episode.complaints_before :],
    )


def _since(began_at: float, sent: list[Sent]) -> list[Sent]:
    return [one for one in sent[:] if one.ended_at >= began_at]


def _longest_gap(began_at: float, sent: list[Sent]) -> float:
    """The longest time in which nobody's scan was confirmed."""
    at = sorted([began_at, *(one.ended_at for one in sent if one.is_confirmed)])
    return max((later - earlier for earlier, later in itertools.pairwise(at)), default=0.0)
