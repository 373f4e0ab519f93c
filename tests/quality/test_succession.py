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
    for now, pause_seconds in tries:
        assert succession.could_not_start("why", now)[0] == pause_seconds
    succession.comes(1)
    assert succession.serves(1)
    assert not succession.serves(1)
    assert succession.could_not_start("why", 1001) == (1, True)


def test_a_reason_is_new_once():
    reasons = ("one", "one", "another", "another", "\ud800")
    news = [succession.could_not_start(why, 1)[1] for why in reasons]
    assert news == [True, False, True, False, True]


def test_who_has_given_up_is_awaited_until_he_has_gone():
    succession.comes(1)
    assert succession.is_awaited()
    succession.gives_up(1)
    assert succession.has_given_up(1)
    assert succession.is_awaited()
    assert not succession.serving()
    succession.has_gone(1)
    assert not succession.is_awaited()


def test_those_that_serve_are_counted():
    for age in (1, 2):
        succession.comes(age)
    assert succession.serving() == 0
    succession.serves(1)
    assert succession.serving() == 1
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
