"""Sums up a simulation: its numbers, and what is not as it must be."""

import statistics

from scans.simulation.station import Tally
from scans.simulation.verification import Verdict


def summary_of(tally: Tally, verdict: Verdict, took_seconds: float) -> dict[str, float]:
    """The numbers of a simulation; times in milliseconds."""
    cuts = [1000 * one for one in _quantiles(tally.seconds)]
    return {
        "seconds": round(took_seconds, 1),
        "scanned": len(tally.made),
        "confirmed": len(tally.confirmed),
        "refused": len(tally.refused),
        "waiting": len(tally.made) - len(tally.confirmed) - len(tally.refused),
        "sent_again": tally.retried.total(),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "stored": verdict.stored,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
    }


def _quantiles(seconds: list[float]) -> list[float]:
    if len(seconds) < 2:
        return (seconds or [0.0]) * 99
    return statistics.quantiles(seconds, n=100, method="inclusive")


def problem_of(tally: Tally, verdict: Verdict) -> str:
    """What is not as it must be; "" when all is well."""
    found = []
    if verdict.lost:
        found.append(f"{len(verdict.lost)} confirmed scans are not stored: {verdict.lost[:5]}")
    if verdict.doubled:
        found.append(f"{len(verdict.doubled)} pieces are stored twice: {verdict.doubled[:5]}")
    if tally.refused:
        found.append(f"{len(tally.refused)} scans were refused: {tally.refused[0]}")
    if waiting := len(tally.made) - len(tally.confirmed) - len(tally.refused):
        found.append(f"{waiting} scans found no way; the answers were {dict(tally.retried)}")
    return "\n".join(found)
