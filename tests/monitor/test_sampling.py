"""One sample an interval, at the price of one statement, whoever leads and whatever is down."""

import json
import logging
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.db import connection

from quality.devdb.mariadb import PrivateMariaDB
from quality.monitor import history, recent
from quality.monitor.leading import Leadership
from quality.monitor.models import Pool
from quality.monitor.sampling import Sampler, Watch
from quality.monitor.server import Server, connector
from quality.monitor.workers import place_of
from quality.pool.folder import Folder
from quality.pool.ledger import Page
from tests.faults import Administrator
from tests.pool.conftest import eventually

INTERVAL = 10.0
# The beginning of an interval, of a row and of an hour.
NOW = 1_800_000_000.0


@pytest.fixture
def place(tmp_path, monkeypatch, request):
    if "sampler" in request.fixturenames:
        # The name of its database is another one.
        request.getfixturevalue("transactional_db")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "ledger", str(tmp_path))
    return place_of()


@pytest.fixture
def sampler(transactional_db, place):
    sampler = Sampler(place, interval_seconds=INTERVAL, host="a")
    yield sampler
    sampler.step_down()


@pytest.fixture
def administrator(mariadb_home):
    with Administrator(PrivateMariaDB(mariadb_home)) as administrator:
        yield administrator


@contextmanager
def server_is_away(sampler):
    """Nobody answers where the monitor asks."""
    sampler.server.close()
    options = connection.settings_dict["OPTIONS"]
    socket = options["unix_socket"]
    options["unix_socket"] = f"{socket}.gone"
    try:
        yield
    finally:
        options["unix_socket"] = socket


def samples(place):
    return recent.read(place).samples


def statements(administrator) -> int:
    return sum(administrator.status(f"Com_{verb}") for verb in ("select", "insert", "delete"))


def test_there_is_one_sample_an_interval_however_often_it_looks(sampler, place):
    for second in range(31):
        sampler.tick(NOW + second)
    assert [one["at"] for one in samples(place)] == [NOW, NOW + 10, NOW + 20, NOW + 30]


def test_an_interval_costs_the_server_at_most_one_statement(sampler, place, administrator):
    sampler.tick(NOW)
    for number in range(1, 400):
        before = statements(administrator) if number % 20 == 0 or number > 350 else None
        sampler.tick(NOW + INTERVAL * number)
        if before is not None:
            assert statements(administrator) - before <= 1
    assert len(samples(place)) == 100
    # Five times of six it asked, and said when.
    times = [one["server"]["at"] for one in samples(place)]
    assert 80 <= len(set(times)) <= 84
    # All but what came since the last minute stands in the history.
    stored = [at for row in Pool.objects.order_by("began_at") for at in row.samples["at"]]
    assert stored == [NOW + INTERVAL * number for number in range(len(stored))]
    assert len(stored) > 393


def test_a_sample_says_what_happened_in_its_interval(sampler, place):
    page = Page(alias="default", database=place.database, directory=place.directory)
    page.lent("POST scans:record", 0.004, 0.0)
    page.connected(0.001)
    sampler.tick(NOW)
    assert samples(place)[-1]["connects"] == 0  # nobody knows since when
    for seconds in (0.01, 0.01, 0.5):
        page.lent("POST scans:record", seconds, 0.0)
    page.connected(0.001)
    page.closed("idle")
    page.timed_out()
    page.leaked()
    page.set(limit=4, open=4, idle=1, in_use=3, waiting=0)
    sampler.tick(NOW + 10)
    sampler.tick(NOW + 20)
    page.close()
    _, one, after = samples(place)
    assert 0.007 <= one["wait_p50"] <= 0.01
    assert 0.35 <= one["wait_p99"] <= 0.5
    counts = ("connects", "closes", "timeouts", "refusals", "leaks")
    assert [one[name] for name in counts] == [1, 1, 1, 0, 1]
    assert (one["worst_percent"], one["status"]) == (75.0, "warning")
    assert [after[name] for name in counts] == [0] * 5
    assert after["wait_p50"] is None


def test_what_the_server_says_is_what_it_counts(sampler, place, administrator):
    sampler.tick(NOW)
    facts = samples(place)[-1]["server"]
    assert facts["threads_connected"] == administrator.status("Threads_connected")
    assert facts["max_used_connections"] == administrator.status("Max_used_connections")
    assert facts["aborted_clients"] == administrator.status("Aborted_clients")
    assert facts["own_connections"] == len(administrator.connections())
    assert facts["max_connections"] == 60
    assert facts["response_seconds"] > 0


