"""Three workers under load lose their pool, their server's answers, their server, a worker."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from scans.simulation.simulation import Simulation
from tests.agreement import agree
from tests.chaos.asking import Answer, Asker, late
from tests.chaos.report import Report
from tests.chaos.watching import TOKEN, Alertmanager, Prometheus, await_true, watched
from tests.faults import Administrator, frozen
from tests.serving import PASSWORD, Browser, Database, Site, running
from tests.stations import stations_at

pytestmark = pytest.mark.chaos

WORKERS, STATIONS = 3, 30
# Rules are the real ones with a tenth of their times.
TIME_FACTOR = 0.1
# Such a rule's longest window, and room for a busy machine.
CLEAR_SECONDS = FIRE_SECONDS = 120
# All counts are right again so soon after a worker was killed.
AGREE_SECONDS = 5
TRIES = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    with running(PrivateMariaDB(tmp_path_factory.mktemp("db"))) as server:
        yield server


@pytest.fixture(scope="module")
def site(server, tmp_path_factory) -> Iterator[Site]:
    """With the sizes and time-outs of production."""
    home = tmp_path_factory.mktemp("site")
    site = Site(
        Database(server, "quality_chaos"),
        home,
        workers=WORKERS,
        DB_LEDGER=str(home / "ledger"),
        METRICS_TOKEN=TOKEN,
        MONITOR_INTERVAL="1",
        ALERT_TIME_FACTOR=str(TIME_FACTOR),
    )
    site.env["SITE_URL"] = site.url
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def stations(site) -> Iterator[Simulation]:
    with stations_at(site, STATIONS) as stations:
        yield stations


@pytest.fixture(scope="module")
def watcher(site, stations) -> Browser:
    """An administrator who has a pass."""
    browser = Browser(site.url, PASSWORD, user="admin")
    browser.get("/monitor/pool")
    return browser


@pytest.fixture(scope="module")
def prometheus(site, tool, tmp_path_factory) -> Iterator[Prometheus]:
    rules = site.manage("alertrules").stdout
    assert f"runbook_url: {site.url}/monitor/runbook#" in rules
    home = tmp_path_factory.mktemp("prometheus")
    alertmanager = Alertmanager()
    try:
        with watched(site, home, tool, rules=rules, told=alertmanager.address) as prometheus:
            yield prometheus
    finally:
        alertmanager.stop()


# ----- Faults


@contextlib.contextmanager
def exhausted(server: PrivateMariaDB, site: Site) -> Iterator[None]:
    """Every station's statement waits for a lock, and holds its connection meanwhile."""
    with Administrator(server) as locker:
        locker.query(f"LOCK TABLES {site.database.name}.scans_scan WRITE")
        yield


@contextlib.contextmanager
def silent(server: PrivateMariaDB, site: Site) -> Iterator[None]:
    with frozen(server):
        yield


@contextlib.contextmanager
def stopped(server: PrivateMariaDB, site: Site) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@dataclass(frozen=True)
class Fault:
    """What is broken, the alerts that tell, and patterns of what each address has to say of it."""

    title: str
    breaks: Callable[[PrivateMariaDB, Site], contextlib.AbstractContextManager[None]]
    alerts: tuple[str, ...]
    says: dict[str, str]


