"""The board tells the truth of the running shift, and what to look after."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scans.models import Presence, Revision, Station
from scans.reporting.board import BoardHour, board
from scans.shifts import Shift
from tests.scans.reporting.history import History, end, judged, make_scan

pytestmark = pytest.mark.usefixtures("master_data")

MORNING = Shift(date(2026, 11, 20), "morning")
# 10:00 on the wall.
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
NIGHTS = [Shift(date(2026, 10, 24), "night"), Shift(date(2027, 3, 27), "night")]


@pytest.fixture
def user(person):
    return person("operator")


def stations(shift=MORNING, now=NOW):
    return {station.code: station for station in board(shift, now).stations}


def browser(station, *, seen_at=NOW, pending=0, oldest_seconds=0):
    return Presence.objects.create(
        device=uuid4(),
        station_id=station,
        seen_at=seen_at,
        pending=pending,
        oldest_pending_seconds=oldest_seconds,
        attention=0,
    )


def test_a_board_is_one_statement(user):
    make_scan(user, NOW)
    browser("FG-01")
    with CaptureQueriesContext(connection) as captured:
        found = board(MORNING, NOW)
    assert len(captured) == 1
    assert found.revision == Revision.objects.get().number


@pytest.mark.parametrize("seed", range(4))
def test_any_history_is_counted_as_by_a_look_at_each_scan(user, seed):
    history = History(seed, user)
    for step in history.chance.choices([history.scan, history.end], [5, 1], k=120):
        step()
    everything = judged()
    for shift in {one.shift for one in everything}:
        now = shift.end.astimezone(UTC)
        expected = defaultdict(list)
        for one in everything:
            if one.shift == shift and one.counts:
                expected[one.scan.station_id or ""].append(one)
        found = stations(shift, now)
        assert found.keys() == expected.keys() | {"FG-01", "FG-02", "FG-03", "FG-04"}
        for code, station in found.items():
            ones = expected[code]
            firsts = [one for one in ones if one.is_first]
            good = [one for one in ones if one.is_approved]
            assert (station.approved, station.scans) == (len(good), len(ones))
            assert station.firsts == len(firsts)
            assert station.firsts_approved == sum(one.is_approved for one in firsts)
            for number, hour in enumerate(station.hours):
                here = [one.is_approved for one in ones if one.hour == number]
                assert hour == BoardHour(sum(here), len(here) - sum(here))
            assert len(station.hours) == {NIGHTS[0]: 9, NIGHTS[1]: 7}.get(shift, 8)


def test_hours_are_those_that_have_begun(user):
    make_scan(user, NOW - timedelta(hours=1), defect_id="001")
    # By a clock that is ahead.
    make_scan(user, NOW + timedelta(hours=2), station_id="FG-02", cp="CP10045821-0002")
    found = stations()
    nothing = BoardHour()
    assert found["FG-01"].hours == [nothing, nothing, nothing, BoardHour(0, 1), nothing]
    assert found["FG-02"].hours == [*[nothing] * 6, BoardHour(1, 0)]
    assert found["FG-03"].hours == [nothing] * 5
    assert len(stations(now=MORNING.end + timedelta(hours=3))["FG-03"].hours) == 8


def test_lines_hold_their_stations(user):
    Station.objects.filter(code__in=["FG-01", "FG-03"]).update(line="B")
    Station.objects.filter(code="FG-02").update(line="A")
    Station.objects.filter(code="FG-04").update(line="")
    lines = board(MORNING, NOW).lines
    assert [(line.name, [station.code for station in line.stations]) for line in lines] == [
        ("", ["FG-04"]),
        ("A", ["FG-02"]),
        ("B", ["FG-01", "FG-03"]),
    ]


def test_an_inactive_station_is_shown_only_with_scans_of_the_shift(user):
    Station.objects.filter(code__in=["FG-01", "FG-02"]).update(active=False)
    make_scan(user, NOW)
    make_scan(user, NOW - timedelta(days=1), station_id="FG-02", cp="CP10045821-0002")
    assert stations().keys() == {"FG-01", "FG-03", "FG-04"}


def test_scans_of_no_station_stand_by_themselves(user):
    assert "" not in stations()
    scan = make_scan(user, NOW, station_id=None)
    found = stations()[""]
    assert (found.approved, found.line, found.last_scan_at) == (1, "", scan.scanned_at)
    # Who has just scanned is not silent.
    assert state(found) == ("good", [])


def test_scans_of_no_station_come_last(user):
    """On a wall the lines come first, and what belongs to none below them."""
    Station.objects.filter(code__in=["FG-01", "FG-02"]).update(line="A")
    Station.objects.filter(code__in=["FG-03", "FG-04"]).update(line="B")
    make_scan(user, NOW, station_id=None)
    assert [line.name for line in board(MORNING, NOW).lines] == ["A", "B", ""]
    Station.objects.filter(code="FG-04").update(line="")
    lines = {line.name: line.stations for line in board(MORNING, NOW).lines}
    assert [station.code for station in lines[""]] == ["FG-04", ""]


def test_without_stations_there_is_nothing(user):
    Station.objects.all().delete()
    assert board(MORNING, NOW).lines == []


# ----- Amber and red


def state(station):
    return station.state, station.why


@pytest.mark.parametrize(("minutes", "expected"), [(10, "good"), (10.01, "amber"), (-5, "good")])
def test_silent_for_more_than_ten_minutes_is_amber(user, minutes, expected):
    make_scan(user, NOW - timedelta(minutes=minutes))
    found = stations()
    assert state(found["FG-01"]) == (expected, ["silent"] if expected == "amber" else [])
    assert state(found["FG-02"]) == ("amber", ["silent"])


def test_the_last_scan_may_be_of_the_shift_before_and_may_be_voided(user):
    begun = MORNING.start + timedelta(minutes=3)
    scan = make_scan(user, MORNING.start - timedelta(minutes=2))
    end(scan, user)
    found = stations(now=begun)["FG-01"]
    assert (state(found), found.last_scan_at) == (("good", []), scan.scanned_at)


def test_a_clock_that_is_years_ahead_keeps_no_station_from_being_silent(user):
    make_scan(user, NOW - timedelta(hours=1))
    make_scan(user, NOW + timedelta(days=4000), cp="CP10045821-0002")
    assert state(stations()["FG-01"]) == ("amber", ["silent"])


@pytest.mark.parametrize(
    ("pending", "oldest_seconds", "expected"),
    [
        (50, 300, ("good", [])),
        (51, 1, ("red", ["pending"])),
        (1, 301, ("red", ["old_pending"])),
        (51, 301, ("red", ["pending", "old_pending"])),
    ],
)
def test_a_full_or_an_old_outbox_is_red(user, pending, oldest_seconds, expected):
    make_scan(user, NOW)
    browser("FG-01", pending=pending, oldest_seconds=oldest_seconds)
    found = stations()["FG-01"]
    assert state(found) == expected
    assert (found.pending, found.oldest_pending_seconds) == (pending, oldest_seconds)
    assert found.oldest_pending_at == NOW - timedelta(seconds=oldest_seconds)


def test_outboxes_of_all_browsers_of_a_station_add_up_and_get_older(user):
    make_scan(user, NOW)
    browser("FG-01", pending=30, oldest_seconds=10)
    # Off since, with what it has.
    browser("FG-01", pending=21, oldest_seconds=100, seen_at=NOW - timedelta(seconds=250))
    browser("FG-01", oldest_seconds=5000)
    found = stations()["FG-01"]
    assert state(found) == ("red", ["pending", "old_pending"])
    assert (found.pending, found.oldest_pending_at) == (51, NOW - timedelta(seconds=350))


def test_red_goes_before_amber(user):
    browser("FG-01", pending=51)
    assert state(stations()["FG-01"]) == ("red", ["pending", "silent"])


def test_the_same_rows_are_the_same_board_as_time_passes(user):
    make_scan(user, NOW)
    seen = browser("FG-01", pending=3, oldest_seconds=60, seen_at=NOW)
    before = board(MORNING, NOW)
    later = NOW + timedelta(seconds=80)
    assert board(MORNING, later) == before
    # One that is there says so each 30 s, which is nothing new.
    Presence.objects.filter(pk=seen.pk).update(
        seen_at=NOW + timedelta(seconds=30), oldest_pending_seconds=90
    )
    found = board(MORNING, later)
    assert found.stations[0].oldest_pending_at == before.stations[0].oldest_pending_at
    make_scan(user, NOW + timedelta(seconds=30), cp="CP10045821-0002")
    assert board(MORNING, later) != before


def test_a_browser_that_is_gone_is_told_of_with_its_moment(user):
    browser("FG-01", seen_at=NOW)
    here = stations(now=NOW + timedelta(seconds=90))["FG-01"]
    assert (here.browsers_are_here, here.browsers_seen_at) == (True, None)
    gone = stations(now=NOW + timedelta(seconds=91))["FG-01"]
    assert (gone.browsers_are_here, gone.browsers_seen_at) == (False, NOW)
    never = stations()["FG-02"]
    assert (never.browsers_are_here, never.browsers_seen_at) == (False, None)
