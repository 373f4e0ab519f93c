"""The house is measured end to end, and each check of it can fail."""

import importlib
import itertools
import json
import platform
from collections import Counter
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.benchmarks import capacity, crowding, endtoend, stations
from tests.benchmarks.clients import POLL, SCAN
from tests.benchmarks.endtoend import ORDERS, SERVED, SITES, Load
from tests.benchmarks.test_benchmarks import benchmark
from tests.benchmarks.variants import OTHER_POOL, OURS, STOCK, STOCK_CLOSING


@pytest.fixture
def server(mariadb_home: Path) -> PrivateMariaDB:
    return PrivateMariaDB(mariadb_home)


def quiet(text: str) -> None:
    """Nobody looks."""


@pytest.mark.bench
def test_a_tiny_run_asks_every_site(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    chosen = [
        "--operations=end to end",
        "--launches=1",
        "--clients=2",
        "--turns=1",
        "--seconds=0.05",
    ]
    said = benchmark(tmp_path, *chosen, f"--output={output}", starts_sites=True)
    written = json.loads(output.read_text())["end to end"]
    rows = written["rows"]
    assert [(row["kind"], row["site"]) for row in rows] == [
        (kind, name) for kind in (POLL, SCAN) for name in SITES
    ]
    for row in rows:
        assert row["errors"] == {}
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert min(row["per_second"], row["web_ms"], row["database_ms"], row["client_ms"]) > 0
    assert "quality.pool" in said
    for text in capacity.markdown(capacity.merged([output])).values():
        assert f"processors, Python {platform.python_version()}, load before" in text


def test_each_site_has_its_own_way_to_the_same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_BACKEND", OURS)
    rivals = importlib.import_module("tests.benchmarks.rivals")
    found = {name: rivals.database_of(name) for name in SITES if name != SERVED}
    assert {name: (one["ENGINE"], one["CONN_MAX_AGE"]) for name, one in found.items()} == {
        OURS: ("quality.pool", 0),
        STOCK: ("django.db.backends.mysql", None),
        STOCK_CLOSING: ("django.db.backends.mysql", 0),
        OTHER_POOL: ("dj_db_conn_pool.backends.mysql", 0),
    }
    assert [name for name, one in found.items() if "pool" in one["OPTIONS"]] == [OURS]
    # All else is the same.
    for one in found.values():
        one["OPTIONS"] = {name: one["OPTIONS"][name] for name in one["OPTIONS"] if name != "pool"}
        del one["ENGINE"], one["CONN_MAX_AGE"]
    assert all(one == found[OURS] for one in found.values())


@pytest.mark.bench
def test_a_crowd_is_refused_where_each_thread_has_a_connection_and_not_here(
    server: PrivateMariaDB, tmp_path: Path
) -> None:
    rows = crowding.measure(
        server,
        tmp_path,
        seconds=1.0,
        progress=quiet,
        setups=((2, 50),),
        sites=(SERVED, STOCK),
    )
    ours, stock = rows
    assert ours["errors"] == {}
    assert ours["answered"] > 0
    # Two workers share what the budget leaves: 30 less 10.
    assert ours["connections"] <= 22
    assert stock["errors"].get("503", 0) > 0
    said = crowding.report(rows)
    assert said.count("0: reached") == 1
    assert "NOT REACHED" in crowding.report([ours | {"errors": {"503": 1}}])
    assert crowding.report([]) == ""


@pytest.mark.bench
def test_stations_scan_and_nothing_is_lost(server: PrivateMariaDB, tmp_path: Path) -> None:
    [row] = stations.measure(server, tmp_path, [20], seconds=6.0, start_seconds=6.0, progress=quiet)
    assert row["confirmed"] > 0
    assert row["lost"] == row["refused"] == row["waiting"] == 0
    assert row["scans_per_second"] > 0
    assert min(row["web_processors"], row["database_processors"], row["clients_processors"]) > 0
    assert 20 < row["worker_mb"] < 500
    assert "20 stations" in stations.report([row])
    assert "NOT REACHED" not in stations.report([row])
    assert "NOT REACHED" in stations.report([row | {"lost": 1}])
    assert stations.report([]) == ""


def test_each_site_follows_each_other_equally_often() -> None:
    assert len(ORDERS) == 2 * len(SITES)
    followed = Counter(pair for order in ORDERS for pair in itertools.pairwise(order))
    assert set(followed.values()) == {2}
    assert len(followed) == len(SITES) * (len(SITES) - 1)
    for place in range(len(SITES)):
        assert set(Counter(order[place] for order in ORDERS).values()) == {2}


def load(per_second: int, p99_ms: int) -> Load:
    return Load(1.0, [p99_ms * 1000] * per_second, Counter({"201": per_second}), 1.0, 1.0, 0.1)


@pytest.mark.parametrize(
    ("stock", "closing", "reached"),
    [
        (load(100, 50), load(66, 50), {STOCK: [True, True], STOCK_CLOSING: [True, True]}),
        (load(101, 50), load(67, 50), {STOCK: [False, True], STOCK_CLOSING: [False, True]}),
        (load(100, 49), load(66, 49), {STOCK: [True, False], STOCK_CLOSING: [True, False]}),
    ],
)
def test_more_requests_and_no_longer_waits_are_the_aim(
    stock: Load, closing: Load, reached: dict[str, list[bool]]
) -> None:
    ours = load(100, 50)
    both = {SERVED: ours, OURS: ours, STOCK: stock, STOCK_CLOSING: closing, OTHER_POOL: ours}
    loads = {SCAN: {100: [both, both]}}
    rows = [
        row for row in endtoend.ratios_of(loads) if row["site"] == SERVED and row["aim"] is not None
    ]
    found = {other: [row["reached"] for row in rows if row["other"] == other] for other in reached}
    assert found == reached
    said = endtoend.report(loads)
    missed = sum(not one for both_aims in reached.values() for one in both_aims)
    assert said.count("NOT REACHED") == 2 * missed


def test_what_fails_is_told_by_status() -> None:
    failing = load(100, 50)
    failing.statuses = Counter({"201": 90, "503": 9, "0": 1})
    assert failing.errors == {"503": 9, "0": 1}
    assert load(100, 50).errors == {}


def test_a_section_of_the_guide_is_renewed_and_a_missing_one_told() -> None:
    guide = "a\n<!-- bench: crowd -->\nold\n<!-- /bench -->\nb\n"
    assert capacity.put(guide, {"crowd": "new"}) == (
        "a\n<!-- bench: crowd -->\nnew\n<!-- /bench -->\nb\n"
    )
    with pytest.raises(ValueError, match="0 sections"):
        capacity.put(guide, {"stations": "new"})


def test_the_guide_has_a_place_for_each_table() -> None:
    guide = capacity.GUIDE.read_text()
    assert capacity.put(guide, dict.fromkeys(capacity.SECTIONS, "new")) != guide


def test_a_processor_carries_the_more_stations_the_less_a_scan_costs() -> None:
    row = {"web_processors": 0.3, "database_processors": 0.1, "scans_per_second": 100.0}
    assert capacity.scan_seconds(row) == pytest.approx(0.004)
