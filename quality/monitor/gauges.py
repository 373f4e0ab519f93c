"""Tells Prometheus of this moment: the pools, the server, the monitor itself."""

import time
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from quality.monitor import recent, usage, workers
from quality.monitor.backups import backup_numbers
from quality.monitor.recent import ServerFacts
from quality.monitor.rules import SILENT_INTERVALS, server_percent
from quality.monitor.webworkers import web_worker_numbers
from quality.pool.numbers import BOUNDS, Histogram, WorkerNumbers

# Of each pool, now.
POOLS: dict[str, tuple[str, Callable[[WorkerNumbers], float]]] = {
    "db_pool_size": ("Connections that are open.", lambda one: one.open),
    "db_pool_limit": ("The most connections that may be open.", lambda one: one.limit),
    "db_pool_checkedout": ("Connections in use.", lambda one: one.in_use),
    "db_pool_idle": ("Connections ready to be lent.", lambda one: one.idle),
    "db_pool_overflow": ("Connections beyond the limit: there are none.", lambda one: 0),
    "db_pool_waiting": ("Threads that wait for a connection.", lambda one: one.waiting),
    "db_pool_usage_percent": ("Share of the limit in use.", lambda one: usage.of(one).percent),
    "db_pool_longest_hold_seconds": (
        "For how long the longest of the present leases has been out.",
        lambda one: one.holders[0].held_seconds if one.holders else 0.0,
    ),
}

# Of all pools of a database since the ledger began; processes that have ended count on.
SUMS: dict[str, tuple[str, Callable[[WorkerNumbers], float]]] = {
    "db_pool_connects": ("Physical connections opened.", lambda one: one.connects),
    "db_pool_connect_seconds": ("Time that opening took.", lambda one: one.connect_seconds),
    "db_pool_timeouts": ("Borrowers that waited in vain.", lambda one: one.timeouts),
    "db_pool_refusals": ("Borrowers that were not let wait.", lambda one: one.refusals),
    "db_pool_leaks": ("Leases held past the leak threshold.", lambda one: one.leaks),
}
HISTOGRAMS: dict[str, tuple[str, Callable[[WorkerNumbers], Histogram]]] = {
    "db_pool_wait_seconds": ("How long borrowers waited.", lambda one: one.waits),
    "db_pool_hold_seconds": ("How long connections were kept.", lambda one: one.uses),
}
# Of the ledger's bounds those that dashboards need; each is one of numbers.BOUNDS.
WANTED_BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 20.0, 60.0),
)

# Of the server, as the newest sample has it.
SERVER: dict[str, tuple[str, Callable[[ServerFacts], float]]] = {
    "db_server_threads_connected": (
        "Connections of all clients.",
        lambda it: it["threads_connected"],
    ),
    "db_server_threads_running": ("Statements that run.", lambda it: it["threads_running"]),
    "db_server_max_used_connections": (
        "The most connections since the server's start.",
        lambda it: it["max_used_connections"],
    ),
    "db_server_max_connections": ("Connections allowed to all.", lambda it: it["max_connections"]),
    "db_server_max_user_connections": (
        "Connections allowed to our account; 0 = no limit of its own.",
        lambda it: it["max_user_connections"],
    ),
    "db_server_own_connections": ("Connections of our account.", lambda it: it["own_connections"]),
    "db_server_connections_percent": (
        "Share of the allowed connections that is open, the worse of all clients' and ours.",
        server_percent,
    ),
    "db_server_longest_statement_seconds": (
        "For how long the longest of our statements has been running.",
        lambda it: it["longest_statement_seconds"],
    ),
    "db_server_response_seconds": ("How long the server took.", lambda it: it["response_seconds"]),
}
SERVER_SUMS: dict[str, tuple[str, Callable[[ServerFacts], float]]] = {
    "db_server_aborted_clients": (
        "Clients that left impolitely.",
        lambda it: it["aborted_clients"],
    ),
    "db_server_aborted_connects": ("Attempts that failed.", lambda it: it["aborted_connects"]),
}

WEB_WORKERS = {
    "web_workers_expected": "Web workers that are configured.",
    "web_workers_serving": "Web workers that serve.",
}
BACKUPS = {
    "backup_age_seconds": "Age of the newest good backup.",
    "backup_test_failed": "Whether the newest backup failed its restore test: 1, else 0.",
}


class Gauges:
    """A collector that reads everything at the scrape: a dead worker's numbers vanish at once."""

    def collect(self) -> Iterator[Metric]:
        now = time.time()
        found = workers.read_workers()
        living = workers.living(found)
        yield from _of_pools(living)
        yield from _of_databases(found)
        yield GaugeMetricFamily(
            "db_pool_health",
            "How well the fullest web worker's pool is: 0 healthy, 1 warning, 2 critical.",
            usage.STATUSES.index(usage.status(living)),
        )
        yield from _of_samples(now)
        for name, value in web_worker_numbers().items():
            yield GaugeMetricFamily(name, WEB_WORKERS[name], value)
        for name, value in backup_numbers(now=now).items():
            yield GaugeMetricFamily(name, BACKUPS[name], value)


def _of_pools(living: list[WorkerNumbers]) -> Iterator[Metric]:
    for name, (text, number) in POOLS.items():
        gauge = GaugeMetricFamily(name, text, labels=["alias", "kind", "pid"])
        for one in living:
            gauge.add_metric([one.alias, one.kind, str(one.pid)], number(one))
        yield gauge


def _of_databases(found: list[WorkerNumbers]) -> Iterator[Metric]:
    by_alias: dict[str, list[WorkerNumbers]] = {}
    for one in found:
        by_alias.setdefault(one.alias, []).append(one)
    for name, (text, number) in SUMS.items():
        counter = CounterMetricFamily(name, text, labels=["alias"])
        for alias, those in by_alias.items():
            counter.add_metric([alias], sum(map(number, those)))
        yield counter
    closes = CounterMetricFamily(
        "db_pool_closes", "Connections closed.", labels=["alias", "reason"]
    )
    for alias, those in by_alias.items():
        for reason in those[0].closes:
            closes.add_metric([alias, reason], sum(one.closes[reason] for one in those))
    yield closes
    for name, (text, histogram_of) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(name, text, labels=["alias"])
        for alias, those in by_alias.items():
            together = reduce(add, map(histogram_of, those))
            histogram.add_metric([alias], _buckets(together), together.total_seconds)
        yield histogram


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """As Prometheus counts: all that took at most so long."""
    found = [
        (str(bound), float(sum(histogram.counts[: BOUNDS.index(bound) + 1])))
        for bound in WANTED_BOUNDS
    ]
    return [*found, ("+Inf", float(histogram.count))]


def _of_samples(now: float) -> Iterator[Metric]:
    samples = recent.read()
    last = samples.last
    yield GaugeMetricFamily(
        "monitor_sample_timestamp_seconds",
        "When the newest sample was taken; 0 = never.",
        last["at"] if last else 0,
    )
    yield GaugeMetricFamily(
        "monitor_interval_seconds", "How far apart samples are.", samples.interval_seconds
    )
    if last is None or now - last["at"] > SILENT_INTERVALS * samples.interval_seconds:
        return  # what was true then says nothing of now
    server = last["server"]
    yield GaugeMetricFamily(
        "db_server_up", "Whether the database answered the monitor.", 1 if server else 0
    )
    if server:
        for name, (text, fact) in SERVER.items():
            yield GaugeMetricFamily(name, text, fact(server))
        for name, (text, fact) in SERVER_SUMS.items():
            yield CounterMetricFamily(name, text, fact(server))
