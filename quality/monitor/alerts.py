"""Says which alerts are active, from the last samples alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Sample = Mapping[str, Any]


class Samples(Protocol):
    """The last samples of this host, the oldest first; see recent.Recent."""

    interval_seconds: float
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person should know of now.

    severity  "warning" or "critical"
    since     Unix time of the first sample of this stretch that showed it
    runbook   the anchor of its heading in RUNBOOK.md
    """

    name: str
    severity: str
    summary: str
    since: float
    runbook: str


def active(recent: Samples, *, now: float) -> list[Alert]:
    """The alerts of this moment, the critical ones first."""
    return []
