"""What several starts say together, and how sure that is."""

import random
import statistics
from collections.abc import Sequence

DRAWINGS = 2000


def mean_of(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and between what it lies in 95 of 100 drawings of them."""
    draw = random.Random(0)  # noqa: S311 - the same interval for the same figures
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(DRAWINGS))
    cut = DRAWINGS // 40
    return statistics.fmean(values), means[cut], means[-1 - cut]


def middle(values: Sequence[float]) -> float:
    """As little moved as the median by what disturbs the machine, and steadier."""
    aside = len(values) // 4
    return statistics.fmean(sorted(values)[aside : len(values) - aside])
