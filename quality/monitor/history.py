"""Keeps the samples in the database, ten minutes of a host in a row, and reads them back."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from quality.monitor.models import Pool
from quality.monitor.recent import Sample

# What stands in the database of each sample, and how several become one point of a chart: a
# peak must not vanish in a mean.
COLUMNS: dict[str, Callable[[Iterable[Any]], Any]] = {
    "limit": max,
    "open": max,
    "idle": max,
    "in_use": max,
    "waiting": max,
    "worst_percent": max,
    "wait_p50": max,
    "wait_p95": max,
    "wait_p99": max,
    "connects": sum,
    "closes": sum,
    "timeouts": sum,
    "refusals": sum,
    "leaks": sum,
    "longest_held_seconds": max,
    "threads_connected": max,
    "threads_running": max,
    "response_seconds": max,
}
_OF_THE_SERVER = ("threads_connected", "threads_running", "response_seconds")

# Samples in a row: with one each 10 s it holds 10 minutes.
ROW_SAMPLES = 60
# Samples further apart than so many intervals have a gap between them.
GAP_INTERVALS = 2.5
# A chart has no use for more; half of them, as each may have a gap before it.
MOST_POINTS = 600
# So many rows go at once: each hour brings six of a host.
PRUNE_ROWS = 1000

Columns = dict[str, list[Any]]
# Runs a statement with its values, and returns the rows.
Run = Callable[..., list[tuple[Any, ...]]]


def row_start(at: float, interval_seconds: float) -> float:
    """When the row began to which a sample belongs; Unix time."""
    row_seconds = ROW_SAMPLES * interval_seconds
    return math.floor(at / row_seconds) * row_seconds


def save(run: Run, host: str, samples: Sequence[Sample], interval_seconds: float) -> None:
    """Write the rows that these samples fill, each as a whole; one statement."""
    rows: dict[float, list[Sample]] = {}
    for sample in samples:
        rows.setdefault(row_start(sample["at"], interval_seconds), []).append(sample)
    values = [
        value
        for began_at, its in rows.items()
        for value in (host, _datetime(began_at), _compact(its, interval_seconds))
    ]
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    # Not bulk_create(): it would need a connection of the pool, which may be exhausted, and
    # with its transaction be three statements.
    run(
        f"INSERT INTO {Pool._meta.db_table} (host, began_at, samples) VALUES {places} "  # noqa: S608
        "ON DUPLICATE KEY UPDATE samples = VALUES(samples)",
        *values,
    )


def prune(run: Run, *, before: float) -> None:
    """Remove rows that began before this Unix time; one statement."""
    run(
        f"DELETE FROM {Pool._meta.db_table} WHERE began_at < %s LIMIT {PRUNE_ROWS}",  # noqa: S608
        _datetime(before),
    )


def history(run: Run, hours: float, *, now: float) -> dict[str, Columns]:
    """By host the columns of the last hours, "at" among them; one statement.

    None in all columns but "at" is a gap: nobody looked then. At most 600 points a host.
    """
    since = now - 3600 * hours
    rows = run(
        # By the index of (began_at, host). The row in which `since` lies began earlier.
        f"SELECT host, samples FROM {Pool._meta.db_table} "  # noqa: S608
        "WHERE began_at >= %s ORDER BY began_at, host",
        _datetime(since - 3600),
    )
    kept: dict[str, list[dict[str, Any]]] = {}
    for host, text in rows:
        kept.setdefault(host, []).append(json.loads(text))
    return {host: thinned(its, since, now) for host, its in sorted(kept.items())}


def thinned(rows: Sequence[dict[str, Any]], since: float, now: float) -> Columns:
    """The samples of a host's rows from `since` to `now`, several of them in a point."""
    slot_seconds = (now - since) / (MOST_POINTS // 2)
    columns: Columns = {name: [] for name in ("at", *COLUMNS)}
    slot: list[dict[str, Any]] = []
    before: float | None = None
    gap_at: float | None = None

    def end_slot() -> None:
        for at, samples in ((slot[0]["at"], slot), (gap_at, [])):
            if at is not None:
                columns["at"].append(at)
                for name, together in COLUMNS.items():
                    known = [one[name] for one in samples if one.get(name) is not None]
                    columns[name].append(together(known) if known else None)
        slot.clear()

    for sample, interval_seconds in _samples(rows):
        at = sample["at"]
        if not since <= at <= now:
            continue
        if before is not None and at - before > GAP_INTERVALS * interval_seconds:
            gap_at = round((before + at) / 2, 3)
        if slot and (at - since) // slot_seconds > (slot[0]["at"] - since) // slot_seconds:
            end_slot()
            gap_at = None
        slot.append(sample)
        before = at
    if slot:
        end_slot()
    return columns


def _samples(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[dict[str, Any], float]]:
    for row in rows:
        names = [name for name in ("at", *COLUMNS) if name in row]
        for values in zip(*(row[name] for name in names), strict=True):
            yield dict(zip(names, values, strict=True)), row["interval"]


def _compact(samples: Sequence[Sample], interval_seconds: float) -> str:
    columns: dict[str, Any] = {"interval": interval_seconds}
    columns["at"] = [sample["at"] for sample in samples]
    for name in COLUMNS:
        columns[name] = [_value(sample, name) for sample in samples]
    return json.dumps(columns, separators=(",", ":"))


def _value(sample: Sample, name: str) -> Any:
    facts: Any = (sample["server"] or {}) if name in _OF_THE_SERVER else sample
    value = facts.get(name)
    return round(value, 6) if isinstance(value, float) else value


def _datetime(at: float) -> str:
    # As the database's own DATETIME has it, in the time zone that Django stores: UTC.
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
