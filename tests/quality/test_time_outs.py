"""Whoever waits gives up in order: each before the one that waits for it."""

import os
import re
import runpy
from typing import Any

import pytest

from scans.simulation import session
from tests.docker.compose import services
from tests.serving import ROOT

SERVER_JS = ROOT / "scans" / "static" / "scans" / "server.js"
OURS = ("DB_READ_TIMEOUT", "DB_STATEMENT_TIMEOUT", "SHUTDOWN_DELAY", "DEVELOPMENT")


@pytest.fixture
def environ(monkeypatch) -> dict[str, str]:
    """As gunicorn's configuration leaves it in production when nobody sets anything."""
    found = {name: value for name, value in os.environ.items() if name not in OURS}
    monkeypatch.setattr(os, "environ", found)
    return found


@pytest.fixture
def configuration(environ) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docker" / "gunicorn.conf.py"))


def test_time_outs_are_in_order(configuration, environ):
    in_page = re.search(r"^const TIMEOUT_SECONDS = (\d+);", SERVER_JS.read_text(), re.MULTILINE)
    assert in_page is not None
    station = int(in_page[1])
    assert station == session.TIMEOUT_SECONDS
    leaving = configuration["_shutdown_delay_seconds"] + configuration["graceful_timeout"]
    seconds = {
        "the server ends a statement": int(environ["DB_STATEMENT_TIMEOUT"]),
        "a request gives up the server": int(environ["DB_READ_TIMEOUT"]),
        "a station gives up a request": station,
        "gunicorn gives up requests in flight": configuration["graceful_timeout"],
        "and has ended, after it said so": leaving,
        "docker kills it": int(services()["web"]["stop_grace_period"].removesuffix("s")),
    }
    given = list(seconds.values())
    assert given == sorted(set(given)), seconds


def test_gunicorn_takes_no_orders_by_a_socket(configuration):
    assert configuration["control_socket_disable"] is True
