"""Reports tell the true numbers, whatever they are filtered by."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from scans.charts import p_chart, pareto
from scans.models import Incident, LegacyImport, Settings, Station
from scans.reporting import reports, rollups
from scans.reporting.filters import Filters
from scans.reporting.reports import Hour, Totals
from scans.shifts import FACTORY, NAMES, Shift
from tests.scans.reporting.history import (
    History,
    Judged,
    end,
    is_late,
    is_skewed,
    judged,
    make_scan,
)

pytestmark = pytest.mark.usefixtures("master_data")

NOON = datetime(2026, 11, 20, 10, tzinfo=UTC)
DAY = Filters(since=date(2026, 11, 20), until=date(2026, 11, 20))
LONG = Filters(since=date(2026, 10, 20), until=date(2027, 3, 30))


@pytest.fixture
def user(person):
    return person("operator")


@pytest.fixture(autouse=True)
def _after_all_of_it(monkeypatch):
    monkeypatch.setattr(
        "scans.reporting.reports.timezone.now", lambda: datetime(2027, 6, 1, tzinfo=UTC)
    )


def asked(report, f):
    rollups.refresh()
    return report(f)


# ----- First-pass yield, by hand


def minutes(number):
    return NOON + timedelta(minutes=number)


def test_first_rejected_then_approved_is_no_first_pass(user):
    make_scan(user, minutes(0), defect_id="001")
    make_scan(user, minutes(5))
    found = asked(reports.totals, DAY)
    assert found == Totals(
        scans=2, approved=1, rejected=1, firsts=1, firsts_approved=0, pieces_approved=1
    )
    assert (found.fpy, found.reject_share, found.reinspections) == (0, 0.5, 1)


def test_the_first_one_voided_the_second_is_the_first(user):
    end(make_scan(user, minutes(0), defect_id="001"), user)
    make_scan(user, minutes(5))
    found = asked(reports.totals, DAY)
    assert (found.fpy, found.firsts, found.voided, found.scans) == (1, 1, 1, 1)


def test_the_first_one_replaced_its_replacement_is_the_first(user):
    first = make_scan(user, minutes(0), defect_id="001")
    make_scan(user, minutes(5))
    assert asked(reports.totals, DAY).fpy == 0
    # A higher id, but the same moment.
    end(first, user, make_scan(user, minutes(0), defect_id="000"))
    found = asked(reports.totals, DAY)
    assert (found.fpy, found.firsts, found.scans, found.reinspections) == (1, 1, 2, 1)


def test_a_piece_first_scanned_in_another_shift_is_no_first_of_this_one(user):
    make_scan(user, minutes(0), defect_id="001")
    make_scan(user, minutes(8 * 60))
    morning, afternoon = asked(reports.by_shift, DAY)
    assert [shift.name for shift, _found in (morning, afternoon)] == ["morning", "afternoon"]
    assert (morning[1].fpy, morning[1].pieces_rejected) == (0, 0)
    assert (afternoon[1].fpy, afternoon[1].firsts, afternoon[1].pieces_approved) == (None, 0, 1)
    assert asked(reports.totals, DAY.but(shift="afternoon")) == afternoon[1]


def test_one_delivered_late_is_the_first_all_the_same(user):
    make_scan(user, minutes(60))
    assert asked(reports.totals, DAY).fpy == 1
    make_scan(user, minutes(0), defect_id="001")
    found = asked(reports.totals, DAY)
    assert (found.fpy, found.firsts) == (0, 1)


def test_of_two_at_the_same_moment_the_one_stored_first_is_the_first(user):
    make_scan(user, minutes(0), defect_id="001")
    make_scan(user, minutes(0))
    found = asked(reports.totals, DAY)
    assert (found.fpy, found.pieces_approved) == (0, 1)


def test_without_a_scan_there_is_no_yield(db):
    found = asked(reports.totals, DAY)
    assert (found, found.fpy, found.reject_share) == (Totals(), None, None)


# ----- All reports, by all filters, against a look at each scan


def fits(one: Judged, f: Filters) -> bool:
    scan = one.scan
    return (
        f.since <= one.shift.day <= f.until
        and f.shift in ("", one.shift.name)
        and f.station in ("", scan.station_id or "-")
        and f.operator in ("", scan.operator)
        and f.cp_base in ("", scan.cp_base)
        and f.oc1 in ("", scan.oc1)
        and f.oc2 in ("", scan.oc2)
        and f.defect in ("", scan.defect_id)
        and f.result in ("", "approved" if one.is_approved else "rejected")
    )


def totals_of(some):
    some = list(some)
    counting = [one for one in some if one.counts]
    good = [one for one in counting if one.is_approved]
    return Totals(
        scans=len(counting),
        approved=len(good),
        rejected=len(counting) - len(good),
        firsts=sum(one.is_first for one in counting),
        firsts_approved=sum(one.is_first for one in good),
        pieces_approved=sum(one.is_last for one in good),
        pieces_rejected=sum(one.is_last and not one.is_approved for one in counting),
        voided=len(some) - len(counting),
    )


def grouped(some, key):
    groups = defaultdict(list)
    for one in some:
        groups[key(one)].append(one)
    return [(name, totals_of(groups[name])) for name in sorted(groups)]


def any_filter(chance) -> Filters:
    choices = {
        "shift": ["", *NAMES],
        "station": ["", "-", "FG-01", "FG-02"],
        "operator": ["", "OP0001"],
        "cp_base": ["", "CP10045820"],
        "oc1": ["", "OC02"],
        "oc2": ["", "OC11"],
        "defect": ["", "000", "001"],
        "result": ["", "approved", "rejected"],
    }
    names = chance.sample(list(choices), chance.randrange(4))
    since, until = chance.choice(
        [
            (date(2026, 10, 20), date(2027, 3, 30)),
            (date(2026, 10, 24), date(2026, 10, 25)),
            (date(2026, 11, 19), date(2026, 11, 20)),
            (date(2027, 3, 27), date(2027, 3, 27)),
        ]
    )
    return Filters(
        since=since, until=until, **{name: chance.choice(choices[name]) for name in names}
    )


@pytest.mark.parametrize("seed", range(6))
def test_each_report_is_what_a_look_at_each_scan_gives(user, seed):
    history = History(seed, user)
    for step in history.chance.choices([history.scan, history.end], [5, 1], k=120):
        step()
    rollups.refresh()
    everything = judged()
    for _ in range(25):
        f = any_filter(history.chance)
        some = [one for one in everything if fits(one, f)]
        assert reports.totals(f) == totals_of(some)
        assert reports.by_station(f) == grouped(some, lambda one: one.scan.station_id or "")
        assert reports.by_operator(f) == grouped(some, lambda one: one.scan.operator)
        by_shift = [
            ((shift.day, NAMES.index(shift.name)), found) for shift, found in reports.by_shift(f)
        ]
        assert by_shift == grouped(some, lambda one: (one.shift.day, NAMES.index(one.shift.name)))
        counting = [one for one in some if one.counts]
        rejected = Counter(one.scan.defect_id for one in counting if not one.is_approved)
        assert reports.defects(f) == pareto(rejected)
        assert_hours(f, counting)
        assert_chart(f, [one for one in everything if fits(one, f.but(defect="", result=""))])
        assert_reinspected(f, counting)
        assert_data_quality(f, some)


def assert_hours(f, counting):
    # In UTC: of one zone the two hours from 3 on would be taken for the same.
    found = {
        hour.start if f.days > 3 else hour.start.astimezone(UTC): hour for hour in reports.hourly(f)
    }
    groups = defaultdict(list)
    for one in counting:
        start = one.shift.start.astimezone(UTC) + timedelta(hours=one.hour)
        groups[start.astimezone(FACTORY).time() if f.days > 3 else start].append(one)
    for start, ones in groups.items():
        hour = found.pop(start)
        good = sum(one.is_approved for one in ones)
        assert (hour.scans, hour.approved, hour.rejected) == (len(ones), good, len(ones) - good)
        if f.days > 3:
            assert hour.days == len({one.shift.day for one in ones})
    assert all(hour.scans == 0 for hour in found.values())
    assert f.days <= 3 or not found


def assert_chart(f, some):
    looked_for = f.defect if f.defect != "000" else ""
    samples = {}
    for one in sorted(some, key=lambda one: one.shift.start):
        label = one.shift.day if f.days > 92 else (one.shift.day, one.shift.name)
        inspected, rejected = samples.get(label, (0, 0))
        is_found = one.scan.defect_id == looked_for if looked_for else not one.is_approved
        samples[label] = (inspected + one.counts, rejected + (one.counts and is_found))
    expected = p_chart((label, *counts) for label, counts in samples.items())
    found = reports.chart(f)
    assert found.centre == expected.centre
    for point, other in zip(found.points, expected.points, strict=True):
        label = point.label
        assert other.label == (label if f.days > 92 else (label.day, label.name))
        assert (point.inspected, point.rejected) == (other.inspected, other.rejected)
        assert (point.lower, point.upper) == (other.lower, other.upper)


def assert_reinspected(f, counting):
    def state(scan):
        return "approved" if scan.defect_id == "000" else "rejected"

    again = [one for one in counting if one.is_last and not one.is_first]
    expected = Counter((state(one.first), state(one.last)) for one in again)
    found = reports.reinspected(f)
    assert {key: count for key, count in found.counts.items() if count} == expected
    assert found.total == len(again)
    again.sort(key=lambda one: (one.scan.scanned_at, one.scan.pk), reverse=True)
    assert [
        (piece.cp, piece.first_at, piece.first_defect, piece.last_at, piece.last_defect)
        for piece in found.pieces
    ] == [
        (one.scan.cp, one.first.scanned_at, one.first.defect_id, one.last.scanned_at,
         one.last.defect_id)
        for one in again
    ]  # fmt: skip


def assert_data_quality(f, some):
    found = reports.data_quality(f)
    for station, flaws in found.stations:
        here = [one for one in some if (one.scan.station_id or "") == station]
        counting = [one.scan for one in here if one.counts]
        ended = Counter(one.ended_by for one in here if not one.counts)
        assert flaws.scans == len(counting)
        assert flaws.skewed == sum(map(is_skewed, counting))
        assert flaws.late == sum(map(is_late, counting))
        assert (flaws.voided, flaws.replaced) == (ended["void"], ended["replace"])
    assert {station for station, _flaws in found.stations} == {
        one.scan.station_id or "" for one in some
    }
    assert found.total.scans == sum(one.counts for one in some)


# ----- Hour by hour


@pytest.mark.parametrize(
    ("evening", "hours"), [(date(2026, 10, 24), 9), (date(2027, 3, 27), 7), (date(2026, 11, 20), 8)]
)
def test_a_night_has_as_many_hours_as_it_lasts(user, evening, hours):
    night = Shift(evening, "night")
    start = night.start.astimezone(UTC)
    for number in range(hours):
        for piece in range(number + 1):
            make_scan(user, start + timedelta(hours=number), cp=f"CP100458{number}1-{piece:04d}")
    found = asked(reports.hourly, Filters(since=evening, until=evening, shift="night"))
    assert [hour.scans for hour in found] == list(range(1, hours + 1))
    moments = [hour.start.astimezone(UTC) for hour in found]
    assert moments == [start + timedelta(hours=number) for number in range(hours)]


def test_hours_of_the_clock_add_up_days_and_the_hour_that_comes_twice(user):
    start = Shift(date(2026, 10, 24), "night").start.astimezone(UTC)
    # 22:00, and 03:00 twice.
    for number in (0, 5, 6):
        make_scan(user, start + timedelta(hours=number), cp=f"CP10045821-{number:04d}")
    make_scan(user, start + timedelta(days=1), cp="CP10045821-1000", defect_id="001")
    f = Filters(since=date(2026, 10, 20), until=date(2026, 10, 30))
    # From the first shift's start on, though a night is later than its midnight.
    assert asked(reports.hourly, f) == [
        Hour(time(21), 1, 0, 1, days=1),
        Hour(time(22), 1, 1, 0, days=1),
        Hour(time(3), 2, 2, 0, days=1),
    ]


def test_hours_that_have_not_begun_are_not_told(user, monkeypatch):
    now = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)  # 10:30 on the wall
    monkeypatch.setattr("scans.reporting.reports.timezone.now", lambda: now)
    found = asked(reports.hourly, DAY)
    assert [hour.start.hour for hour in found] == [6, 7, 8, 9, 10]


def test_shifts_that_start_at_odd_times_have_odd_hours(user):
    Settings.objects.update_or_create(
        pk=1, defaults={"morning_start": time(6, 30), "afternoon_start": time(14, 15)}
    )
    make_scan(user, datetime(2026, 11, 20, 12, 5, tzinfo=UTC))  # 14:05 on the wall
    found = asked(reports.hourly, DAY.but(shift="morning"))
    assert [hour.start.time() for hour in found] == [time(6 + number, 30) for number in range(8)]
    assert [hour.scans for hour in found] == [0] * 7 + [1]


# ----- The chart


def test_a_bad_shift_stands_out(user):
    for day in range(9):
        for piece in range(40):
            bad = piece < (12 if day == 4 else 1)
            make_scan(
                user,
                NOON - timedelta(days=day),
                cp=f"CP1004582{day}-{piece:04d}",
                defect_id="001" if bad else "000",
            )
    found = asked(reports.chart, DAY.but(since=date(2026, 11, 1)))
    assert [point.label.day for point in found.points if point.is_out] == [date(2026, 11, 16)]
    assert len(found.points) == 9


# ----- Data quality


def test_what_became_no_scan_is_told_by_station(user, client_of):
    stations = {station.code: station for station in Station.objects.all()}
    kinds = Incident.Kind

    def incident(kind, station, moment=NOON):
        Incident.objects.create(
            uid=uuid4(), kind=kind, happened_at=moment, station=stations.get(station),
            received_at=moment, recorded_by=user,
        )  # fmt: skip

    make_scan(user, NOON)
    incident(kinds.ABANDONED, "FG-01")
    incident(kinds.DOUBLE_READ, "FG-01")
    incident(kinds.DOUBLE_READ, "FG-01")
    incident(kinds.DOUBLE_READ, "")
    incident(kinds.ABANDONED, "FG-02", NOON + timedelta(hours=8))
    incident(kinds.ABANDONED, "FG-02", NOON + timedelta(days=1))

    def told(f):
        found = asked(reports.data_quality, f)
        return {
            station: (flaws.scans, flaws.abandoned, flaws.double_reads)
            for station, flaws in found.stations
        }

    assert told(DAY) == {"": (0, 0, 1), "FG-01": (1, 1, 2), "FG-02": (0, 1, 0)}
    assert told(DAY.but(shift="morning")) == {"": (0, 0, 1), "FG-01": (1, 1, 2)}
    assert told(DAY.but(station="FG-02")) == {"FG-02": (0, 1, 0)}
    assert told(DAY.but(station="-")) == {"": (0, 0, 1)}
    found = reports.data_quality(DAY)
    assert (found.total.abandoned, found.total.double_reads, found.incidents_fit) == (2, 3, True)
    assert not reports.data_quality(DAY.but(operator="OP0001")).incidents_fit


def test_a_shift_of_all_the_calendar_is_asked_for_piece_by_piece(
    user, monkeypatch, django_assert_max_num_queries
):
    """A statement with a condition for each of 36,500 nights took longer than anybody waits."""
    monkeypatch.setattr("scans.reporting.data_quality.MOST_WINDOWS", 10)
    for days in (0, 0, 9, 10, 45):
        Incident.objects.create(
            uid=uuid4(), kind=Incident.Kind.ABANDONED, happened_at=NOON + timedelta(days=days),
            received_at=NOON, recorded_by=user,
        )  # fmt: skip
    always = Filters(since=date(2000, 1, 1), until=date(2099, 12, 31), shift="morning")
    reports.data_quality(always)  # Whatever is held for the next one is held now.
    with django_assert_max_num_queries(10):
        assert reports.data_quality(always).total.abandoned == 5
    assert reports.data_quality(always.but(shift="night")).total.abandoned == 0
    before = always.but(until=date(2020, 1, 1))
    assert reports.data_quality(before).total.abandoned == 0


def test_the_newest_imports_come_first(user):
    for number in range(3):
        LegacyImport.objects.create(
            source=f"file {number}", started_at=NOON, imported_by=user, stored=number
        )
    found = asked(reports.data_quality, DAY).imports
    assert [one.source for one in found] == ["file 2", "file 1", "file 0"]
