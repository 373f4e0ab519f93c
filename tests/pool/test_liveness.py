"""A connection that died in the pool is replaced before anybody uses it."""

import signal
import time

import MySQLdb
import pytest
from django.db import OperationalError

from quality.pool import lending
from tests.faults import frozen
from tests.pool.conftest import eventually, in_thread, select, thread_id


@pytest.mark.parametrize("trusted_seconds", [60, 0], ids=["just used", "long idle"])
def test_a_killed_connection_is_replaced(trusted_seconds, database, server, monkeypatch):
    monkeypatch.setattr(lending, "TRUSTED_SECONDS", trusted_seconds)
    wrapper = database(pool={"max_size": 1}).wrapper()
    dead = thread_id(wrapper)
    wrapper.close()
    server.kill(dead)
    assert thread_id(wrapper) != dead


def test_a_connection_that_the_server_timed_out_is_replaced(database, server):
    shop = database(pool={"max_size": 1, "reset": "rollback"})
    wrapper = shop.wrapper()
    dead = thread_id(wrapper)
    select(wrapper, "SET wait_timeout = 1")
    wrapper.close()
    eventually(lambda: not server.has(dead))
    assert thread_id(wrapper) != dead


def test_a_connection_that_lives_is_not_replaced(database, monkeypatch):
    monkeypatch.setattr(lending, "TRUSTED_SECONDS", 0)
    wrapper = database().wrapper()
    first = thread_id(wrapper)
    for _ in range(3):
        wrapper.close()
        assert thread_id(wrapper) == first


def test_a_connection_that_died_in_use_is_not_lent_again(database, server):
    shop = database(pool={"max_size": 1})
    wrapper = shop.wrapper()
    dead = thread_id(wrapper)
    server.kill(dead)
    with pytest.raises(OperationalError):
        select(wrapper, "SELECT 1")
    assert not wrapper.is_usable()
    wrapper.close()
    assert thread_id(wrapper) != dead


def test_a_connection_that_the_driver_gave_up_is_not_reset(database, server):
    wrapper = database(pool={"max_size": 1}).wrapper()
    dead = thread_id(wrapper)
    session = wrapper.connection.session
    server.kill(dead)
    with pytest.raises(OperationalError):
        select(wrapper, "SELECT 1")
    # The driver's change_user() would write into freed memory.
    with pytest.raises(MySQLdb.OperationalError, match="had gone before"):
        session.reset("full")


def test_a_restarted_server_costs_no_borrower_an_error(spare_server, on_spare_server):
    shop = on_spare_server({"max_size": 3, "fail_fast": 0.01})
    wrappers = [shop.wrapper() for _ in range(3)]
    for wrapper in wrappers:
        thread_id(wrapper)
    for wrapper in wrappers:
        wrapper.close()
    spare_server.stop()
    with pytest.raises(OperationalError) as refusal:
        wrappers[0].ensure_connection()
    assert refusal.value.args[0] in (2002, 2003)
    spare_server.start()
    for wrapper in wrappers:
        assert select(wrapper, "SELECT 1") == 1
    assert shop.pool.stats().in_use == 3


@pytest.mark.parametrize("idle", [1, 0], ids=["an idle connection", "a new connection"])
def test_a_frozen_server_holds_a_borrower_no_longer_than_the_timeout(
    idle, spare_server, on_spare_server, monkeypatch
):
    monkeypatch.setattr(lending, "TRUSTED_SECONDS", 0)
    shop = on_spare_server({"max_size": 1, "timeout": 1})
    wrapper = shop.wrapper()
    if idle:
        thread_id(wrapper)
        wrapper.close()
    started = time.monotonic()
    with frozen(spare_server):
        with pytest.raises(OperationalError):
            in_thread(lambda: shop.wrapper().ensure_connection()).result(30)
        took_seconds = time.monotonic() - started
    # Less than what it costs who waits for the answer of an idle one, or for a connect.
    assert took_seconds < 4.5
    assert select(wrapper, "SELECT 1") == 1


def test_a_signal_is_not_taken_for_something_said(database):
    wrapper = database(pool={"max_size": 1}).wrapper()
    thread_id(wrapper)
    session = wrapper.connection.session
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        while len(seen) < 500:
            assert not session.has_input()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    wrapper.close()
