"""Says which alerts are active, from the last samples alone."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quality.monitor.recent import Recent, Sample
from quality.monitor.rules import BY_NAME, CRITICAL, RULES, SILENT_INTERVALS, Rule

# Samples that are further apart than so many intervals have a gap between them.
GAP_INTERVALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person should know of now.

    severity  "warning" or "critical"
    since     Unix time of the first sample of this stretch that showed it
    runbook   address of its heading in the runbook, as this site serves it
    """

    name: str
    severity: str
    summary: str
    since: float
    runbook: str

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def active(recent: Recent, *, now: float) -> list[Alert]:
    """The alerts of this moment, the critical ones first.

    Kept nowhere: an alert is there while the samples show it, so all workers say the same.
    """
    samples = recent.samples
    newest_at = samples[-1]["at"] if samples else None
    silent_intervals = (now - (newest_at or 0)) / recent.interval_seconds
    if newest_at is None or silent_intervals >= SILENT_INTERVALS:
        # What the others last saw says nothing of now.
        since = now if newest_at is None else newest_at
        return [_alert(BY_NAME["MonitorSilent"], silent_intervals, since)]
    unbroken = _since_last_gap(samples, GAP_INTERVALS * recent.interval_seconds)
    found = [alert for rule in RULES if (alert := _judge(rule, unbroken))]
    return sorted(found, key=lambda alert: alert.severity != CRITICAL)


def _since_last_gap(samples: Sequence[Sample], longest_seconds: float) -> Sequence[Sample]:
    """Of what was during a gap nobody knows: no alert reaches across it."""
    for number in range(len(samples) - 1, 0, -1):
        if samples[number]["at"] - samples[number - 1]["at"] > longest_seconds:
            return samples[number:]
    return samples


def _judge(rule: Rule, samples: Sequence[Sample]) -> Alert | None:
    """The rule's alert, if it has held for long enough up to the newest sample."""
    if rule.value is None:
        return None
    since = None
    for end in range(len(samples), 0, -1):
        if not rule.holds(_window(rule, samples[:end])):
            break
        since = samples[end - 1]["at"]
    if since is None or samples[-1]["at"] - since < rule.for_seconds:
        return None
    value = rule.value(_window(rule, samples))
    return _alert(rule, 0.0 if value is None else value, since)


def _window(rule: Rule, samples: Sequence[Sample]) -> Sequence[Sample]:
    begin = samples[-1]["at"] - rule.window_seconds
    return [one for one in samples if one["at"] >= begin]


def _alert(rule: Rule, value: float, since: float) -> Alert:
    return Alert(
        name=rule.name,
        severity=rule.severity,
        summary=str(rule.summary).format(value=value),
        since=since,
        runbook=rule.runbook,
    )
