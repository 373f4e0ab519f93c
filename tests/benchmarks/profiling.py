"""Shows where the time of one operation goes, function by function."""

import cProfile
import pstats
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import connections

from tests.benchmarks.measuring import only
from tests.benchmarks.operations import Operation, request

TIMES = 1000
LINES = 25


def profile(work: Operation, alias: str) -> str:
    """A table of functions by their own time. Python's share is larger than without a profiler."""

    def work_along() -> cProfile.Profile:
        for _ in range(20):
            request(work, alias)
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(TIMES):
            request(work, alias)
        profiler.disable()
        connections.close_all()
        return profiler

    # A thread of its own has no other connection at which Django would look.
    with only(alias), ThreadPoolExecutor(1) as executor:
        found = pstats.Stats(executor.submit(work_along).result())
    entries = found.stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in entries.values())
    by_folder: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, _) in entries.items():
        by_folder[Path(file).parent.name if file != "~" else "in C"] += own / TIMES * 1e6
    lines = [
        f"{alias}: {total / TIMES * 1e6:.0f} µs per operation under the profiler",
        "by folder: " + ", ".join(f"{name} {own:.0f}" for name, own in by_folder.most_common(9)),
        "   own µs  with callees  calls",
    ]
    by_own_time = sorted(entries.items(), key=lambda item: item[1][2], reverse=True)
    for (file, line, name), (_, calls, own, cumulative, _) in by_own_time[:LINES]:
        where = f"{Path(file).parent.name}/{Path(file).name}:{line} " if line else ""
        lines.append(
            f"{own / TIMES * 1e6:9.1f} {cumulative / TIMES * 1e6:13.1f} "
            f"{calls / TIMES:6.1f}  {where}{name}"
        )
    return "\n".join(lines)
