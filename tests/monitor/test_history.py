"""A week stands in few rows, a peak stays a peak, and a gap a gap."""

import time

import pytest

from quality.monitor import history
from quality.monitor.models import Pool
from quality.monitor.server import Server
from tests.monitor.sample import sample

NOW = 1_800_000_000.0
INTERVAL = 10.0


@pytest.fixture
def server(transactional_db):
    server = Server()
    yield server
    server.close()


def stored(server, samples, host="a"):
    history.save(server.run, host, samples, INTERVAL)


def test_ten_minutes_of_a_host_are_one_row(server):
    day = [sample(NOW - 86400 + 10 * n, in_use=n % 7) for n in range(8640)]
    for start in range(0, len(day), 60):
        stored(server, day[start : start + 60])
    assert Pool.objects.count() in (144, 145)
    row = Pool.objects.order_by("-began_at").first()
    assert row.began_at.timestamp() % 600 == 0
    columns = history.history(server.run, 24, now=NOW)["a"]
    assert 290 <= len(columns["at"]) <= history.MOST_POINTS
    assert columns["in_use"] == [6] * len(columns["at"])


def test_a_row_that_grows_stays_one(server):
    samples = [sample(NOW + 10 * n, in_use=n) for n in range(6)]
    stored(server, samples[:3])
    stored(server, samples)
    assert Pool.objects.count() == 1
    assert Pool.objects.get().samples["in_use"] == [0, 1, 2, 3, 4, 5]


def test_hosts_stand_beside_each_other(server):
    stored(server, [sample(NOW - 20, limit=4)], host="a")
    stored(server, [sample(NOW - 10, limit=8)], host="b")
    found = history.history(server.run, 1, now=NOW)
    assert {host: columns["limit"] for host, columns in found.items()} == {"a": [4], "b": [8]}


def test_old_rows_are_removed(server):
    stored(server, [sample(NOW - 8 * 86400)])
    stored(server, [sample(NOW)])
    history.prune(server.run, before=NOW - 7 * 86400)
    assert Pool.objects.get().samples["at"] == [NOW]


def test_a_gap_is_never_bridged():
    at = [NOW + 10 * n for n in range(30) if not 10 <= n < 20]
    row = {"interval": INTERVAL, "at": at, "in_use": [1] * len(at)}
    columns = history.thinned([row], NOW, NOW + 300)
    assert columns["at"] == sorted(columns["at"])
    assert columns["in_use"].count(None) == 1
    empty = columns["in_use"].index(None)
    assert at[9] < columns["at"][empty] < at[10]


def test_a_gap_shorter_than_a_point_is_seen_too_and_a_peak_survives():
    """24 hours in 300 points: five minutes each, in which half a minute is missing."""
    at = [NOW + 10 * n for n in range(8640) if n % 28 not in (3, 4, 5)]
    in_use = [9 if n == 4000 else 1 for n in range(len(at))]
    row = {"interval": INTERVAL, "at": at, "in_use": in_use, "connects": [1] * len(at)}
    columns = history.thinned([row], NOW, NOW + 86400)
    assert len(columns["at"]) <= history.MOST_POINTS
    assert columns["at"] == sorted(columns["at"])
    assert max(value for value in columns["in_use"] if value is not None) == 9
    assert columns["in_use"].count(None) > 250
    # What was counted adds up, however it is cut.
    assert sum(value for value in columns["connects"] if value is not None) == len(at)


def test_a_column_that_came_later_is_missing_before():
    columns = history.thinned([{"interval": 10.0, "at": [NOW], "in_use": [2]}], NOW - 10, NOW + 10)
    assert columns["in_use"] == [2]
    assert columns["wait_p95"] == [None]


def test_it_is_read_quickly_enough_for_a_page(server):
    """A week, asked for at once: within what a page has, with room for a busy machine."""
    week = [sample(NOW - 7 * 86400 + 10 * n) for n in range(60480)]
    for start in range(0, len(week), 6000):
        stored(server, week[start : start + 6000])
    started = time.monotonic()
    history.history(server.run, 24, now=NOW)
    assert time.monotonic() - started < 2
