"""Whoever asks is told of each lease that ends."""

import gc
import threading

import pytest
from django.db import ProgrammingError

from quality.pool import events
from tests.pool.conftest import eventually, in_thread, thread_id


@pytest.fixture
def told(monkeypatch):
    """What is told of leases while a test runs, and by which thread."""
    monkeypatch.setattr(events, "lease_listeners", ())
    told: list[tuple[events.LeaseEnded, threading.Thread]] = []
    events.on_lease_ended(lambda event: told.append((event, threading.current_thread())))
    return told


def test_a_lease_that_ends_is_told_with_its_times_and_its_connection(database, told):
    wrapper = database().wrapper()
    number = thread_id(wrapper)
    assert told == []
    wrapper.close()
    [(event, thread)] = told
    assert (event.alias, event.holder) == (wrapper.alias, "MainThread")
    assert (event.connection_id, event.is_new, event.reason) == (number, True, "")
    assert 0 < event.waited_seconds < 30
    assert 0 < event.held_seconds < 30
    assert 0 < event.connection_age_seconds < 60
    assert thread is threading.current_thread()


def test_the_same_connection_is_new_only_once(database, told):
    wrapper = database().wrapper()
    for _ in range(3):
        thread_id(wrapper)
        wrapper.close()
    assert [event.is_new for event, _ in told] == [True, False, False]
    assert len({event.connection_id for event, _ in told}) == 1
    assert told[2][0].connection_age_seconds > told[0][0].connection_age_seconds


def test_who_waited_is_told_how_long(database, told):
    shop = database(pool={"max_size": 1})
    holder = shop.wrapper()
    thread_id(holder)

    def wait_and_return() -> None:
        wrapper = shop.wrapper()
        thread_id(wrapper)
        wrapper.close()

    waiting = in_thread(wait_and_return)
    eventually(lambda: shop.pool.stats().waiting == 1)
    holder.close()
    waiting.result(10)
    first, second = (event for event, _ in told)
    assert second.connection_id == first.connection_id
    assert second.waited_seconds > 0
    assert first.held_seconds >= second.waited_seconds


def test_a_connection_that_died_in_the_pool_is_nobodys_lease(database, server, told):
    wrapper = database().wrapper()
    dead = thread_id(wrapper)
    wrapper.close()
    server.kill(dead)
    alive = thread_id(wrapper)
    wrapper.close()
    assert [event.connection_id for event, _ in told] == [dead, alive]
    assert told[1][0].is_new


def test_a_connection_that_is_closed_at_its_return_says_why(database, told):
    shop = database()
    wrapper = shop.wrapper()
    number = thread_id(wrapper)
    shop.pool.dispose()
    wrapper.close()
    [(event, _)] = told
    assert (event.connection_id, event.reason) == (number, "pool closed")


def test_a_lease_that_nobody_returns_is_told_as_leaked(database, told):
    wrapper = database().wrapper()
    number = thread_id(wrapper)
    # What an earlier test has left is not to be collected, and told, with it.
    gc.collect()
    del wrapper
    gc.collect()
    by_id = {}

    def is_told() -> bool:
        by_id.update({event.connection_id: (event, thread) for event, thread in told})
        return number in by_id

    eventually(is_told)
    event, thread = by_id[number]
    assert event.reason == "leaked"
    assert thread is not threading.current_thread()


def test_a_listener_may_use_the_pool_and_what_it_raises_hurts_nobody(database, told, caplog):
    """Under one of the pool's locks the other thread would wait for ever."""
    shop = database(pool={"max_size": 1})

    def use_the_pool_and_fail(event: events.LeaseEnded) -> None:
        if event.holder == "MainThread":
            in_thread(lambda: thread_id(shop.wrapper())).result(10)
            raise ValueError("no good")

    events.on_lease_ended(use_the_pool_and_fail)
    events.on_lease_ended(use_the_pool_and_fail)
    wrapper = shop.wrapper()
    thread_id(wrapper)
    wrapper.close()
    assert caplog.text.count("a listener of on_lease_ended failed") == 1
    assert thread_id(wrapper)
    wrapper.close()


def test_a_lease_tells_what_its_statements_took(database, told):
    wrapper = database().wrapper()
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT SLEEP(0.05)")
        cursor.executemany("SELECT %s", [(1,), (2,)])
        with pytest.raises(ProgrammingError):
            cursor.execute("SELECT FROM nothing")
    wrapper.close()
    [(event, _)] = told
    assert len(event.durations) == 3
    assert event.failed == 1
    assert max(event.durations) == event.durations[0] > 0.05
    # The next borrower's are its own.
    thread_id(wrapper)
    wrapper.close()
    assert (len(told[1][0].durations), told[1][0].failed) == (1, 0)


def test_a_lease_that_goes_on_tells_of_each_thousand_statements(database, told, monkeypatch):
    monkeypatch.setattr(events, "statements_listeners", ())
    thousands: list[tuple[str, int, int]] = []
    events.on_statements(lambda alias, took, failed: thousands.append((alias, len(took), failed)))
    wrapper = database().wrapper()
    with wrapper.cursor() as cursor:
        for _ in range(1001):
            cursor.execute("SELECT 1")
        assert thousands == [(wrapper.alias, 1000, 0)]
    wrapper.close()
    assert len(told[0][0].durations) == 1


def test_a_lease_is_told_when_it_begins(database, told, monkeypatch):
    monkeypatch.setattr(events, "begin_listeners", ())
    began: list[str] = []
    events.on_lease_began(began.append)
    wrapper = database().wrapper()
    assert began == []
    thread_id(wrapper)
    assert began == [wrapper.alias]
    assert told == []
    wrapper.close()
