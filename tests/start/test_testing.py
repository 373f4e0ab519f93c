from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.server import ROOT

PARTS = ("one", "two", "three")
PASSING = "def test_it(): print('here is {0}')"
FAILING = "def test_it(): assert 'here' == '{0}'"
# Says that it runs, and goes on until it is ended.
ENDLESS = """
import time
from pathlib import Path
def test_it():
    Path(__file__).with_suffix(".runs").touch()
    while True:
        time.sleep(0.01)
"""
COMMAND = """
import sys
from pathlib import Path
from quality.start import testing
from quality.start.signals import Stopped, stop_signals
home = Path(sys.argv[1])
try:
    with stop_signals():
        usual = ("-p", "no:cacheprovider", "-c", "pyproject.toml", "-s")
        parts = {name: (*usual, str(home / f"test_{name}.py")) for name in ("one", "two", "three")}
        sys.exit(testing.run(parts, home))
except Stopped:
    sys.exit(99)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for server in servers(tmp_path):
        server.stop()


def servers(home: Path) -> list[PrivateMariaDB]:
    return [PrivateMariaDB(home / part / "tests" / "mariadb") for part in PARTS]


def run(home: Path, *tests: str, coverage: str = "") -> subprocess.Popen[str]:
    for part, text in zip(PARTS, tests, strict=True):
        (home / f"test_{part}.py").write_text(text.format(part))
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, home],
        cwd=ROOT,
        env=os.environ | {"COVERAGE": coverage},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        ((PASSING, PASSING, PASSING), 0),
        ((PASSING, FAILING, PASSING), 1),
        ((FAILING, PASSING, PASSING), 1),
        ((PASSING, PASSING, FAILING), 1),
    ],
)
def test_all_parts_run_and_each_may_fail_the_whole(
    home: Path, tests: tuple[str, ...], code: int
) -> None:
    process = run(home, *tests)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == code, output
    assert output.index("here is one" if tests[0] == PASSING else "1 failed") < output.index("two")
    assert output.index("= two =") < output.index("= three =")
    assert output.count("1 passed") == tests.count(PASSING)
    assert "TOTAL" not in output


def test_coverage_is_of_all_parts_and_on_demand(home: Path) -> None:
    output, _ = run(home, PASSING, PASSING, PASSING, coverage="1").communicate(timeout=180)
    assert output.count("1 passed") == 3
    assert output.count("TOTAL") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_leaves_no_server(home: Path, number: signal.Signals) -> None:
    process = run(home, ENDLESS, ENDLESS, ENDLESS)
    with process:
        deadline = time.monotonic() + 60
        while not all((home / f"test_{part}.runs").exists() for part in PARTS):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.05)
        assert [server.status() for server in servers(home)] == ["running"] * 3
        process.send_signal(number)
        process.communicate(timeout=180)
    assert process.returncode == 99
    assert [server.status() for server in servers(home)] == ["stopped"] * 3
