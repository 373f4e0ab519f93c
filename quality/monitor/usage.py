"""How full the pools are: the arithmetic and the thresholds, without a database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from quality.pool.numbers import WorkerNumbers

# From these shares of a limit on, in percent.
WARNING_PERCENT = 75.0
CRITICAL_PERCENT = 90.0

HEALTHY, WARNING, CRITICAL = "healthy", "warning", "critical"
THRESHOLDS = {WARNING: WARNING_PERCENT, CRITICAL: CRITICAL_PERCENT}
STATUSES = (HEALTHY, WARNING, CRITICAL)

# What web workers are called in the ledger.
WEB_WORKER = "web worker"


@dataclass(frozen=True, slots=True)
class Usage:
    """Connections of one pool, or of several together."""

    limit: int = 0
    open: int = 0
    idle: int = 0
    in_use: int = 0
    waiting: int = 0

    @property
    def percent(self) -> float:
        """How much of the limit is in use."""
        return _percent(self.in_use, self.limit)

    @property
    def status(self) -> str:
        """How well it is. Who waits for a connection counts as one in use."""
        wanted = _percent(self.in_use + self.waiting, self.limit)
        if wanted >= CRITICAL_PERCENT:
            return CRITICAL
        return WARNING if wanted >= WARNING_PERCENT else HEALTHY

    def as_dict(self) -> dict[str, Any]:
        """The same, for JSON."""
        return {
            "limit": self.limit,
            "open": self.open,
            "idle": self.idle,
            "in_use": self.in_use,
            "waiting": self.waiting,
            "percent": self.percent,
        }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def of(worker: WorkerNumbers) -> Usage:
    """The usage of one worker's pool."""
    return Usage(worker.limit, worker.open, worker.idle, worker.in_use, worker.waiting)


def total(workers: Iterable[WorkerNumbers]) -> Usage:
    """The usage of all together."""
    usages = [of(worker) for worker in workers]
    return Usage(
        limit=sum(one.limit for one in usages),
        open=sum(one.open for one in usages),
        idle=sum(one.idle for one in usages),
        in_use=sum(one.in_use for one in usages),
        waiting=sum(one.waiting for one in usages),
    )


def worst(workers: Sequence[WorkerNumbers]) -> Usage:
    """The usage of the fullest web worker; where there is none, of the fullest process.

    One exhausted worker lets its threads wait even if the others idle. A command that uses its
    whole pool, however small, lets nobody wait but itself.
    """
    serving = [worker for worker in workers if worker.kind == WEB_WORKER] or workers
    return max(
        map(of, serving),
        key=lambda one: _percent(one.in_use + one.waiting, one.limit),
        default=Usage(),
    )


def status(workers: Sequence[WorkerNumbers]) -> str:
    """ "healthy", "warning" or "critical": that of the fullest web worker."""
    return worst(workers).status


def worse(*statuses: str) -> str:
    """The worst of some statuses."""
    return max(statuses, key=STATUSES.index, default=HEALTHY)
