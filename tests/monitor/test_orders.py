"""An order reaches the worker it is for, is done once, and its answer comes back."""

import dataclasses
import json
import os
import stat
import subprocess
import sys
import time

import pytest
from django.db import connection, connections

from quality.monitor import orders

ME = os.getpid()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "ledger"
    path.mkdir(mode=0o700)
    return str(path)


@pytest.fixture
def pool(transactional_db):
    """The pool of this process, with an idle connection."""
    connection.ensure_connection()
    connection.close()
    return connections["default"].pool


def test_idle_connections_are_closed_by_order(folder, pool):
    idle = pool.stats().idle
    given = orders.give(ME, "default", "close idle", by="ana", directory=folder)
    assert orders.recent(folder) == [given]
    orders.obey(folder)
    (done,) = orders.recent(folder)
    assert idle >= 1
    assert (done.key, done.closed, done.to_come) == (given.key, idle, 0)
    assert done.done_at >= done.given_at
    assert done.given_by == "ana"
    assert pool.stats().idle == 0


def test_draining_closes_what_is_lent_when_it_returns(folder, pool):
    connection.ensure_connection()
    closes = pool.page.numbers().closes["pool closed"]
    idle = pool.stats().idle
    orders.give(ME, "default", "drain", by="ana", directory=folder)
    orders.obey(folder)
    (done,) = orders.recent(folder)
    assert (done.closed, done.to_come) == (idle, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    assert pool.stats().open == 0
    assert pool.page.numbers().closes["pool closed"] == closes + idle + 1
    connection.ensure_connection()


def test_another_process_obeys_and_this_one_leaves_its_order_alone(folder):
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom quality.monitor import orders\n"
            "sys.stdin.readline()\norders.obey(sys.argv[1])",
            folder,
        ],
        stdin=subprocess.PIPE,
    )
    orders.give(child.pid, "default", "drain", by="ana", directory=folder)
    orders.obey(folder)
    assert orders.recent(folder)[0].done_at is None
    child.communicate(b"now\n", timeout=30)
    assert orders.recent(folder)[0].done_at is not None


def test_an_order_is_done_once(folder, pool):
    orders.give(ME, "default", "close idle", by="ana", directory=folder)
    orders.obey(folder)
    (done,) = orders.recent(folder)
    orders.obey(folder)
    assert orders.recent(folder) == [done]


def test_an_order_that_nobody_did_in_time_is_lost_and_never_done(folder, pool, monkeypatch):
    idle = pool.stats().idle
    given = orders.give(ME, "default", "close idle", by="ana", directory=folder)
    monkeypatch.setattr(time, "time", lambda: given.given_at + orders.VALID_SECONDS + 1)
    assert orders.recent(folder)[0].is_lost
    orders.obey(folder)
    assert pool.stats().idle == idle


def test_old_orders_are_forgotten(folder, monkeypatch):
    given = orders.give(ME, "default", "drain", by="ana", directory=folder)
    monkeypatch.setattr(time, "time", lambda: given.given_at + orders.KEPT_SECONDS + 1)
    assert orders.recent(folder) == []
    assert os.listdir(folder) == []


def test_only_their_owner_reads_and_writes_orders(folder):
    orders.give(ME, "default", "drain", by="ana", directory=folder)
    (name,) = os.listdir(folder)
    assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
    os.chmod(folder, 0o777)  # noqa: S103
    assert orders.recent(folder) == []
    with pytest.raises(OSError, match="may be written to by others"):
        orders.give(ME, "default", "drain", by="ana", directory=folder)


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"verb": "drain"})])
def test_what_is_no_order_is_thrown_away(folder, content):
    with open(f"{folder}/{ME}-x.order", "w") as file:
        file.write(content)
    orders.obey(folder)
    assert os.listdir(folder) == []


def test_there_are_no_other_orders(folder):
    with pytest.raises(LookupError, match="close idle, drain"):
        orders.give(ME, "default", "shut down", by="ana", directory=folder)


def test_an_order_says_all_of_itself_in_json(folder):
    given = orders.give(ME, "default", "drain", by="ana", directory=folder)
    assert json.loads(json.dumps(given.as_dict())) == dataclasses.asdict(given) | {"is_lost": False}


def test_without_a_folder_there_is_nothing_to_obey(tmp_path):
    orders.obey(str(tmp_path / "nowhere"))
    assert orders.recent(str(tmp_path / "nowhere")) == []
