"""Three real workers are watched, whatever becomes of them, of the pool and of the server."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.agreement import agree
from tests.faults import Administrator, frozen
from tests.serving import PASSWORD, Browser, Database, Site, running
from tests.stations import stations_at

WORKERS, POOL_SIZE, THREADS = 3, 2, 6
INTERVAL_SECONDS = 1.0
# All have to answer within it. Somebody else may use the machine just then, so the quickest of
# some answers counts.
IN_TIME_SECONDS = 1.0
TRIES = 3
HEALTH = ("/health/live", "/health/ready", "/health/", "/health/database")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    with running(PrivateMariaDB(tmp_path_factory.mktemp("db"))) as server:
        yield server


@pytest.fixture(scope="module")
def prepared(server, tmp_path_factory) -> Iterator[Site]:
    site = Site(
        Database(server, "quality_watched"),
        tmp_path_factory.mktemp("site"),
        workers=WORKERS,
        WEB_THREADS=str(THREADS),
        DB_POOL_SIZE=str(POOL_SIZE),
        DB_POOL_TIMEOUT="20",
        DB_READ_TIMEOUT="20",
        MONITOR_INTERVAL=str(INTERVAL_SECONDS),
    )
    site.prepare()
    with running(site):
        yield site


@pytest.fixture
def site(prepared, server) -> Site:
    """The site with all its workers, and a fresh sample."""
    server.start()
    eventually(lambda: (look := status(prepared))["total"]["limit"] == 6 and is_fresh(look))
    return prepared


def eventually(condition: Callable[[], object], seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)
    return found


def get(site: Site, address: str, **headers: str) -> tuple[int, Any, float]:
    """Status and body of an answer, and the seconds that it took."""
    started = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)) as client:
        client.request("GET", address, headers=headers)
        response = client.getresponse()
        body = response.read()
    seconds = time.monotonic() - started
    is_json = response.getheader("Content-Type") == "application/json"
    return response.status, json.loads(body) if is_json else body, seconds


def get_in_time(site: Site, address: str) -> tuple[int, Any]:
    answers = [get(site, address) for _ in range(TRIES)]
    assert min(seconds for *_, seconds in answers) < IN_TIME_SECONDS, address
    return answers[0][:2]


def status(site: Site) -> dict[str, Any]:
    """Like poolstatus, without the seconds that a command needs to start."""
    _, health, _ = get(site, "/health/database")
    return {**health["pool"], **{name: health[name] for name in ("status", "leader", "history")}}


def is_fresh(look: dict[str, Any]) -> bool:
    age = look["leader"]["age_seconds"]
    return age is not None and age <= 2 * INTERVAL_SECONDS


def pids(look: dict[str, Any]) -> set[int]:
    return {worker["pid"] for worker in look["workers"]}


@contextmanager
def exhausted(site: Site, server: PrivateMariaDB) -> Iterator[None]:
    """Requests hold all connections of at least one worker, and more of them wait there."""
    locker = Administrator(server)
    locker.query(f"LOCK TABLES {site.database.name}.accounts_session WRITE")
    cookie = "sessionid=abcdefghijklmnopqrstuvwxyz012345"
    readers = [
        threading.Thread(target=get, args=(site, "/scans/recent/"), kwargs={"Cookie": cookie})
        for _ in range(WORKERS * THREADS * 2)
    ]
    try:
        for reader in readers:
            reader.start()
        eventually(
            lambda: (look := status(site))["total"]["waiting"] and look["status"] == "critical"
        )
        yield
    finally:
        locker.__exit__()
        for reader in readers:
            reader.join(60)


def test_every_worker_is_seen_before_it_is_used_and_costs_no_connection(site, server):
    look = status(site)
    assert {worker["kind"] for worker in look["workers"]} == {"web worker"}
    assert [worker["limit"] for worker in look["workers"]] == [POOL_SIZE] * WORKERS


def test_under_load_all_agree_on_the_connections_and_again_after_a_worker_was_killed(site, server):
    """Page, metrics, health, command and the server's own list."""
    watcher = Browser(site.url, PASSWORD, user="admin")
    with stations_at(site, 6) as stations, Administrator(server) as administrator:
        eventually(lambda: len(stations.confirmed) >= 6)
        found, _ = agree(site, watcher, administrator, seconds=15)
        assert found["/monitor/pool"] > 0
        victim = site.worker_pids[0]
        os.kill(victim, signal.SIGKILL)
        # Beside other tests; alone on the machine `make chaos` holds it to 5 s.
        agree(site, watcher, administrator, seconds=15)
        assert victim not in pids(status(site))
        # The sample's own count, of the moment in which it was taken.
        facts = eventually(
            lambda: (
                (one := json.loads(watcher.get("/monitor/pool")))["server"]
                and one["server"]["own_connections"] == one["total"]["open"] + 1
                and one
            )
        )
    assert facts["budget"]["sum"] == WORKERS * POOL_SIZE


