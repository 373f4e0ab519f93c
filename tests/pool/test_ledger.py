"""Every worker's numbers can be read by every other, whatever happens to the worker."""

import itertools
import json
import os
import sys
import threading
import time
import timeit
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import pytest

from quality.pool import ledger
from quality.pool.address import database_name, server_name
from quality.pool.ledger import CLOSE_REASONS, Page, read
from quality.pool.numbers import BOUNDS, Histogram
from tests.pool.ledgers import DATABASE, worker

# ----- What is written is read


def test_every_number_is_read_as_it_was_written(page, folder):
    page.set(limit=20, open=7, idle=2, in_use=4, waiting=3)
    page.lent("", 0.0, time.monotonic())
    page.lent("", 0.004, time.monotonic())
    page.used(0.02)
    page.connected(0.5)
    page.connected(0.25)
    for number, reason in enumerate(CLOSE_REASONS):
        for _ in range(number):
            page.closed(reason)
    page.timed_out()
    page.refused()
    page.refused()
    page.leaked()
    page.failed("(2002, 'Can’t connect')")
    [numbers] = read(folder)
    assert (numbers.limit, numbers.open, numbers.idle, numbers.in_use, numbers.waiting) == (
        *(20, 7, 2, 4),
        3,
    )
    assert numbers.waits.count == 2
    assert numbers.waits.total_seconds == pytest.approx(0.004)
    assert numbers.uses.counts[bisect_left(BOUNDS, 0.02)] == 1
    assert (numbers.connects, numbers.connect_seconds) == (2, 0.75)
    assert numbers.closes == {reason: number for number, reason in enumerate(CLOSE_REASONS)}
    assert (numbers.timeouts, numbers.refusals, numbers.leaks) == (1, 2, 1)
    assert numbers.last_error == "(2002, 'Can’t connect')"
    assert time.time() - numbers.last_error_at < 10
    assert (numbers.alias, numbers.database, numbers.pid) == ("default", DATABASE, os.getpid())
    assert time.time() - 10 < numbers.started_at <= numbers.updated_at <= time.time()


def test_it_goes_through_json(page, folder):
    page.lent("POST scans:record", 0.0, time.monotonic())
    [numbers] = read(folder)
    again = json.loads(json.dumps(numbers.as_dict()))
    assert again["holders"][0]["name"] == "POST scans:record"
    assert len(again["waits"]["counts"]) == len(BOUNDS) + 1


def test_the_longest_holders_come_first_and_go_when_they_return(page, folder):
    now = time.monotonic()
    places = [page.lent(f"holder {age}", 0.0, now - age) for age in (1, 30, 5)]
    [numbers] = read(folder)
    assert [one.name for one in numbers.holders] == ["holder 30", "holder 5", "holder 1"]
    assert 30 <= numbers.holders[0].held_seconds < 40
    page.used(30, places[1])
    assert [one.name for one in read(folder)[0].holders] == ["holder 5", "holder 1"]


def test_more_holders_than_places_cost_names_and_nothing_else(page, folder):
    now = time.monotonic()
    places = [page.lent("x" * 100, 0.0, now) for _ in range(40)]
    assert places.count(-1) == 8
    [numbers] = read(folder)
    assert len(numbers.holders) == 32
    assert numbers.holders[0].name == "x" * 59
    for place in places:
        page.used(0.1, place)
    assert read(folder)[0].holders == ()
    assert read(folder)[0].uses.count == 40


def test_a_long_name_is_cut_between_letters(page, folder):
    page.lent("é" * 50, 0.0, time.monotonic())
    assert read(folder)[0].holders[0].name == "é" * 29


