"""A backup each night, once, whatever the clock does."""

import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from quality.backups import nightly
from quality.backups.manifest import Kind, Outcome
from tests.backups.test_manifest import made

ZONE = ZoneInfo("Europe/Bucharest")


@pytest.mark.parametrize(
    ("now", "at", "due"),
    [
        ("2026-11-29 00:29", "02:30", "2026-11-28 00:30"),
        ("2026-11-29 00:30", "02:30", "2026-11-29 00:30"),
        ("2026-06-29 12:00", "02:30", "2026-06-28 23:30"),
        # The night in which 03:00 becomes 04:00: 03:30 is half an hour after that.
        ("2026-03-29 01:29", "03:30", "2026-03-28 01:30"),
        ("2026-03-29 01:30", "03:30", "2026-03-29 01:30"),
        ("2026-03-30 00:30", "03:30", "2026-03-30 00:30"),
        # The night in which 04:00 becomes 03:00: the first 03:30, and not the second.
        ("2026-10-25 00:30", "03:30", "2026-10-25 00:30"),
        ("2026-10-25 01:30", "03:30", "2026-10-25 00:30"),
    ],
)
def test_it_is_due_by_the_factory_s_clock(now, at, due):
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert nightly.due_at(utc(now), time.fromisoformat(at), ZONE) == utc(due)


def test_a_night_is_done_by_one_of_its_own_that_came_to_an_end():
    due = datetime(2026, 11, 29, 0, 30, tzinfo=UTC)
    early, late = "2026-11-29T00:29:59+00:00", "2026-11-29T00:30:01+00:00"
    of_a_clock_ahead = "2027-11-29T00:30:01+00:00"
    for taken_at, kind, outcome, is_done in [
        (late, Kind.NIGHTLY, Outcome.PASSED, True),
        (late, Kind.NIGHTLY, Outcome.FAILED, True),
        (late, Kind.NIGHTLY, Outcome.PENDING, False),
        (late, Kind.BY_HAND, Outcome.PASSED, False),
        (early, Kind.NIGHTLY, Outcome.PASSED, False),
        (of_a_clock_ahead, Kind.NIGHTLY, Outcome.PASSED, False),
    ]:
        one = made(taken_at=taken_at, kind=kind, outcome=outcome)
        assert nightly.is_done([one], due, due + timedelta(hours=1)) == is_done


def test_one_that_a_wrong_clock_has_put_into_the_future_stands_for_no_night():
    due = datetime(2026, 11, 29, 0, 30, tzinfo=UTC)
    one = made(taken_at="2031-11-29T00:30:01+00:00", outcome=Outcome.PASSED)
    assert not nightly.is_done([one], due, due + timedelta(hours=1))


def test_what_fails_is_logged_and_tried_again_and_then_once_is_enough(monkeypatch, caplog):
    monkeypatch.setattr(nightly, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(nightly, "RETRY_SECONDS", 0.02)
    stopped, lie, tries, looks = threading.Event(), [], [], []

    def take() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("no room")
        now = datetime.now(UTC).isoformat()
        lie.append(made(taken_at=now, kind=Kind.NIGHTLY, outcome=Outcome.PASSED))

    def found() -> list:
        looks.append(1)
        if len(looks) == 10:
            stopped.set()
        return lie

    said: list[str] = []
    nightly.run(time(2, 30), ZONE, found=found, take=take, say=said.append, stopped=stopped)
    assert len(tries) == 3
    assert len(said) == 1
    assert said[0].endswith("02:30.")
    assert caplog.text.count("No backup was taken") == 2