ANYWAY = {"/admin/monitor/pool/": "200 Connection pool", "/monitor/runbook": "200 Runbook"}
AWAY = ANYWAY | {
    "/monitor/pool": "200 critical: ",
    "/monitor/history": "503 No history just now",
    "/monitor/alerts": "DatabaseDown",
    "/health/live": "200 alive",
    "/health/ready": "503 unavailable",
    "/health/": "503 critical",
    "/health/database": "database unreachable",
    "/metrics": "db_server_up 0.0",
    "manage.py poolstatus": "exit 2 critical; critical DatabaseDown.*Server: away",
}
FULL = ANYWAY | {
    "/monitor/pool": "200 critical: ",
    "/monitor/history": "200 1 hosts",
    "/monitor/alerts": "PoolExhausted",
    "/health/live": "200 alive",
    "/health/ready": "200 ready",
    "/health/": "200 critical; pool critical",
    "/health/database": "200 critical; pool critical",
    "/metrics": "db_pool_health 2.0",
    "manage.py poolstatus": "exit 2 critical; critical PoolTimeouts, critical PoolExhausted",
}
FAULTS = (
    Fault("exhausted pool", exhausted, ("PoolTimeouts", "PoolExhausted"), FULL),
    Fault("frozen server", silent, ("DatabaseDown",), AWAY),
    Fault("stopped server", stopped, ("DatabaseDown",), AWAY),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_each_fault_is_told_in_time_and_its_end_too(
    server, site, stations, watcher, prometheus, report: Report, fault
):
    asker = Asker(site, watcher)
    answers: dict[str, Answer] = {}

    def active() -> set[str]:
        return {one["name"] for one in json.loads(watcher.get("/monitor/alerts"))["alerts"]}

    places: dict[str, Callable[[str], bool]] = {
        "/monitor/alerts": lambda name: name in active(),
        "Prometheus": lambda name: prometheus.state(name) == "firing",
    }
    await_each(places, fault.alerts, is_there=False)
    with fault.breaks(server, site):
        began = time.monotonic()
        # While it begins to be noticed, and again when it is known: then for what is said.
        asker.ask_all(answers, times=1)
        fired = await_each(places, fault.alerts, is_there=True, began=began)
        asker.ask_all(answers, times=TRIES)
    cleared = await_each(places, fault.alerts, is_there=False)
    report.add(fault.title, answers, fired, cleared)
    assert late(answers) == {}
    unsaid = {
        address: answers[address].said
        for address, pattern in fault.says.items()
        if not answers[address].has_said(pattern)
    }
    assert unsaid == {}


def await_each(
    places: dict[str, Callable[[str], bool]],
    alerts: tuple[str, ...],
    *,
    is_there: bool,
    began: float | None = None,
) -> dict[str, float]:
    """Seconds until each of the alerts was there, or gone, in each of the places."""
    began = time.monotonic() if began is None else began
    seconds: dict[str, float] = {}

    def are_all() -> bool:
        for place, has in places.items():
            for name in alerts:
                key = f"{name} {place}"
                if key not in seconds and has(name) == is_there:
                    seconds[key] = time.monotonic() - began
        return len(seconds) == len(places) * len(alerts)

    what = f"{', '.join(alerts)} {'there' if is_there else 'gone'}"
    await_true(what, are_all, FIRE_SECONDS if is_there else CLEAR_SECONDS)
    return seconds


def test_under_load_all_agree_and_again_after_a_worker_was_killed(
    server, site, stations, watcher, prometheus, report: Report
):
    with Administrator(server) as administrator:
        before, seconds = agree(site, watcher, administrator, seconds=60)
        report.counted("under load", before, seconds)
        victim = site.worker_pids[0]
        os.kill(victim, signal.SIGKILL)
        after, seconds = agree(site, watcher, administrator, seconds=60)
        report.counted("kill -9 of a worker", after, seconds)
        assert victim not in workers(watcher)
        await_true("its successor is there", lambda: len(workers(watcher)) == WORKERS, 60)
        report.counted("its successor is there", *agree(site, watcher, administrator, seconds=60))
    assert seconds < AGREE_SECONDS


def workers(watcher: Browser) -> list[int]:
    return [one["pid"] for one in json.loads(watcher.get("/monitor/pool"))["workers"]]


def test_no_scan_was_lost(server, site, stations, report: Report):
    """Each that was confirmed is there once, whatever had broken meanwhile."""
    confirmed = stations.confirmed[:]
    rows = site.database.run("SELECT uid FROM scans_scan")
    stored = {str(uid).replace("-", "") for (uid,) in rows}
    assert confirmed
    assert [one for one in confirmed if one.replace("-", "") not in stored] == []
    report.scans = len(confirmed)