def test_the_longest_statements_are_named_without_what_they_ask_for(transactional_db):
    slow, asking = connector()(), Server()
    try:
        # Sent, and not waited for.
        slow.send_query(b"SELECT SLEEP(20), 'a secret' FROM DUAL")
        deadline = time.monotonic() + 10
        while not (found := asking.facts()["statements"]):
            assert time.monotonic() < deadline
        assert [one["text"] for one in found] == ["SELECT SLEEP(?), ? FROM DUAL"]
        assert found[0]["id"] == slow.thread_id()
    finally:
        asking.run(f"KILL {slow.thread_id()}")
        slow.close()
        asking.close()


def test_while_the_database_is_away_samples_go_on_and_are_saved_later(sampler, place):
    for number in range(12):
        sampler.tick(NOW + INTERVAL * number)
    with server_is_away(sampler):
        for number in range(12, 150):
            sampler.tick(NOW + INTERVAL * number)
        last = samples(place)[-1]
        assert last["server"] is None
        assert "(2002" in last["server_error"]
        assert last["status"] == "critical"
        # None is dropped that the database has not got.
        assert len(samples(place)) == 150
    for number in range(150, 160):
        sampler.tick(NOW + INTERVAL * number)
    assert samples(place)[-1]["server_error"] == ""
    stored = [at for row in Pool.objects.order_by("began_at") for at in row.samples["at"]]
    assert stored == [NOW + INTERVAL * number for number in range(len(stored))]
    assert len(stored) > 150
    assert len(samples(place)) == 100


def test_a_long_outage_loses_whole_rows_and_no_saved_ones(sampler, place):
    for number in range(7):
        sampler.tick(NOW + INTERVAL * number)
    assert Pool.objects.get().samples["at"][0] == NOW
    with server_is_away(sampler):
        for number in range(7, 600):
            sampler.tick(NOW + INTERVAL * number)
        assert len(samples(place)) < 8 * history.ROW_SAMPLES
    for number in range(600, 603):
        sampler.tick(NOW + INTERVAL * number)
    rows = Pool.objects.order_by("began_at")
    assert rows[0].samples["at"][0] == NOW
    assert all(len(row.samples["at"]) == 60 for row in rows[1:6])


def test_a_new_leader_goes_on_where_the_last_one_ended(sampler, place):
    for number in range(9):
        sampler.tick(NOW + INTERVAL * number)
    sampler.step_down()
    successor = Sampler(place, interval_seconds=INTERVAL, host="a")
    try:
        # Not a second one of the same interval.
        successor.tick(NOW + 85)
        assert len(samples(place)) == 9
        # A gap stays a gap.
        for number in range(20, 26):
            successor.tick(NOW + INTERVAL * number)
    finally:
        successor.step_down()
    times = [NOW + INTERVAL * number for number in (*range(9), *range(20, 26))]
    assert [one["at"] for one in samples(place)] == times
    stored = Pool.objects.get().samples["at"]
    assert stored == times[: len(stored)]
    assert len(stored) > 9


def test_samples_of_a_clock_that_went_wrong_are_dropped(sampler, place):
    sampler.tick(NOW + 10 * 365 * 86400)
    sampler.step_down()
    sampler.tick(NOW)
    assert [one["at"] for one in samples(place)] == [NOW]


def test_a_clock_that_goes_wrong_and_right_again_costs_the_leader_no_history(sampler, place):
    year = 365 * 86400
    for number in range(20):
        sampler.tick(NOW + year + INTERVAL * number)
    for number in range(12):
        sampler.tick(NOW + INTERVAL * number)
    times = [NOW + INTERVAL * number for number in range(12)]
    assert [one["at"] for one in samples(place)] == times
    stored = Pool.objects.order_by("began_at")[0].samples["at"]
    assert stored == times[: len(stored)]
    assert len(stored) > 5


def test_a_clock_that_is_put_right_a_little_counts_no_interval_twice(sampler, place):
    sampler.tick(NOW)
    sampler.tick(NOW - 0.5)
    sampler.tick(NOW + INTERVAL)
    assert [one["at"] for one in samples(place)] == [NOW, NOW + INTERVAL]