def test_what_cannot_be_does_not_raise(page, folder):
    page.closed("a reason that nobody knows")
    page.lent("a\0b\udcff", -1.0, time.monotonic())
    page.lent("", 1e9, time.monotonic())
    [numbers] = read(folder)
    assert numbers.closes["other"] == 1
    assert numbers.holders[0].name == "ab?"
    assert (numbers.waits.counts[0], numbers.waits.counts[-1]) == (1, 1)


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["/srv/.venv/bin/gunicorn", "app:app"], "gunicorn"),
        (["/srv/gunicorn/__main__.py"], "gunicorn"),
        (["manage.py", "migrate", "--password=secret"], "manage.py migrate"),
        (["-c"], "python"),
        ([], "python"),
    ],
)
def test_a_process_is_called_by_its_program(argv, kind, folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    page = Page(alias="default", database=DATABASE, directory=folder)
    assert [numbers.kind for numbers in read(folder)] == [kind]
    page.close()


def test_a_process_may_name_itself(page, folder, monkeypatch):
    monkeypatch.setattr(ledger, "_label", "")
    ledger.label("web worker")
    later = Page(alias="reports", database=DATABASE, directory=folder)
    assert [numbers.kind for numbers in read(folder)] == ["web worker"] * 2
    later.close()


def test_databases_are_told_apart(page, folder):
    other = Page(alias="reports", database="shop@db:3306/reports", directory=folder)
    assert {numbers.alias for numbers in read(folder)} == {"default", "reports"}
    assert [numbers.alias for numbers in read(folder, DATABASE)] == ["default"]
    other.close()


def test_an_address_names_no_secret():
    tcp = {"host": "db", "port": 3307, "user": "shop", "password": "pw", "database": "shop"}
    assert database_name(tcp) == "shop@db:3307/shop"
    assert server_name(tcp) == "shop@db:3307"
    socket = {"unix_socket": "/run/s", "host": "ignored", "user": "u", "passwd": "pw", "db": "d"}
    assert database_name(socket) == "u@/run/s/d"


# ----- Histograms


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_quantile_is_never_off_by_more_than_a_bucket(share):
    durations = [0.0001 * 1.01**n for n in range(1300)]
    counts = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        counts[bisect_left(BOUNDS, seconds)] += 1
    told = Histogram(counts).quantile(share)
    truth = durations[int(share * len(durations))]
    assert told is not None
    assert 1 / 1.5 <= told / truth <= 1.5


def test_buckets_reach_from_a_tenth_of_a_millisecond_to_a_minute():
    assert (BOUNDS[0], BOUNDS[-1]) == (0.0001, 60)
    assert max(high / low for low, high in itertools.pairwise(BOUNDS)) <= 1.5 + 1e-9
    assert {0.001, 0.0025, 0.005, 0.01, 0.1, 0.25, 1, 2.5, 5, 10} <= set(BOUNDS)
    assert Histogram().quantile(0.5) is None
    assert Histogram([0] * len(BOUNDS) + [1]).quantile(0.5) == 60


# ----- Never half a number


def test_a_reader_never_sees_numbers_of_two_moments(folder):
    script = """
import threading
def write():
    n = 0
    while True:
        n = (n + 1) % 20000
        page.set(limit=60000, open=3 * n, idle=n, in_use=2 * n, waiting=n)
        place = page.lent(f"holder {n}", 0.0, n % 20)
        page.used(0.01, place)
threading.Thread(target=write, daemon=True).start()
"""
    with worker(script, folder):
        seen = set()
        for _ in range(3000):
            began = time.monotonic()
            [numbers] = read(folder)
            assert numbers.open == 3 * numbers.idle
            assert numbers.in_use == 2 * numbers.waiting
            assert numbers.idle == numbers.waiting
            now = time.monotonic()
            for holder in numbers.holders:
                since = int(holder.name.split()[1]) % 20
                assert began - 0.01 < holder.held_seconds + since < now + 0.01
            seen.add(numbers.idle)
        assert len(seen) > 10


def test_threads_lose_no_update(page):
    def count() -> None:
        for _ in range(20000):
            page.timed_out()
            page.used(0.001, page.lent("x", 0.001, 1.0))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = page.numbers()
    assert (numbers.waits.count, numbers.uses.count, numbers.timeouts) == (80000, 80000, 80000)
    assert numbers.holders == ()


def best_of(times: int, count: int, work: Callable[[], object]) -> float:
    """Seconds for one of `count` calls, in the best of several rounds."""
    return min(timeit.repeat(work, number=count, repeat=times)) / count


def test_it_costs_next_to_nothing(page, folder):
    now, kept = time.monotonic(), {}
    # Beside a call that only keeps what it is told: 5 to 10 of them.
    call = best_of(5, 5000, lambda: kept.update(seconds=0.01))
    assert best_of(5, 5000, lambda: page.used(0.01, page.lent("POST scans", 0.01, now))) < 60 * call
    numbers = {"limit": 9, "open": 5, "idle": 2, "in_use": 3, "waiting": 0}
    assert best_of(5, 5000, lambda: page.set(**numbers)) < 30 * call
    others = [Page(alias="default", database=DATABASE, directory=folder) for _ in range(7)]
    # Beside reading the same files, and making nothing of them: three times that.
    plain = best_of(5, 20, lambda: [path.read_bytes() for path in Path(folder).iterdir()])
    assert best_of(5, 20, lambda: read(folder)) < 15 * plain
    for other in others:
        other.close()
