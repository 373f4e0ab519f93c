"""When a shift begins and ends."""

from datetime import UTC, date, datetime

import pytest

from scans.shifts import Shift, shift_at


def hours(shift: Shift) -> float:
    return (shift.end.astimezone(UTC) - shift.start.astimezone(UTC)).total_seconds() / 3600


@pytest.mark.parametrize(
    ("moment", "shift"),
    [
        ("2026-11-20T06:00:00+02:00", Shift(date(2026, 11, 20), "morning")),
        ("2026-11-20T13:59:59+02:00", Shift(date(2026, 11, 20), "morning")),
        ("2026-11-20T14:00:00+02:00", Shift(date(2026, 11, 20), "afternoon")),
        ("2026-11-20T22:00:00+02:00", Shift(date(2026, 11, 20), "night")),
        # The night belongs to the date on which it starts.
        ("2026-11-21T05:59:59+02:00", Shift(date(2026, 11, 20), "night")),
        # The wall clock decides, not the sender's.
        ("2026-11-20T12:00:00+00:00", Shift(date(2026, 11, 20), "afternoon")),
    ],
)
def test_a_moment_belongs_to_one_shift(moment, shift):
    assert shift_at(datetime.fromisoformat(moment)) == shift


def test_a_shift_ends_where_the_next_one_starts():
    shift = Shift(date(2026, 12, 31), "morning")
    for _ in range(6):
        assert shift.end == shift.next().start
        assert shift_at(shift.start) == shift
        shift = shift.next()
    assert shift == Shift(date(2027, 1, 2), "morning")


@pytest.mark.parametrize(
    ("day", "length"),
    [(date(2026, 10, 24), 9), (date(2027, 3, 27), 7), (date(2026, 11, 20), 8)],
)
def test_a_night_follows_the_clock_change(day, length):
    assert hours(Shift(day, "night")) == length


def test_an_unknown_shift_is_refused():
    with pytest.raises(ValueError, match="morning, afternoon, night"):
        Shift(date(2026, 11, 20), "lunch")
