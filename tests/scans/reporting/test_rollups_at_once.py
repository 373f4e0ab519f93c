"""Roll-ups come out right while stations scan and several processes count."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import User
from scans.demo import seed_master_data
from scans.models import Scan, Settings
from scans.reporting import counting, marking, rollups
from scans.reporting.marking import Rules
from tests.scans.reporting.history import end, expected, make_scan, stored, stored_by_shift, summed

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
WAIT_SECONDS = 30
SCANNERS, SCANS = 4, 40


@pytest.fixture
def user(transactional_db):
    seed_master_data()
    return User.objects.create(username="many")


def apart(work: Callable[..., Any], *args: Any) -> Any:
    """In another thread, with a connection of its own."""

    def run() -> Any:
        try:
            return work(*args)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(run).result(WAIT_SECONDS)


def assert_true():
    truth = expected()
    assert stored() == truth
    assert stored_by_shift() == summed(truth)


def test_scans_and_voids_at_any_moment_are_counted_by_two_who_count_at_once(user):
    is_over = threading.Event()

    def scan(scanner: int) -> None:
        for number in range(SCANS):
            # Pieces that others scan too, over a night and a morning; each third commit is slow.
            moment = NOON - timedelta(minutes=20 * ((number * 7 + scanner) % SCANS))
            with transaction.atomic():
                stored = make_scan(
                    user,
                    moment,
                    cp=f"CP10045821-{(number + scanner) % 15:04d}",
                    defect_id="001" if number % 5 == 0 else "000",
                    received_at=timezone.now(),
                )
                if number % 3 == 0:
                    is_over.wait(0.02)
            if number % 6 == 0:
                end(stored, user)

    def count() -> None:
        while not is_over.is_set():
            rollups.refresh()
            rollups.freshen()

    def closing(work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(SCANNERS + 2) as executor:
        counters = [executor.submit(closing, count) for _ in range(2)]
        scanners = [executor.submit(closing, scan, number) for number in range(SCANNERS)]
        try:
            for scanner in scanners:
                scanner.result(WAIT_SECONDS)
        finally:
            is_over.set()
        for counter in counters:
            counter.result(WAIT_SECONDS)
    rollups.refresh()
    assert sum(counts["scans"] for counts in stored().values()) > SCANNERS * SCANS / 2
    assert_true()


def test_a_scan_that_commits_behind_a_newer_one_is_counted(user):
    make_scan(user, NOON)
    rollups.refresh()
    with transaction.atomic():
        make_scan(user, NOON, cp="CP10045821-0002", received_at=timezone.now())

        def overtake() -> None:
            make_scan(user, NOON, cp="CP10045821-0003", received_at=timezone.now())
            rollups.refresh()
            assert sum(counts["scans"] for counts in stored().values()) == 2

        apart(overtake)
    rollups.refresh()
    assert_true()


def test_no_station_waits_for_who_counts(user):
    make_scan(user, NOON)
    rollups.refresh()
    with transaction.atomic():
        counting._recount(Rules.now(), NOON.date(), 0)
        # Into the same shift, of the same piece; its server would give up after 10 s.
        apart(make_scan, user, NOON + timedelta(minutes=1))
        apart(lambda: end(Scan.objects.latest("pk"), user))
    rollups.refresh()
    assert_true()


def test_what_is_found_while_a_shift_is_counted_is_counted_once_more(user, monkeypatch):
    make_scan(user, NOON)
    recount = counting._recount
    is_counting, has_scanned = threading.Event(), threading.Event()

    def slowly(*args: Any) -> None:
        recount(*args)
        # Its records are read, its work is not committed.
        is_counting.set()
        has_scanned.wait(WAIT_SECONDS)

    def scan() -> None:
        is_counting.wait(WAIT_SECONDS)
        monkeypatch.setattr(counting, "_recount", recount)
        make_scan(user, NOON, cp="CP10045821-0002")
        threading.Timer(0.3, has_scanned.set).start()
        rollups.refresh()

    monkeypatch.setattr(counting, "_recount", slowly)
    thread = threading.Thread(target=lambda: apart(scan))
    thread.start()
    rollups.refresh()
    thread.join(WAIT_SECONDS)
    assert_true()


def test_who_counts_by_shifts_that_have_changed_meanwhile_leaves_it(user):
    make_scan(user, datetime(2026, 11, 20, 19, 30, tzinfo=UTC))  # 21:30 on the wall
    rollups.refresh()
    rules = Rules.now()

    def change() -> None:
        Settings.objects.update_or_create(pk=1, defaults={"night_start": "21:00"})
        marking.mark()

    apart(change)
    with pytest.raises(counting.RulesChanged):
        counting.count_waiting(rules)
    rollups.refresh()
    assert {key[1] for key in stored()} == {2}
    assert_true()


def test_two_who_count_all_anew_share_the_work(user):
    for number in range(30):
        make_scan(user, NOON - timedelta(hours=8 * number), cp=f"CP10045821-{number:04d}")
    with ThreadPoolExecutor(2) as executor:
        for done in [executor.submit(apart, rollups.rebuild) for _ in range(2)]:
            done.result(WAIT_SECONDS)
    assert_true()
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM scans_recount")
        assert cursor.fetchone() == (0,)


def test_who_finds_it_being_marked_by_another_one_answers_all_the_same(user, monkeypatch):
    make_scan(user, NOON)
    rollups.refresh()
    make_scan(user, NOON, cp="CP10045821-0002")
    monkeypatch.setattr("scans.reporting.marking.LOCK_WAIT_SECONDS", 0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM scans_rollupstate FOR UPDATE")
        found = apart(rollups.freshen)
    assert found.uncounted == 1
    assert rollups.freshen().uncounted == 0


def test_no_connection_is_held_between_two_shifts(user):
    # Compared with a year's records it was held for minutes, and the log told of a leak.
    for number in range(3):
        make_scan(user, NOON - timedelta(days=number))
    held: list[bool] = []

    def note(done: int, total: int) -> None:
        if done < total:
            held.append(connection.connection is not None)

    rollups.rebuild(note)
    rollups.differences(note)
    assert held
    assert not any(held)
