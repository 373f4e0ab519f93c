"""The programs that watch the house, as `make chaos` has unpacked them; its table."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.start.tools import find_tool
from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.faults import Proxy
from tests.serving import ROOT, Database, Site, running

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


# ----- A site at which stations and a page scan, for modules that break it


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    with running(PrivateMariaDB(tmp_path_factory.mktemp("db"))) as server:
        yield server


@pytest.fixture(scope="module")
def to_database(server) -> Iterator[Proxy]:
    """The site's way to its database."""
    with Proxy(str(server.socket)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(server, to_database, tmp_path_factory) -> Iterator[Site]:
    database = Database(server, "quality_chaos")
    address = f"127.0.0.1:{to_database.port}"
    url = database.url.partition("?")[0].replace("localhost", address)
    site = Site(database, tmp_path_factory.mktemp("site"), DATABASE_URL=url)
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def to_site(site) -> Iterator[Proxy]:
    """The way of all stations to the site."""
    with Proxy(("127.0.0.1", site.port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def rig(site, to_site) -> Iterator[Rig]:
    with Rig(f"http://127.0.0.1:{to_site.port}", site.database) as rig:
        yield rig
