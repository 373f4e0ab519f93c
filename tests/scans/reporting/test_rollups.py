"""Roll-ups say what the records say, however these came about."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scans.models import Recount, RollUp, Scan, Settings, ShiftRollUp
from scans.reporting import checking, rollups
from scans.reporting.marking import look
from scans.shifts import FACTORY
from tests.scans.reporting.history import (
    History,
    end,
    expected,
    make_scan,
    state,
    stored,
    stored_by_shift,
    summed,
)

pytestmark = pytest.mark.usefixtures("master_data")

NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
NIGHT_STARTS = [time(20), time(21, 30), time(23, 15)]


@pytest.fixture
def user(person):
    return person("operator")


def assert_true():
    truth = expected()
    assert stored() == truth
    assert stored_by_shift() == summed(truth)


@pytest.mark.parametrize("seed", range(24))
def test_any_history_counted_bit_by_bit_is_the_same_as_counted_at_once(user, seed):
    history = History(seed, user)
    steps = {
        history.scan: 30,
        history.end: 8,
        history.overtake: 2,
        history.commit_late: 3,
        rollups.refresh: 5,
        rollups.freshen: 5,
        lambda: rollups.refresh(most=1): 3,
    }
    if seed % 4 == 0:
        steps[
            lambda: change(
                night_start=time(20 + history.chance.randrange(4), history.chance.choice([0, 30]))
            )
        ] = 1
        steps[lambda: change(clock_off_seconds=history.chance.choice([59, 60, 61]))] = 1
    for step in history.chance.choices(list(steps), list(steps.values()), k=70):
        step()
    rollups.refresh()
    assert len(stored()) > 10
    assert_true()
    assert rollups.differences() == []
    rollups.rebuild()
    assert_true()


def change(**values):
    Settings.objects.update_or_create(pk=1, defaults=values)


def test_nothing_new_costs_one_statement_and_writes_nothing(user):
    make_scan(user, NOON)
    rollups.refresh()
    before = state().counted_at
    with CaptureQueriesContext(connection) as captured:
        rollups.refresh()
    assert len(captured) == 1
    with CaptureQueriesContext(connection) as captured:
        assert rollups.freshen().counted_at > before
    assert len(captured) == 1
    assert state().counted_at == before


def test_without_a_scan_there_is_nothing_to_count(db):
    rollups.refresh()
    assert stored() == {}
    found = rollups.freshen()
    assert (found.uncounted, found.is_rebuilding) == (0, False)
    assert rollups.differences() == []


def test_what_changes_the_first_scan_of_a_piece_changes_another_day(user):
    first = make_scan(user, NOON, defect_id="001")
    make_scan(user, NOON + timedelta(days=3))
    rollups.refresh()
    firsts = RollUp.objects.filter(firsts=1)
    assert firsts.get().day == date(2026, 11, 20)
    end(first, user)
    rollups.refresh()
    assert firsts.get().day == date(2026, 11, 23)
    # One delivered late.
    make_scan(user, NOON - timedelta(days=9))
    rollups.refresh()
    assert firsts.get().day == date(2026, 11, 11)
    assert_true()


def test_an_event_on_an_old_scan_is_counted_also_when_scans_are_long_settled(user):
    scan = make_scan(user, NOON)
    rollups.refresh()
    assert state().scan_id == scan.pk
    end(scan, user, make_scan(user, NOON, cp="CP10045822-0001"))
    rollups.refresh()
    assert RollUp.objects.get(replaced=1).cp_base == "CP10045821"
    assert_true()


@pytest.mark.parametrize(
    ("evening", "hours"), [(date(2026, 10, 24), 9), (date(2027, 3, 27), 7), (date(2026, 11, 20), 8)]
)
def test_each_hour_of_a_night_is_told_apart(user, evening, hours):
    ten = datetime.combine(evening, time(22)).replace(tzinfo=FACTORY)
    start = ten.astimezone(UTC)
    for number in range(-1, hours + 1):
        make_scan(user, start + timedelta(hours=number), cp=f"CP10045821-{number + 1:04d}")
    rollups.refresh()
    nights = RollUp.objects.filter(day=evening, shift=2)
    assert sorted(nights.values_list("hour", flat=True)) == list(range(hours))
    assert_true()


def test_other_starts_of_shifts_count_all_anew(user):
    make_scan(user, datetime(2026, 11, 20, 19, 30, tzinfo=UTC))  # 21:30 on the wall
    rollups.refresh()
    assert RollUp.objects.get().shift == 1
    change(night_start=time(21))
    found = rollups.freshen()  # One scan is little.
    assert not found.is_rebuilding
    assert RollUp.objects.get().shift == 2
    assert_true()


def test_while_much_is_counted_anew_reports_say_so(user, monkeypatch):
    for number in range(20):
        make_scan(user, NOON - timedelta(days=number), cp=f"CP10045821-{number:04d}")
    rollups.refresh()
    change(clock_off_seconds=30)
    monkeypatch.setattr(rollups, "FRESHEN_RECORDS", 5)
    assert rollups.freshen().is_rebuilding
    rollups.refresh(most=3)
    found = rollups.freshen()
    assert (found.is_rebuilding, found.waiting) == (True, 17)
    # The newest came first.
    assert min(Recount.objects.values_list("day", flat=True)) == date(2026, 11, 1)
    rollups.refresh()
    assert not rollups.freshen().is_rebuilding


def test_a_report_counts_what_is_little_and_tells_of_more(user, monkeypatch):
    make_scan(user, NOON)
    rollups.freshen()
    monkeypatch.setattr(rollups, "FRESHEN_RECORDS", 5)
    for number in range(5):
        make_scan(user, NOON, cp=f"CP10045821-1{number:03d}")
    before = rollups.freshen()
    assert (before.uncounted, before.is_rebuilding) == (0, False)
    for number in range(6):
        make_scan(user, NOON, cp=f"CP10045821-2{number:03d}")
    found = rollups.freshen()
    assert found.uncounted == 6
    assert found.counted_at < before.counted_at
    rollups.refresh()
    assert rollups.freshen().uncounted == 0
    assert_true()


def test_what_is_many_is_marked_slice_by_slice(user, monkeypatch):
    monkeypatch.setattr("scans.reporting.marking.SLICE", 7)
    make_scan(user, NOON)
    rollups.refresh()
    for number in range(40):
        make_scan(user, NOON + timedelta(hours=number), cp=f"CP10045821-1{number:03d}")
    with CaptureQueriesContext(connection) as captured:
        rollups.refresh()
    assert sum("FOR UPDATE WAIT" in query["sql"] for query in captured) == 6
    assert_true()


def test_behind_as_many_as_are_looked_at_there_may_be_more(user, monkeypatch):
    make_scan(user, NOON)
    rollups.refresh()
    monkeypatch.setattr("scans.reporting.marking.LOOK_MOST", 3)
    make_scan(user, NOON, cp="CP10045821-0002", received_at=timezone.now())
    rollups.refresh()
    assert not look().is_new
    for number in range(3):
        make_scan(user, NOON, cp=f"CP10045821-1{number:03d}", received_at=timezone.now())
        rollups.refresh()
    assert look().is_new
    assert_true()


def test_a_record_that_is_not_settled_is_looked_at_again(user):
    make_scan(user, NOON)
    newest = make_scan(user, NOON, cp="CP10045821-0002", received_at=timezone.now())
    rollups.refresh()
    found = state()
    assert (found.scan_id, found.newer_scans) == (newest.pk - 1, 1)
    # It had got its id before, and was committed later.
    make_scan(user, NOON, cp="CP10045821-0003", id=newest.pk + 1)
    rollups.refresh()
    make_scan(user, NOON, cp="CP10045821-0004", id=newest.pk + 3, received_at=timezone.now())
    rollups.refresh()
    make_scan(user, NOON, cp="CP10045821-0005", id=newest.pk + 2, received_at=timezone.now())
    assert look().is_new
    rollups.refresh()
    assert_true()


# ----- The command


def spoil():
    """As if somebody had changed the roll-ups by hand."""
    RollUp.objects.update(scans=7)


def test_the_command_counts_all_anew(user, capsys):
    make_scan(user, NOON)
    rollups.refresh()
    spoil()
    call_command("rebuildrollups")
    assert "counted anew" in capsys.readouterr().out
    assert_true()


def test_the_check_finds_what_differs_and_changes_nothing(user, capsys):
    make_scan(user, NOON)
    call_command("rebuildrollups", check=True)
    assert "what the records say" in capsys.readouterr().out
    spoil()
    with pytest.raises(CommandError, match="6 counts differ"):
        call_command("rebuildrollups", check=True)
    said = capsys.readouterr().out
    assert "2026-11-20 morning, hour 6, station FG-01" in said
    assert "scans 7, not 1" in said
    assert "1 sums by defect, operator, station are wrong" in said
    assert RollUp.objects.get().scans == 7


def test_the_check_finds_counts_of_scans_that_there_are_not(user):
    make_scan(user, NOON)
    rollups.refresh()
    row = RollUp.objects.values().get()
    RollUp.objects.create(**row | {"day": date(2026, 11, 1)})
    row = ShiftRollUp.objects.values().filter(level=3).get()
    ShiftRollUp.objects.create(**row | {"day": date(2026, 11, 2)})
    found = rollups.differences()
    # Counts of a roll-up, the levels that lack it, and the sum that is too much.
    assert len(found) == 3 + 5 + 1
    assert found[0].endswith("scans 1, not 0")
    rollups.rebuild()
    assert rollups.differences() == []
    assert ShiftRollUp.objects.count() == 5


def test_the_check_counts_what_was_scanned_meanwhile(user, monkeypatch):
    make_scan(user, NOON)
    rollups.refresh()
    compare = checking._compare
    new = iter(["CP10045821-0002"])

    def scan_meanwhile(shift):
        for cp in new:
            make_scan(user, NOON, cp=cp)
        return compare(shift)

    monkeypatch.setattr(checking, "_compare", scan_meanwhile)
    assert rollups.differences() == []
    assert Scan.objects.count() == 2
