"""A process says whether it lives, and whether it can serve, in time."""

import contextlib
import os
import signal
import time

import pytest
from django.db import connection
from django.test import Client


@contextlib.contextmanager
def frozen_after_use(server):
    """Freeze a server that the pool has a fresh connection to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def await_ready(ask):
    """The answer when it says 200: a busy machine may not sign in within the probe's second."""
    deadline = time.monotonic() + 30
    while True:
        response = ask("/health/ready")
        if response.status_code == 200 or time.monotonic() > deadline:
            assert response.status_code == 200
            return response


def test_a_process_with_a_database_is_ready(client, spare_server):
    response = await_ready(client.get)
    assert response.json() == {"status": "ready", "database": "reachable"}
    assert "no-store" in response["Cache-Control"]


def test_readiness_falls_and_returns_with_the_server(client, spare_server, caplog):
    spare_server.stop()
    for address in ("/health/", "/health/database"):
        assert client.get(address).status_code == 503
    # Asked each second, they would fill the log of errors, and say nothing in it.
    assert not [record for record in caplog.records if record.name == "django.request"]
    response = client.get("/health/ready")
    assert response.status_code == 503
    # Open to everybody, so it tells nobody's name, address or error.
    assert response.json() == {"status": "unavailable", "database": "unreachable"}
    assert client.get("/health/live").status_code == 200
    spare_server.start()
    await_ready(client.get)


def test_a_frozen_server_is_not_waited_for(client, spare_server):
    os.kill(spare_server.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert client.get("/health/ready").status_code == 503
        # The time-out of 1 s, and room for a busy machine.
        assert time.monotonic() - started < 10
        assert client.get("/health/live").status_code == 200
    finally:
        os.kill(spare_server.pid, signal.SIGCONT)
    await_ready(client.get)


def test_a_request_does_not_wait_for_a_frozen_server_for_ever(
    client, spare_server, monkeypatch, django_db_blocker
):
    options = connection.settings_dict["OPTIONS"] | {"read_timeout": 1, "write_timeout": 1}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    client.cookies["sessionid"] = "some session"
    try:
        with django_db_blocker.unblock(), frozen_after_use(spare_server):
            started = time.monotonic()
            response = client.get("/scans/recent/")
            assert time.monotonic() - started < 20
        assert response.status_code == 503
        assert response.has_header("Retry-After")
    finally:
        connection.close()
        connection.close_pool()


def test_a_probe_may_ask_without_reading(client, spare_server):
    await_ready(client.head)
    assert client.post("/health/ready").status_code == 405
