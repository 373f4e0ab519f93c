"""Makes one sample of what the pools' numbers are now, and of what they were before."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, cast

from quality.monitor import usage
from quality.monitor.recent import Sample, ServerFacts
from quality.monitor.workers import living
from quality.pool.numbers import BUCKETS, Histogram, WorkerNumbers

# Sums of all pools, those of ended processes among them: they never fall.
Totals = dict[str, Any]
_COUNTERS = ("connects", "timeouts", "refusals", "leaks")


def totals_of(workers: Sequence[WorkerNumbers]) -> Totals:
    """What was counted since the beginning."""
    waits = sum((worker.waits for worker in workers), Histogram())
    return {
        **{name: sum(getattr(worker, name) for worker in workers) for name in _COUNTERS},
        "closes": sum(sum(worker.closes.values()) for worker in workers),
        "waits": list(waits.counts),
    }


def make(
    at: float,
    workers: Sequence[WorkerNumbers],
    *,
    before: Totals,
    server: ServerFacts | None,
    server_error: str,
    counters: Mapping[str, float],
) -> Sample:
    """The sample of this moment, and what was counted since the totals `before`."""
    alive = living(workers)
    now = totals_of(workers)
    whole, fullest = usage.total(alive), usage.worst(alive)
    waits = _since(before, now)
    longest = max(
        (holder for worker in alive for holder in worker.holders),
        key=lambda holder: holder.held_seconds,
        default=None,
    )
    sample = {
        "at": round(at, 3),
        "workers": sum(worker.kind == usage.WEB_WORKER for worker in alive),
        **whole.as_dict(),
        "worst_percent": fullest.percent,
        "status": usage.worse(fullest.status, usage.CRITICAL if server_error else usage.HEALTHY),
        "wait_p50": waits.quantile(0.5),
        "wait_p95": waits.quantile(0.95),
        "wait_p99": waits.quantile(0.99),
        **{name: max(0, now[name] - before.get(name, 0)) for name in (*_COUNTERS, "closes")},
        "longest_held_seconds": round(longest.held_seconds, 3) if longest else 0.0,
        "longest_holder": longest.name if longest else "",
        "server": server,
        "server_error": server_error,
        "counters": dict(counters),
    }
    return cast(Sample, sample)


def _since(before: Totals, now: Totals) -> Histogram:
    earlier = before.get("waits", [])
    counts = [new - old for new, old in zip_longest(now["waits"], earlier, fillvalue=0)]
    # Less than nothing: somebody emptied the ledger's folder, and counting began anew.
    is_new = len(earlier) != BUCKETS or min(counts) < 0
    return Histogram(now["waits"] if is_new else counts)


def without_statements(samples: Sequence[Sample]) -> list[Sample]:
    """The same; only the newest sample says which statements run."""
    for sample in samples:
        if sample["server"] is not None:
            sample["server"].pop("statements", None)
    return list(samples)
