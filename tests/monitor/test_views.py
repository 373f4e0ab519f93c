"""Who may watch sees everything, in time, and for no statement."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from quality.monitor import history, passes, views
from quality.monitor.server import Server
from quality.monitor.workers import place_of
from quality.pool.base import DatabaseWrapper
from tests.faults import frozen
from tests.monitor.sample import sample
from tests.monitor.test_history import stored

HEALTH = ("/health/live", "/health/ready", "/health/", "/health/database")
ADDRESSES = ("/monitor/pool", "/monitor/history", *HEALTH)


@pytest.fixture
def admin(transactional_db, client_of) -> Client:
    """An administrator with a pass."""
    client = client_of("admin")
    assert client.get("/monitor/pool").status_code == 200
    connections.close_all()
    return client


@contextmanager
def exhausted_pool(django_db_blocker):
    """All connections of this process are lent, and somebody waits."""
    pool = connection.pool
    alias, settings = connection.alias, connection.settings_dict
    wrappers = [DatabaseWrapper(settings, alias) for _ in range(pool.options.max_size)]
    with django_db_blocker.unblock():
        for wrapper in wrappers:
            wrapper.ensure_connection()
        yield
        for wrapper in wrappers:
            wrapper.close()


def test_everything_is_in_it(admin):
    found = admin.get("/monitor/pool").json()
    assert set(found) == {
        *("at", "host", "status", "thresholds", "total", "workers", "sums", "server"),
        *("server_error", "budget", "alerts", "recent", "interval_seconds", "leader"),
    }
    (worker,) = [one for one in found["workers"] if one["limit"] == found["total"]["limit"]]
    assert set(worker["waits"]) == {"count", "p50", "p95", "p99"}
    assert worker["status"] == "healthy"
    assert found["total"].keys() == {"limit", "open", "idle", "in_use", "waiting", "percent"}
    assert sum(found["sums"]["closes"].values()) >= 0
    assert found["budget"]["sum"] == found["budget"]["processes"] * found["budget"]["size"]


def test_with_a_pass_it_costs_no_statement(admin, django_assert_num_queries):
    with django_assert_num_queries(0):
        borrowed = connection.pool.page.numbers().waits.count
        assert admin.get("/monitor/pool").status_code == 200
    assert connection.pool.page.numbers().waits.count == borrowed


def test_the_history_of_all_hosts_is_answered(admin):
    server = Server()
    stored(server, [sample(time.time() - 20, limit=4)], host="one")
    stored(server, [sample(time.time() - 20, limit=8)], host="other")
    server.close()
    found = admin.get("/monitor/history?hours=2").json()
    assert {host: columns["limit"] for host, columns in found["hosts"].items()} == {
        "one": [4],
        "other": [8],
    }


def test_a_long_history_is_answered_however_long_it_takes_to_add_up(admin, monkeypatch):
    """A week of three hosts is more than the server's share of a second."""
    with closing(Server()) as server:
        stored(server, [sample(time.time() - 20)], host="one")
    usual = history.thinned

    def slow(*rows: Any) -> history.Columns:
        time.sleep(views.HISTORY_SECONDS + 0.1)
        return usual(*rows)

    monkeypatch.setattr(history, "thinned", slow)
    assert admin.get("/monitor/history?hours=168").status_code == 200


@pytest.mark.parametrize("hours", ["0", "-1", "169", "x", "1e9", ""])
def test_hours_that_cannot_be_meant_are_refused(admin, hours):
    assert admin.get(f"/monitor/history?hours={hours}").status_code == 400


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_exhausted_pool_is_not_waited_for(admin, address, django_db_blocker):
    with exhausted_pool(django_db_blocker):
        started = time.monotonic()
        answers = [admin.get(address, REMOTE_ADDR="203.0.113.7") for _ in range(2)]
        assert time.monotonic() - started < 2
    assert {answer.status_code for answer in answers} == {200}
    if address in ("/monitor/pool", "/health/", "/health/database"):
        assert {answer.json()["status"] for answer in answers} == {"critical"}


def test_a_check_of_the_pass_and_the_history_share_one_second(
    admin, monkeypatch, spare_server, django_db_blocker
):
    """Each waits for a server that is silent; the quickest of some answers counts."""
    really = time.time
    took_seconds = []
    with frozen(spare_server), django_db_blocker.unblock():
        monkeypatch.setattr(time, "time", lambda: really() + passes.FRESH_SECONDS + 1)
        for _ in range(3):
            monkeypatch.setattr(passes, "_ask_again_at", 0.0)
            began = time.monotonic()
            assert admin.get("/monitor/history").status_code == 503
            took_seconds.append(time.monotonic() - began)
    # What the test database is emptied with must not look for the spare server.
    monkeypatch.undo()
    assert min(took_seconds) < 1


def test_details_of_health_are_for_who_may_see_the_pools(admin, client_of):
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert "pool" in admin.get("/health/", **elsewhere).json()
    assert set(client_of("operator").get("/health/", **elsewhere).json()) == {"status"}
    assert set(Client().get("/health/database", **elsewhere).json()) == {"status"}
    assert set(
        Client().get("/health/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="x").json()
    ) == {"status"}
    local = Client().get("/health/database", REMOTE_ADDR="127.0.0.1").json()
    assert local["database"]["status"] == "reachable"
    assert place_of().database in {worker["database"] for worker in local["pool"]["workers"]}


def test_probes_do_not_queue_up_behind_a_server_that_is_silent(spare_server):
    """Ten of them, and two threads for probes: the last one is answered in time too."""
    with frozen(spare_server), ThreadPoolExecutor(2) as threads:
        started = time.monotonic()
        probes = [threads.submit(Client().get, "/health/database") for _ in range(10)]
        assert {probe.result(30).status_code for probe in probes} == {503}
        assert time.monotonic() - started < 2.5
