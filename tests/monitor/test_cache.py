"""A Redis is reported when there is to be one, and not needed."""

import re
import socket
import threading

import pytest
from django.test import Client

from tests.faults import free_port

ANSWERS = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"PING": b"+PONG\r\n"}


@pytest.fixture
def redis_url():
    """Something that agrees to everything that it is told in Redis' protocol."""
    with socket.create_server(("127.0.0.1", free_port())) as listener:

        def agree() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    while data := client.recv(65536):
                        for name in re.findall(rb"(?m)^\*\d+\r\n\$\d+\r\n(\w+)\r$", data):
                            client.sendall(ANSWERS.get(name, b"+OK\r\n"))

        thread = threading.Thread(target=agree, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def health(settings, url: str):
    settings.REDIS_URL = url
    return Client().get("/health/")


def test_without_one_nothing_is_said(db, settings):
    assert "cache" not in health(settings, "").json()


def test_one_that_answers_is_reported(db, settings, redis_url):
    found = health(settings, redis_url).json()
    assert found["cache"] == {"status": "reachable", "error": ""}
    assert found["status"] == "healthy"


def test_one_that_is_away_is_a_warning_and_no_reason_to_stop_serving(db, settings):
    response = health(settings, f"redis://127.0.0.1:{free_port()}/0")
    assert response.status_code == 200
    assert response.json()["status"] == "warning"
    assert response.json()["cache"]["status"] == "unreachable"
    assert "refused" in response.json()["cache"]["error"]


def test_one_that_is_silent_is_not_waited_for(db, settings):
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        found = health(settings, f"redis://127.0.0.1:{silent.getsockname()[1]}/0").json()
    assert found["cache"]["status"] == "unreachable"
    assert found["status"] == "warning"


def test_an_address_that_is_none_is_said(db, settings):
    found = health(settings, "redis://127.0.0.1:99999/0").json()
    assert found["cache"]["error"] == "Port out of range 0-65535"
