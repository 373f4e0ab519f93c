"""What is due again and again is done by one process of a real gunicorn."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Proxy
from tests.serving import Database, Site, running

CHORES = "tests.quality.chore_settings"


@pytest.fixture(scope="module")
def database(mariadb_home) -> Iterator[Database]:
    return Database(PrivateMariaDB(mariadb_home), "quality_chores")


@pytest.fixture(scope="module")
def prepared(database, tmp_path_factory) -> Database:
    Site(database, tmp_path_factory.mktemp("first")).prepare()
    return database


@pytest.fixture
def site(prepared, tmp_path) -> Iterator[Site]:
    site = Site(
        prepared, tmp_path, DJANGO_SETTINGS_MODULE=CHORES, CHORES_INTERVAL="1",
        PYTHONPATH=os.getcwd(), DB_LEDGER=str(tmp_path / "ledger"),
    )  # fmt: skip
    with running(site):
        yield site


def done(site: Site) -> list[tuple[int, str]]:
    """Who did what, the oldest first."""
    path = Path(site.env["VAR_DIR"]) / "done"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), what) for pid, _blank, what in (line.partition(" ") for line in lines)]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def count(site: Site, what: str) -> int:
    return sum(text == what for _pid, text in done(site))


def errors(site: Site) -> str:
    path = Path(site.env["LOG_DIR"], "errors.log")
    return path.read_text() if path.exists() else ""


def test_one_worker_does_them_and_gives_its_connection_back(site):
    wait_for(lambda: count(site, "asked") >= 3)
    pids = {pid for pid, _what in done(site)}
    assert len(pids) == 1
    assert pids <= set(site.worker_pids)
    assert len(site.worker_pids) == 2
    total = json.loads(site.manage("poolstatus", "--json").stdout)["total"]
    assert total["in_use"] == 0
    lines = Path(site.env["LOG_DIR"], "database.log").read_text()
    assert "chore tests.quality.sample_chores.asks_the_database" in lines


def test_a_chore_that_fails_is_logged_once_and_ends_no_other(site):
    wait_for(lambda: count(site, "failed") >= 4)
    assert count(site, "asked") >= 3
    assert errors(site).count("sample_chores.fails failed") == 1
    assert errors(site).count("sample_chores.is_not_there failed") == 1
    assert "number" in errors(site)


def test_another_worker_goes_on_when_the_one_is_killed(site):
    wait_for(lambda: count(site, "asked") >= 1)
    leader = done(site)[0][0]
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: any(pid != leader for pid, _what in done(site)))


def test_a_chore_under_way_holds_up_no_end(site):
    Path(site.env["VAR_DIR"], "wait").touch()
    wait_for(lambda: count(site, "waits") == 1)
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 10


def test_without_the_database_they_wait_and_go_on(prepared, tmp_path):
    server = prepared.server
    with Proxy(str(server.socket)) as proxy:
        host, port = proxy.address
        url = prepared.url.split("?")[0].replace("@localhost", f"@{host}:{port}")
        site = Site(
            prepared, tmp_path, DJANGO_SETTINGS_MODULE=CHORES, CHORES_INTERVAL="1",
            PYTHONPATH=os.getcwd(), DB_LEDGER=str(tmp_path / "ledger"), DATABASE_URL=url,
        )  # fmt: skip
        with running(site):
            wait_for(lambda: count(site, "asked") >= 1)
            proxy.stop()
            proxy.cut()
            before = count(site, "failed")
            wait_for(lambda: count(site, "failed") >= before + 4)
            log = Path(site.env["LOG_DIR"], "application.log")
            assert log.read_text().count("asks_the_database waits for the database") == 1
            assert "asks_the_database" not in errors(site)
            asked = count(site, "asked")
            proxy.start()
            wait_for(lambda: count(site, "asked") > asked)
            wait_for(lambda: "asks_the_database works again" in log.read_text())


def test_they_can_be_switched_off(prepared, tmp_path):
    site = Site(
        prepared, tmp_path, DJANGO_SETTINGS_MODULE=CHORES, CHORES_INTERVAL="0",
        PYTHONPATH=os.getcwd(), DB_LEDGER=str(tmp_path / "ledger"),
    )  # fmt: skip
    with running(site):
        time.sleep(2.5)
    assert done(site) == []
