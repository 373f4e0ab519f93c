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
from quality.monitor.workers import Place
from quality.pool.pages import prefix

ME = os.getpid()


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "ledger"
    path.mkdir(mode=0o700)
    return Place(str(path), "quality@server/name")


@pytest.fixture
def folder(place):
    return place.directory


@pytest.fixture
def pool(transactional_db):
    """The pool of this process, with an idle connection."""
    connection.ensure_connection()
    connection.close()
    return connections["default"].pool


def test_idle_connections_are_closed_by_order(place, pool):
    idle, closes = pool.stats().idle, pool.page.numbers().closes["pool closed"]
    given = orders.give(ME, "default", "close idle", by="ana", place=place)
    assert orders.recent(place) == [given]
    orders.obey(place)
    (done,) = orders.recent(place)
    assert idle >= 1
    assert (done.key, done.closed, done.to_come) == (given.key, idle, 0)
    assert done.done_at >= done.given_at
    assert done.given_by == "ana"
    assert pool.page.numbers().closes["pool closed"] == closes + idle


def test_draining_closes_what_is_lent_when_it_returns(place, pool):
    connection.ensure_connection()
    closes = pool.page.numbers().closes["pool closed"]
    idle = pool.stats().idle
    orders.give(ME, "default", "drain", by="ana", place=place)
    orders.obey(place)
    (done,) = orders.recent(place)
    assert (done.closed, done.to_come) == (idle, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    assert pool.stats().open == 0
    assert pool.page.numbers().closes["pool closed"] == closes + idle + 1
    connection.ensure_connection()


def test_another_process_obeys_and_this_one_leaves_its_order_alone(place, folder):
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom quality.monitor import orders\n"
            "from quality.monitor.workers import Place\n"
            "sys.stdin.readline()\norders.obey(Place(*sys.argv[1:]))",
            folder,
            place.database,
        ],
        stdin=subprocess.PIPE,
    )
    orders.give(child.pid, "default", "drain", by="ana", place=place)
    orders.obey(place)
    assert orders.recent(place)[0].done_at is None
    child.communicate(b"now\n", timeout=30)
    assert orders.recent(place)[0].done_at is not None


def test_an_order_is_done_once(place, pool):
    orders.give(ME, "default", "close idle", by="ana", place=place)
    orders.obey(place)
    (done,) = orders.recent(place)
    orders.obey(place)
    assert orders.recent(place) == [done]


def test_an_order_that_nobody_did_in_time_is_lost_and_never_done(place, pool, monkeypatch):
    assert pool.stats().idle
    closes = pool.page.numbers().closes["pool closed"]
    given = orders.give(ME, "default", "close idle", by="ana", place=place)
    monkeypatch.setattr(time, "time", lambda: given.given_at + orders.VALID_SECONDS + 1)
    assert orders.recent(place)[0].is_lost
    orders.obey(place)
    assert pool.page.numbers().closes["pool closed"] == closes


def test_old_orders_are_forgotten(place, folder, monkeypatch):
    given = orders.give(ME, "default", "drain", by="ana", place=place)
    monkeypatch.setattr(time, "time", lambda: given.given_at + orders.KEPT_SECONDS + 1)
    assert orders.recent(place) == []
    assert os.listdir(folder) == []


def test_only_their_owner_reads_and_writes_orders(place, folder):
    orders.give(ME, "default", "drain", by="ana", place=place)
    (name,) = os.listdir(folder)
    assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
    os.chmod(folder, 0o777)  # noqa: S103
    assert orders.recent(place) == []
    with pytest.raises(OSError, match="may be written to by others"):
        orders.give(ME, "default", "drain", by="ana", place=place)


ORDER = {"key": "k", "pid": ME, "alias": "default", "verb": "drain", "given_by": "ana"}


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "x" * 100_000, json.dumps({"verb": "drain"})),
        json.dumps(ORDER | {"given_at": "now"}),
        json.dumps(ORDER | {"given_at": 9e99, "verb": "shut down"}),
        json.dumps(ORDER | {"given_at": 9e99, "verb": ["drain"]}),
    ],
)
def test_what_is_no_order_is_thrown_away(place, folder, content):
    with open(f"{folder}/{prefix(place.database)}{ME}-y.done", "w") as file:
        file.write(content)
    assert orders.recent(place) == []
    with open(f"{folder}/{prefix(place.database)}{ME}-x.order", "w") as file:
        file.write(content)
    orders.obey(place)
    assert os.listdir(folder) == []


def test_there_are_no_other_orders(place):
    with pytest.raises(LookupError, match="close idle, drain"):
        orders.give(ME, "default", "shut down", by="ana", place=place)


def test_an_order_says_all_of_itself_in_json(place):
    given = orders.give(ME, "default", "drain", by="ana", place=place)
    assert json.loads(json.dumps(given.as_dict())) == dataclasses.asdict(given) | {"is_lost": False}


def test_without_a_folder_there_is_nothing_to_obey(tmp_path):
    nowhere = Place(str(tmp_path / "nowhere"), "quality@server/name")
    orders.obey(nowhere)
    assert orders.recent(nowhere) == []


def test_another_sites_orders_are_not_shown(place):
    orders.give(ME, "default", "drain", by="ana", place=place)
    assert orders.recent(Place(place.directory, "quality@server/other")) == []
