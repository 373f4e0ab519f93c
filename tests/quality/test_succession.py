"""How long a place stays empty whose worker cannot start, and how often it is said why."""

import pytest

from quality import succession


@pytest.fixture(autouse=True)
def _as_before():
    yield
    succession.comes(0)
    succession.serves(0)
    for age in list(succession._places):
        succession.has_gone(age)


def test_a_pause_is_as_long_as_none_could_start_within_limits():
    tries = [(100, 1), (100.1, 1), (101.5, 1.5), (104, 4), (120, 20), (1000, 30)]
    assert succession.pause_seconds(100) == 0
    for now, pause_seconds in tries:
        succession.could_not_start("why", now)
        assert succession.pause_seconds(now) == pytest.approx(pause_seconds)
        assert succession.pause_seconds(now + pause_seconds + 0.1) == 0
    succession.comes(1)
    assert succession.serves(1)
    assert not succession.serves(1)
    assert succession.pause_seconds(1000) == 0
    assert succession.could_not_start("why", 1001)
    assert succession.pause_seconds(1001) == 1


def test_a_reason_is_new_once():
    reasons = ("one", "one", "another", "another", "\ud800")
    news = [succession.could_not_start(why, 1) for why in reasons]
    assert news == [True, False, True, False, True]


def test_nobody_waits_where_something_was_mended_but_the_next_waits_as_long_as_before():
    succession.could_not_start("why", 100)
    succession.could_not_start("why", 110)
    succession.try_at_once()
    assert succession.pause_seconds(110) == 0
    assert not succession.could_not_start("why", 112)
    assert succession.pause_seconds(112) == 12


def test_who_comes_for_one_that_served_does_not_wait_for_those_that_cannot_start():
    for age in (1, 2):
        succession.comes(age)
    succession.serves(1)
    succession.could_not_start("why", 100)
    succession.has_gone(2)
    assert succession.pause_seconds(100) == 1
    succession.has_gone(1)
    assert succession.pause_seconds(100) == 0


def test_who_has_not_served_is_awaited_until_he_has_gone():
    """Whether he has said that he gives up, or could say nothing."""
    for age, says in ((1, succession.gives_up), (2, lambda age: None)):
        succession.comes(age)
        assert succession.is_awaited()
        says(age)
        assert succession.has_given_up(age) == (age == 1)
        assert succession.has_come_to_nothing(age)
        assert succession.is_awaited()
        assert not succession.serving()
        succession.has_gone(age)
        assert not succession.is_awaited()


def test_none_comes_for_who_was_told_to_leave_before_he_tried():
    succession.comes(1)
    succession.leaves(1)
    assert not succession.is_awaited()
    assert not succession.has_come_to_nothing(1)


def test_those_that_serve_are_counted():
    for age in (1, 2):
        succession.comes(age)
    assert succession.serving() == 0
    succession.serves(1)
    assert succession.serving() == 1
    assert not succession.has_come_to_nothing(1)
    succession.serves(2)
    assert succession.serving() == 2
    succession.has_gone(1)
    assert succession.serving() == 1


def test_who_serves_is_not_forgotten_however_many_try():
    succession.comes(1)
    succession.serves(1)
    for age in range(2, 10_000):
        succession.comes(age)
        succession.gives_up(age)
        succession.has_gone(age)
    assert succession.serving() == 1
