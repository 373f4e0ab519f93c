"""How full is warned of: by the fullest web worker, and by those who wait."""

import pytest

from quality.monitor import usage
from quality.monitor.usage import Usage
from quality.pool.numbers import WorkerNumbers


def worker(in_use: int, *, limit: int = 20, waiting: int = 0, kind: str = "web worker"):
    return WorkerNumbers(
        kind=kind,
        pid=1,
        alias="default",
        database="db",
        started_at=0,
        updated_at=0,
        limit=limit,
        open=in_use,
        in_use=in_use,
        waiting=waiting,
    )


@pytest.mark.parametrize(
    ("in_use", "status"),
    [(0, "healthy"), (14, "healthy"), (15, "warning"), (17, "warning"), (18, "critical")],
)
def test_the_thresholds_are_75_and_90_percent(in_use, status):
    assert usage.status([worker(in_use)]) == status


def test_one_exhausted_worker_is_critical_though_the_others_idle():
    workers = [worker(0), worker(0), worker(6, limit=6)]
    assert usage.total(workers).percent < 20
    assert usage.status(workers) == "critical"


def test_who_waits_counts_as_one_in_use():
    # The host's cap may be reached before the worker's own limit.
    assert usage.status([worker(10, waiting=5)]) == "warning"
    assert usage.total([worker(10, waiting=5)]).percent == 50.0


def test_a_command_that_uses_its_whole_pool_lets_nobody_else_wait():
    workers = [worker(1), worker(1, limit=1, kind="manage.py migrate")]
    assert usage.status(workers) == "healthy"
    assert usage.total(workers) == Usage(limit=21, open=2, in_use=2)
    # Without web workers there is nobody else to ask.
    assert usage.status(workers[1:]) == "critical"


def test_nothing_is_no_usage():
    assert usage.status([]) == "healthy"
    assert usage.total([]).percent == 0.0
    assert usage.worse() == "healthy"
