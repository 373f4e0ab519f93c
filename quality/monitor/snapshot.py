"""Puts together what a person or a program wants to see of the pools now; no statement."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from quality.monitor import alerts, recent, usage
from quality.monitor.recent import Recent, Sample
from quality.monitor.workers import living, options_of, read_workers
from quality.pool import budget
from quality.pool.numbers import Histogram, WorkerNumbers


def snapshot(*, now: float) -> dict[str, Any]:
    """All of it, for JSON. From the ledger and the leader's file: some ms, whatever is down."""
    workers, last_samples = read_workers(), recent.read()
    alive, last = living(workers), last_samples.last
    return {
        "at": round(now, 3),
        "host": settings.MONITOR_HOST,
        "status": status(alive, last),
        "thresholds": usage.THRESHOLDS,
        "total": usage.total(alive).as_dict(),
        "workers": [worker_dict(worker) for worker in alive],
        "sums": sums(workers),
        "server": last["server"] if last else None,
        "server_error": last["server_error"] if last else "",
        "budget": budget_dict(last),
        "alerts": [alert.as_dict() for alert in alerts.active(last_samples, now=now)],
        "recent": list(last_samples.shown),
        "interval_seconds": last_samples.interval_seconds,
        "leader": leader_dict(last_samples, now),
    }


def status(alive: Sequence[WorkerNumbers], last: Sample | None) -> str:
    """How well it is: the fullest web worker's pool, and whether the database is there."""
    is_away = last is not None and last["server_error"]
    return usage.worse(usage.status(alive), usage.CRITICAL if is_away else usage.HEALTHY)


def worker_dict(worker: WorkerNumbers) -> dict[str, Any]:
    """One worker's numbers, its histograms as quantiles."""
    its = usage.of(worker)
    return worker.as_dict() | {
        "waits": histogram_dict(worker.waits),
        "uses": histogram_dict(worker.uses),
        "percent": its.percent,
        "status": its.status,
    }


def histogram_dict(histogram: Histogram) -> dict[str, Any]:
    """How many, and the seconds that half, 95 % and 99 % of them stayed below."""
    return {
        "count": histogram.count,
        "p50": histogram.quantile(0.5),
        "p95": histogram.quantile(0.95),
        "p99": histogram.quantile(0.99),
    }


def sums(workers: Sequence[WorkerNumbers]) -> dict[str, Any]:
    """What was counted by all processes, those that have ended among them."""
    reasons = {reason for worker in workers for reason in worker.closes}
    return {
        "connects": sum(worker.connects for worker in workers),
        "closes": {
            reason: sum(worker.closes.get(reason, 0) for worker in workers)
            for reason in sorted(reasons)
        },
        "timeouts": sum(worker.timeouts for worker in workers),
        "refusals": sum(worker.refusals for worker in workers),
        "leaks": sum(worker.leaks for worker in workers),
        "waits": histogram_dict(sum((worker.waits for worker in workers), Histogram())),
        "uses": histogram_dict(sum((worker.uses for worker in workers), Histogram())),
    }


def budget_dict(last: Sample | None) -> dict[str, Any]:
    """Whether what all hosts may open fits; of the server's limits the one that binds.

    `max_connections` and `fits` are None while the server was never asked.
    """
    options = options_of()
    demand = budget.Demand(
        processes=options.processes,
        max_size=options.max_size,
        hosts=options.hosts,
        host_limit=options.host_limit,
    )
    facts = last["server"] if last else None
    limits = (facts["max_connections"], facts["max_user_connections"]) if facts else ()
    limit = min((one for one in limits if one), default=None)
    text, fits = f"{demand}", None
    if limit is not None:
        allowed = limit - options.reserve
        fits = demand.total <= allowed
        text += f" {'≤' if fits else '>'} {limit} − {options.reserve} = {allowed}"
    return {
        "processes": demand.processes,
        "size": demand.max_size,
        "hosts": demand.hosts,
        "sum": demand.total,
        "max_connections": limit,
        "reserve": options.reserve,
        "text": text,
        "fits": fits,
    }


def leader_dict(last_samples: Recent, now: float) -> dict[str, Any]:
    """Who took the newest sample, and how old it is; None without any."""
    return {"pid": last_samples.leader_pid, "age_seconds": last_samples.age_seconds(now)}
