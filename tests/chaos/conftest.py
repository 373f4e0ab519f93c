"""The programs that watch the house, as `make chaos` has unpacked them; its table."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from quality.start.tools import find_tool
from tests.chaos.report import Report
from tests.serving import ROOT

REPORT = pytest.StashKey[Report]()
TABLE = ROOT / (os.environ.get("VAR_DIR") or "var") / "chaos" / "table.md"
TITLE = "faults, with a tenth of the alerts' real times; seconds: usual (longest)"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """`tool("promtool")` is the program; without it a test fails, and says what brings it."""

    def find(name: str) -> Path:
        path = find_tool(name, os.environ)
        assert path is not None, f"{name} is missing. `make chaos` brings it."
        return path

    return find


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What the faults showed, printed at the end."""
    report = Report()
    pytestconfig.stash[REPORT] = report
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = config.stash.get(REPORT, None)
    if found is not None and (found.rows or found.judged):
        found.write(TABLE)
        terminalreporter.section(f"faults: {TABLE}")
        for line in found.told():
            terminalreporter.line(line)
    if found is not None and found.rows:
        terminalreporter.section(TITLE)
        for line in found.lines():
            terminalreporter.line(line)