def test_when_the_leader_is_killed_the_samples_go_on(site):
    before = status(site)
    leader = before["leader"]["pid"]
    killed_at = time.time()
    os.kill(leader, signal.SIGKILL)
    after = eventually(
        lambda: (
            (look := status(site))["leader"]["pid"] != leader
            and look["history"][-1]["at"] > killed_at
            and look
        )
    )
    # From the last one before to the first one after, with a tenth for this machine.
    times = [one["at"] for one in after["history"]]
    first = next(at for at in times if at > killed_at)
    last = max(at for at in times if at <= killed_at)
    assert first - last <= 2 * INTERVAL_SECONDS + 0.1
    assert after["leader"]["pid"] in pids(after)
    # The samples of the one that was killed are not lost.
    assert before["history"][-1]["at"] in times


def test_when_a_worker_is_killed_the_totals_are_right_again(site):
    before = status(site)
    victim = next(iter(pids(before) - {before["leader"]["pid"]}))
    os.kill(victim, signal.SIGKILL)
    killed_at = time.monotonic()
    eventually(lambda: victim not in pids(look := status(site)) and look["total"]["limit"] == 6)
    assert time.monotonic() - killed_at < 15


def test_an_exhausted_pool_is_said_at_once_and_its_end_too(site, server):
    with exhausted(site, server):
        for address in HEALTH:
            code, body = get_in_time(site, address)
            # It serves, however slowly: nobody shall take it away or restart it.
            assert code == 200, (address, body)
        assert status(site)["status"] == "critical"
        assert status(site)["total"]["waiting"] > 0
        said = site.manage("poolstatus")
        assert said.returncode == 2
        assert "critical" in said.stdout
        assert "lends to" in said.stdout
        eventually(lambda: status(site)["history"][-1]["status"] == "critical")
    eventually(lambda: status(site)["status"] == "healthy")
    eventually(lambda: status(site)["history"][-1]["status"] == "healthy")


@pytest.mark.parametrize("how", ["frozen", "stopped"])
def test_a_server_that_is_away_is_said_at_once_and_its_return_too(site, server, how):
    @contextmanager
    def stopped(server: PrivateMariaDB) -> Iterator[None]:
        server.stop()
        yield
        server.start()

    began_at = time.time()
    with {"frozen": frozen, "stopped": stopped}[how](server):
        for address in HEALTH:
            code, body = get_in_time(site, address)
            assert code == (200 if address == "/health/live" else 503)
            assert body["status"] in ("alive", "unavailable", "critical")
        # The samples go on, without a gap, and say why.
        eventually(
            lambda: (
                sum(
                    bool(one["server_error"]) and one["at"] > began_at
                    for one in status(site)["history"]
                )
                >= 3
            )
        )
        said = site.manage("poolstatus")
        assert said.returncode == 2
        assert "Server: away" in said.stdout
    eventually(lambda: status(site)["history"][-1]["server_error"] == "")
    assert status(site)["status"] == "healthy"
    times = [one["at"] for one in status(site)["history"] if one["at"] > began_at - 2]
    gaps = [later - one for one, later in pairwise(times)]
    # A frozen server costs its time-outs.
    assert max(gaps) < 4 * INTERVAL_SECONDS


def test_details_are_not_told_to_strangers(site):
    for address in ("/health/", "/health/database"):
        code, body, _ = get(site, address, **{"X-Forwarded-For": "203.0.113.7"})
        assert code == 200
        assert body == {"status": "healthy"}


def test_the_report_is_logged(site):
    log = site.log.parent / "log" / "database.log"
    eventually(lambda: " active, " in log.read_text())
    assert "quality.database: Pool: 0 active, 0 idle, 0 total, max " in log.read_text()


def test_the_monitor_leaves_the_server_politely_and_is_missed(site, server):
    with Administrator(server) as administrator:
        aborted = administrator.status("Aborted_clients")
        site.stop()
        try:
            assert administrator.connections() == []
            assert administrator.status("Aborted_clients") == aborted
            said = eventually(
                lambda: (one := site.manage("poolstatus")).returncode == 1 and one
            ).stdout
        finally:
            site.start()
    assert "web worker" not in said
    assert "MonitorSilent" in said
    assert "See /monitor/runbook#monitorsilent" in said
    # Its first line agrees with its exit code.
    assert said.splitlines()[0].endswith(": warning")


def test_readiness_falls_first_at_shutdown(prepared, server, tmp_path):
    site = Site(Database(server, "quality_watched"), tmp_path, workers=1, SHUTDOWN_DELAY="3")
    site.start()
    try:
        site.signal(signal.SIGTERM)
        eventually(lambda: get(site, "/health/ready")[0] == 503)
        # Who has not heard of it yet is served.
        assert get(site, "/health/ready")[1] == {"status": "leaving"}
        assert get(site, "/accounts/login/")[0] == 200
        assert get(site, "/health/live")[0] == 200
        eventually(lambda: not site.is_running)
        assert "Traceback" not in site.messages()
    finally:
        site.stop()


def test_poolstatus_can_be_watched(site):
    process = subprocess.Popen(
        site.command("poolstatus", "--json", "--watch", "0.2"),
        env=site.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert [len(look["workers"]) for look in looks] == [WORKERS] * 3