def test_only_one_process_leads_until_it_ends(place):
    leadership = Leadership(place)
    assert leadership.is_ours()
    assert not Leadership(place).is_ours()
    # A child that the leader forks is no leader, and does not outlive it as one.
    leadership.resign()
    script = (
        "import os, sys, time\n"
        "from quality.monitor.leading import Leadership\n"
        "from quality.monitor.workers import Place\n"
        f"leadership = Leadership(Place({place.directory!r}, {place.database!r}))\n"
        "assert leadership.is_ours()\n"
        "pid = os.fork()\n"
        # The child's word, so that it is known to have let go of the lock.
        "print(os.getpid(), flush=True) if not pid else None\n"
        "time.sleep(60)\n"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    try:
        assert not leadership.is_ours()
        leader.kill()
        leader.wait(10)
        # The child may not have been given the processor yet, to close its copy.
        eventually(leadership.is_ours)
    finally:
        leadership.resign()
        os.kill(child, 9)
        leader.kill()
        leader.stdout.close()


def test_who_empties_the_folder_makes_nobody_lead_twice(place, tmp_path):
    leadership = Leadership(place)
    assert leadership.is_ours()
    for path in tmp_path.iterdir():
        path.unlink()
    successor = Leadership(place)
    assert successor.is_ours()
    assert not leadership.is_ours()
    successor.resign()


def test_a_file_that_is_none_of_ours_is_no_news(place, tmp_path):
    assert recent.read(place) == recent.Recent()
    path = tmp_path / recent.file_name(place)
    unknown = '{"version": 1, "something": 1}'
    for content in ("", "[]", '{"version": 99}', unknown, '{"version": 1, "leader_pid": '):
        path.write_text(content)
        assert recent.read(place) == recent.Recent()
    # As another version of the code may have left it: nobody fails for ever over it.
    for sample in (1, {}, {"at": 1.0, "server": None}):
        path.write_text(json.dumps({"version": 1, "samples": [sample]}))
        assert recent.read(place) == recent.Recent()
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert recent.read(place) == recent.Recent()


def test_others_cannot_read_the_samples(sampler, place, tmp_path):
    sampler.tick(NOW)
    assert (tmp_path / recent.file_name(place)).stat().st_mode & 0o777 == 0o600


def test_a_reader_never_sees_half_a_file(place, tmp_path):
    with Folder(str(tmp_path)) as folder:
        whole = recent.Recent(leader_pid=1, saved_at=2.0)
        recent.write(folder, place, whole)
        descriptor = os.open(tmp_path / recent.file_name(place), os.O_RDONLY)
        recent.write(folder, place, recent.Recent(leader_pid=2))
        # Who opened the old one reads the old one.
        assert b'"leader_pid":1' in os.read(descriptor, 10000)
        os.close(descriptor)
    assert recent.read(place).leader_pid == 2


def test_the_thread_goes_on_whatever_happens_and_says_it_once(sampler, monkeypatch, caplog):
    ticks = []

    def tick(now):
        ticks.append(now)
        raise OSError(28, "No space left on device")

    sampler.interval_seconds = 0.02
    monkeypatch.setattr(sampler, "tick", tick)
    watch = Watch(sampler)
    with caplog.at_level(logging.ERROR, "quality.monitor.sampling"):
        watch.start()
        for _ in range(1000):
            if len(ticks) >= 3:
                break
            watch._stopped.wait(0.01)
        watch.stop()
    assert len(ticks) >= 3
    assert len(caplog.records) == 1


def test_the_report_warns_from_80_percent_on(sampler, place, caplog):
    page = Page(alias="default", database=place.database, directory=place.directory)
    try:
        with caplog.at_level(logging.INFO, "quality.database"):
            page.set(limit=10, open=8, idle=1, in_use=7, waiting=0)
            sampler.tick(NOW)
            page.set(limit=10, open=8, idle=0, in_use=8, waiting=0)
            for number in range(1, 13):
                sampler.tick(NOW + INTERVAL * number)
    finally:
        page.close()
    # A line of a lease that a test before has left may come in between.
    first, second, _third = (
        record for record in caplog.records if record.getMessage().startswith("Pool: ")
    )
    assert first.levelno == logging.INFO
    assert first.getMessage().startswith(
        "Pool: 7 active, 1 idle, 8 total, max 10, 0 waiting, utilisation 70 %"
    )
    assert first.getMessage().endswith("healthy")
    assert second.levelno == logging.WARNING
    assert second.getMessage().endswith("warning")
