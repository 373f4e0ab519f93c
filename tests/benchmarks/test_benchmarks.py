"""The benchmark runs, and its arithmetic is right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import growth, reporting, watching
from tests.benchmarks.measuring import Case, Result
from tests.benchmarks.operations import BORROW, READ, RECORD
from tests.benchmarks.variants import OTHER_POOL, OURS, STOCK, VARIANTS
from tests.benchmarks.watching import PLAIN, UNWATCHED, WATCHED, Cost
from tests.faults import ROOT

# What watching costs is measured on three whole sites, which take their time to start.
POOL_ALONE = "--operations=borrow,SELECT,ORM,scan transaction"


def benchmark(var_dir: Path, *arguments: str, starts_sites: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.benchmarks", *arguments],
        cwd=ROOT,
        env=os.environ | {"VAR_DIR": str(var_dir)},
        timeout=300,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A pool that complains, a thread that fails: nothing of that kind. Whoever makes a site's
    # database tells of a slow disk.
    assert done.stderr == "" or starts_sites
    return done.stdout


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("b")


def test_a_tiny_run_measures_everything(var_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    said = benchmark(
        var_dir, "--rounds=1", "--seconds=0.01", "--threads=1", POOL_ALONE, f"--output={output}"
    )
    written = json.loads(output.read_text())
    assert len(written["results"]) == 4 * 2
    for line in written["results"]:
        assert all(len(line[variant]) == 1 and line[variant][0] > 0 for variant in VARIANTS)
    requests = written["requests"]
    assert requests[BORROW][STOCK] == 0
    assert requests[READ][STOCK] == 1
    # Stock Django turns autocommit off and on around SELECT, INSERT and COMMIT.
    assert requests[RECORD][STOCK] == 5
    assert len(written["aims"]) == len(reporting.AIMS)
    for word in ("borrow + return", "scan transaction", *VARIANTS, "Aims of quality.pool"):
        assert word in said


@pytest.mark.bench
def test_it_shows_where_the_time_goes(var_dir: Path) -> None:
    said = benchmark(var_dir, "--profile", "--operations=borrow")
    assert "dispatcher.py" in said
    assert "µs per operation under the profiler" in said


def test_a_ratio_is_of_the_same_round() -> None:
    result = Result(Case(READ, 1, "1 ms"), {OURS: [10, 20, 90], STOCK: [10, 10, 30]})
    assert result.median(OURS) == 20
    assert result.ratio(OURS, STOCK) == (2, 1, 3)
    assert result.ratio_of_best(OURS, STOCK) == 1


@pytest.mark.parametrize(("ours", "reached"), [(110, True), (111, False)])
def test_an_aim_is_reached_or_not(ours: float, reached: bool) -> None:
    result = Result(Case(READ, 1, "0 ms"), {OURS: [ours], STOCK: [100], OTHER_POOL: [200]})
    [aim] = reporting.judge([result])
    assert aim["reached"] is reached
    assert ("NOT REACHED" in reporting.verdicts([aim])) is not reached


@pytest.mark.parametrize(("watched", "verdict"), [(103, ": reached"), (104, "NOT REACHED")])
def test_the_cost_of_watching_is_judged(watched: float, verdict: str) -> None:
    plain = Cost([50], [50])
    sites = {WATCHED: Cost([watched], [watched]), UNWATCHED: Cost([100], [100]), PLAIN: plain}
    said = watching.report({1: [sites]})
    assert said.count(verdict) == 2
    assert f"{watched / 100:.3f} (" in said
    # What the worker does beside is told, and judged by nobody.
    assert said.count("2.000 (") == 2
    assert said.count("≤") == 2
    assert watching.report({}) == ""


def test_a_launch_is_judged_by_the_middle_half_of_its_rounds() -> None:
    watched = Cost([100, 101, 103, 200], [1, 2, 3, 4])
    sites = {WATCHED: watched, UNWATCHED: Cost([100] * 4, [1] * 4)}
    assert watching.ratio_of([sites], "passing") == pytest.approx((1.02, 1.02, 1.02))


def test_faster_means_less() -> None:
    result = Result(Case(RECORD, 1, "1 ms"), {OURS: [100], STOCK: [100]})
    assert [aim["reached"] for aim in reporting.judge([result])] == [False]


@pytest.mark.bench
def test_it_measures_how_cost_grows_with_the_number_of_scans(var_dir: Path) -> None:
    output = var_dir / "growth.json"
    said = benchmark(var_dir, "--operations=growth", "--rows=2000", f"--output={output}")
    sizes = json.loads(output.read_text())["growth"]
    assert list(sizes) == ["2000"]
    assert sizes["2000"]["board, running shift, ms"] > 0
    assert sizes["2000"]["report, today, overview, ms"] > 0
    # Far fewer than scans.
    assert 50 < sizes["2000"]["roll-ups by hour, rows"] < 200
    assert "growth: scans" in said
    assert "board ≤ 100 ms" in said
    # What takes gigabytes is gone.
    assert not (var_dir / "bench" / "growth").exists()


@pytest.mark.parametrize(
    ("slowest", "verdict"), [(100.0, "reached  board"), (100.1, "NOT REACHED  board")]
)
def test_the_slowest_size_decides_about_an_aim(slowest: float, verdict: str) -> None:
    sizes = {1000: {"board, ms": slowest}, 2000: {"board, ms": 1.0, "report, ms": 3.0}}
    said = growth.report(sizes).splitlines()
    assert said[-2].startswith(verdict)
    assert said[-1].startswith("reached  report")
    assert growth.report({}) == ""
