"""A process says whether it lives, and whether it can serve, in time."""

import os
import signal
import time

import pytest
from django.test import Client


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def test_a_process_with_a_database_is_ready(client, spare_server):
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "database": "reachable"}
    assert "no-store" in response["Cache-Control"]


def test_readiness_falls_and_returns_with_the_server(client, spare_server):
    spare_server.stop()
    response = client.get("/health/ready")
    assert response.status_code == 503
    # Open to everybody, so it tells nobody's name, address or error.
    assert response.json() == {"status": "unavailable", "database": "unreachable"}
    assert client.get("/health/live").status_code == 200
    spare_server.start()
    assert client.get("/health/ready").status_code == 200


def test_a_frozen_server_is_not_waited_for(client, spare_server):
    os.kill(spare_server.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert client.get("/health/ready").status_code == 503
        # The time-out of 1 s, and room for a busy machine.
        assert time.monotonic() - started < 3
        assert client.get("/health/live").status_code == 200
    finally:
        os.kill(spare_server.pid, signal.SIGCONT)
    assert client.get("/health/ready").status_code == 200


def test_a_probe_may_ask_without_reading(client, spare_server):
    assert client.head("/health/ready").status_code == 200
    assert client.post("/health/ready").status_code == 405
