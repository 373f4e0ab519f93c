"""The arithmetic of charts: Pareto and p-chart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

# What the bar of all others is called.
OTHERS = ""
SIGMAS = 3


@dataclass(frozen=True)
class Bar:
    """One defect, or with "" all that are not shown by themselves. Shares are of all: 0…1."""

    defect: str
    count: int
    share: float
    cumulative: float
    # How many it stands for.
    defects: int = 1


def pareto(counts: Mapping[str, int], *, most: int = 10) -> list[Bar]:
    """The most frequent defects first, at most so many; behind them all others as one bar.

    Defects as frequent as each other stand in the order of their codes. Those that did not occur
    are left out. After J. M. Juran's use of V. Pareto's curve.
    """
    ordered = sorted(
        ((defect, count) for defect, count in counts.items() if count > 0),
        key=lambda item: (-item[1], item[0]),
    )
    total = sum(count for _defect, count in ordered)
    shown = ordered[:most]
    if others := sum(count for _defect, count in ordered[most:]):
        shown = [*shown, (OTHERS, others)]
    bars, so_far = [], 0
    for defect, count in shown:
        so_far += count
        defects = len(ordered) - most if defect == OTHERS else 1
        bars.append(Bar(defect, count, count / total, so_far / total, defects))
    return bars


@dataclass(frozen=True)
class Point:
    """A sample of a p-chart, with the limits that hold for one of its size."""

    label: Any
    inspected: int
    rejected: int
    share: float
    lower: float
    upper: float
    is_out: bool


@dataclass(frozen=True)
class PChart:
    """Samples in order; `centre` is p̄, None when nothing was inspected."""

    centre: float | None
    points: list[Point]


def p_chart(samples: Iterable[tuple[Any, int, int]]) -> PChart:
    """Shewhart's chart of shares rejected, from (label, inspected, rejected) of each sample.

    The centre is p̄ = Σ rejected ÷ Σ inspected, the limits are p̄ ± 3·√(p̄·(1-p̄)/n) for a sample of n,
    cut off at 0 and 1 (W. A. Shewhart, Economic Control of Quality of Manufactured Product, 1931;
    with limits for each n as in ISO 7870-2). Samples of nothing are left out. Where all or nothing
    was rejected the limits are p̄ itself, and nothing is out.
    """
    taken = [sample for sample in samples if sample[1] > 0]
    total = sum(inspected for _label, inspected, _rejected in taken)
    if not total:
        return PChart(None, [])
    centre = sum(rejected for _label, _inspected, rejected in taken) / total
    points = []
    for label, inspected, rejected in taken:
        share = rejected / inspected
        reach = SIGMAS * sqrt(centre * (1 - centre) / inspected)
        lower, upper = max(0.0, centre - reach), min(1.0, centre + reach)
        points.append(
            Point(label, inspected, rejected, share, lower, upper, not lower <= share <= upper)
        )
    return PChart(centre, points)
