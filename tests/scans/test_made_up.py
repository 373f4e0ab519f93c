"""What the demo makes up looks like a factory's work, and is the same each time."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from scans import demo_load
from scans.demo import LINES, STATIONS, seed_master_data
from scans.made_up import (
    BAD_NUMBER,
    BAD_PERIOD,
    PIECES,
    SCANS,
    is_bad,
    make_shift,
    number_of,
    shift_of,
)
from scans.models import Event, Incident, Operator, Scan, Station
from scans.reporting import reports, rollups
from scans.reporting.filters import Filters
from scans.shifts import Shift, shift_at

ORDINARY = Shift(date(2026, 11, 17), "morning")
BAD = shift_of(BAD_NUMBER + 9 * BAD_PERIOD)


@pytest.mark.parametrize(
    ("shift", "hours", "offsets"),
    [
        (ORDINARY, 8, {120}),
        (Shift(date(2026, 7, 1), "night"), 8, {180}),
        # The clock is set back at 4, and forward at 3.
        (Shift(date(2026, 10, 24), "night"), 9, {180, 120}),
        (Shift(date(2027, 3, 27), "night"), 7, {120, 180}),
    ],
    ids=str,
)
def test_each_station_scans_through_the_shift_by_the_clock_on_the_wall(shift, hours, offsets):
    made = make_shift(shift, 1)
    assert shift.end.astimezone(UTC) - shift.start.astimezone(UTC) == timedelta(hours=hours)
    assert Counter(scan.station for scan in made.scans) == dict.fromkeys(STATIONS, SCANS)
    assert {scan.offset_minutes for scan in made.scans} == offsets
    for station in STATIONS:
        mine = sorted(
            (scan for scan in made.scans if scan.station == station), key=lambda s: s.sequence
        )
        moments = [scan.scanned_at for scan in mine]
        assert moments == sorted(set(moments))
        assert {shift_at(moment) for moment in moments} == {shift}
        assert moments[-1] - moments[0] > timedelta(hours=hours) * 0.9
        assert all(scan.received_at > scan.scanned_at for scan in mine)
        assert all(scan.received_at < shift.end for scan in mine)
        assert len({scan.operator for scan in mine}) == 1
        assert len({(scan.cp[:10], scan.oc1, scan.oc2) for scan in mine}) == len(
            {scan.cp[:10] for scan in mine}
        )
    arrived = [scan.received_at for scan in made.scans]
    assert arrived == sorted(arrived)


def test_the_same_shift_is_the_same_each_time_and_no_other():
    assert make_shift(ORDINARY, 1) == make_shift(ORDINARY, 1)
    other = make_shift(ORDINARY.next(), 1)
    uids = [scan.uid for scan in [*make_shift(ORDINARY, 1).scans, *other.scans]]
    assert len(set(uids)) == len(uids) == 8 * SCANS


def test_shares_are_those_of_the_factory():
    made = [make_shift(shift_of(7000 + number), 1) for number in range(40)]
    scans = [scan for shift in made for scan in shift.scans]
    rejects = Counter(scan.defect for scan in scans if scan.defect != "000")
    assert 0.96 < 1 - rejects.total() / len(scans) < 0.98
    assert 0.55 < sum(rejects[code] for code in ("001", "002", "007")) / rejects.total() < 0.65
    assert all((scan.note != "") is (scan.defect == "099") for scan in scans)
    again = [scan for scan in scans if scan.reinspection_of]
    assert 0.009 < len(again) / len(scans) < 0.012
    voids = [void for shift in made for void in shift.voids]
    assert len(voids) / len(scans) == pytest.approx(0.003, rel=0.01)
    assert {void.station is None for void in voids} == {True, False}
    assert any(scan.clock_skew_seconds > 60 for scan in scans)
    late = [scan for scan in scans if scan.received_at - scan.scanned_at > timedelta(minutes=5)]
    assert 0 < len(late) < len(scans) / 50


def test_an_order_has_its_pieces_each_of_them_once():
    """But for those that are inspected again, and those that were voided."""
    made = [make_shift(shift_of(7001 + number), 1) for number in range(4)]
    voided = {void.scan for shift in made for void in shift.voids}
    scans = sorted(
        (scan for shift in made for scan in shift.scans if scan.station == "FG-02"),
        key=lambda scan: scan.scanned_at,
    )
    firsts = [scan for scan in scans if not scan.reinspection_of and scan.uid not in voided]
    known = {scan.cp for scan in scans}
    assert len({scan.cp for scan in firsts}) == len(firsts)
    pieces = Counter(cp[:10] for cp in known)
    first, *whole, last = sorted(pieces)
    assert {pieces[order] for order in whole} == {PIECES}
    assert {f"{whole[0]}-{number:04}" for number in range(1, PIECES + 1)} <= known
    assert all(order.startswith("CP2") for order in (first, *whole, last))
    by_uid = {scan.uid: scan for scan in scans}
    for scan in scans:
        if scan.reinspection_of:
            earlier = by_uid[scan.reinspection_of]
            assert earlier.cp == scan.cp
            assert earlier.scanned_at < scan.scanned_at
            assert earlier.received_at <= scan.received_at


def test_in_any_90_days_there_is_one_bad_shift():
    assert sum(is_bad(7123 + number) for number in range(270)) == 1
    assert is_bad(number_of(BAD))
    scans = make_shift(BAD, 1).scans
    assert sum(scan.defect != "000" for scan in scans) / len(scans) == pytest.approx(
        0.06, abs=0.005
    )


@pytest.fixture
def logins(db, person):
    for role in ("operator", "quality"):
        person(role)


def test_the_past_is_loaded_once_and_the_chart_finds_the_bad_shift(logins):
    seed_master_data()
    now = BAD.end + timedelta(hours=9)
    assert demo_load.load_past(now, days=2) == 6 * 4 * SCANS
    scans, events, incidents = Scan.objects.count(), Event.objects.count(), Incident.objects.count()
    assert scans == 6 * 4 * SCANS
    assert events >= 6 * 4
    assert incidents >= 6 * 4
    assert demo_load.load_past(now, days=2) == 0
    assert Event.objects.count() == events
    # A shift later there is one more.
    assert demo_load.load_past(now + timedelta(hours=8), days=1) == 4 * SCANS
    assert {scan.cp[:10] for scan in Scan.objects.all()} & {"CP10045821", "CP10045822"} == set()
    assert dict(Station.objects.values_list("code", "line")) == LINES
    assert set(Scan.objects.values_list("operator", flat=True)) <= set(
        Operator.objects.values_list("badge", flat=True)
    )
    rollups.rebuild()
    f = Filters(since=BAD.day - timedelta(days=2), until=BAD.day + timedelta(days=1))
    assert [point.label for point in reports.chart(f).points if point.is_out] == [BAD]
    assert rollups.differences() == []


def test_events_and_incidents_have_the_moments_of_the_station(logins):
    seed_master_data()
    demo_load.load_past(datetime(2026, 7, 1, 12, tzinfo=UTC), days=1)
    for event in Event.objects.select_related("scan"):
        assert event.scan.scanned_at < event.happened_at < event.received_at
        assert event.happened_offset_minutes == 180
        assert event.recorded_by.username == ("operator" if event.station_id else "quality")
        assert event.reason
