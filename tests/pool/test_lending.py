"""Connections are lent, queued for, and returned; the numbers stay true."""

import pickle
import threading

import pytest
from django.db import OperationalError

from quality.pool.errors import PoolTimeout
from tests.pool.conftest import eventually, in_thread, select, thread_id


def numbers(pool):
    now = pool.stats()
    return now.open, now.idle, now.in_use


def test_its_really_a_pool(database):
    wrapper = database().wrapper()
    first = thread_id(wrapper)
    wrapper.close()
    assert thread_id(wrapper) == first


def test_two_borrowers_have_two_connections(database):
    shop = database()
    one, two = shop.wrapper(), shop.wrapper()
    assert thread_id(one) != thread_id(two)
    assert numbers(shop.pool) == (2, 0, 2)
    one.close()
    two.close()
    assert numbers(shop.pool) == (2, 2, 0)


def test_the_last_one_returned_is_lent_first(database):
    shop = database()
    wrappers = [shop.wrapper() for _ in range(3)]
    for wrapper in wrappers:
        thread_id(wrapper)
    last = thread_id(wrappers[1])
    for wrapper in (wrappers[0], wrappers[2], wrappers[1]):
        wrapper.close()
    assert thread_id(wrappers[0]) == last


def test_an_exhausted_pool_tells_its_numbers(database):
    # Enough for two connects on a busy machine.
    shop = database(pool={"max_size": 2, "timeout": 1})
    holders = [shop.wrapper(), shop.wrapper()]
    for holder in holders:
        thread_id(holder)
    with pytest.raises(PoolTimeout) as timeout:
        shop.wrapper().ensure_connection()
    error = timeout.value
    assert isinstance(error, OperationalError)
    assert (error.alias, error.limit, error.in_use, error.idle) == (shop.alias, 2, 2, 0)
    assert error.waiting == 1
    assert 1 <= error.waited_seconds < 10
    for part in (shop.alias, "2 of 2 in use", "0 idle", "1 waiting", "MainThread", "max_size"):
        assert part in str(error)
    assert shop.pool.stats().waiting == 0


def test_the_timeout_survives_the_way_between_processes():
    error = PoolTimeout("full", alias="default", waited_seconds=1.5, in_use=2, limit=2)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.alias, copy.waited_seconds) == ("full", "default", 1.5)


def test_who_waits_is_served_by_the_next_return(database):
    shop = database(pool={"max_size": 1})
    holder = shop.wrapper()
    held = thread_id(holder)
    waiting = in_thread(lambda: thread_id(shop.wrapper()))
    eventually(lambda: shop.pool.stats().waiting == 1)
    holder.close()
    assert waiting.result(10) == held


def test_first_come_first_served(database):
    shop = database(pool={"max_size": 1})
    holder = shop.wrapper()
    thread_id(holder)
    served: list[int] = []

    def wait_in_line(place: int) -> None:
        wrapper = shop.wrapper()
        thread_id(wrapper)
        served.append(place)
        wrapper.close()

    futures = []
    for place in range(5):
        futures.append(in_thread(lambda place=place: wait_in_line(place)))
        eventually(lambda place=place: shop.pool.stats().waiting == place + 1)
    holder.close()
    for future in futures:
        future.result(10)
    assert served == [0, 1, 2, 3, 4]


def test_who_was_given_a_dead_connection_keeps_its_turn(database, monkeypatch):
    shop = database(pool={"max_size": 1})
    served: list[str] = []

    def borrow_and_return(name: str) -> None:
        wrapper = shop.wrapper()
        thread_id(wrapper)
        served.append(name)
        wrapper.close()

    borrow_and_return("before")
    unfit, pool, others = shop.pool._unfit, shop.pool, []

    def dead_while_another_comes(holding):
        monkeypatch.setattr(pool, "_unfit", unfit)
        others.append(in_thread(lambda: borrow_and_return("second")))
        eventually(lambda: pool.stats().waiting == 1)
        return "dead"

    close = pool.close

    def close_and_see_who_is_next(session, reason):
        monkeypatch.setattr(pool, "close", close)
        close(session, reason)
        eventually(lambda: pool.stats().in_use == 1)

    monkeypatch.setattr(pool, "_unfit", dead_while_another_comes)
    monkeypatch.setattr(pool, "close", close_and_see_who_is_next)
    in_thread(lambda: borrow_and_return("first")).result(10)
    others[0].result(10)
    assert served == ["before", "first", "second"]


def test_threads_never_exceed_the_limit_and_never_share(database, server):
    shop = database(pool={"max_size": 3})
    lock, present, most = threading.Lock(), set(), 0

    def work() -> None:
        nonlocal most
        for _ in range(20):
            wrapper = shop.wrapper()
            number = thread_id(wrapper)
            with lock:
                assert number not in present
                present.add(number)
                most = max(most, len(present))
            select(wrapper, "SELECT 1")
            with lock:
                present.remove(number)
            wrapper.close()

    for future in [in_thread(work) for _ in range(12)]:
        future.result(30)
    assert most <= 3
    open_, idle, in_use = numbers(shop.pool)
    assert (in_use, open_) == (0, idle)
    assert open_ <= 3


def test_closing_the_pool_closes_idle_connections_at_once(database, server):
    shop = database()
    wrapper = shop.wrapper()
    old = thread_id(wrapper)
    wrapper.close()
    wrapper.close_pool()
    eventually(lambda: not server.has(old))
    assert numbers(shop.pool) == (0, 0, 0)
    assert thread_id(wrapper) != old


def test_closing_the_pool_closes_lent_connections_when_they_return(database, server):
    shop = database(pool={"max_size": 2, "timeout": 1})
    lent = [shop.wrapper(), shop.wrapper()]
    old = [thread_id(wrapper) for wrapper in lent]
    lent[0].close_pool()
    assert [thread_id(wrapper) for wrapper in lent] == old
    # They count until they return: the server never sees more than the limit.
    with pytest.raises(PoolTimeout):
        shop.wrapper().ensure_connection()
    lent[0].close()
    eventually(lambda: not server.has(old[0]))
    assert thread_id(lent[0]) not in old
    lent[0].close()
    lent[1].close()
    eventually(lambda: not server.has(old[1]))
    assert numbers(shop.pool) == (1, 1, 0)


def test_closing_a_pool_that_nobody_used_is_fine(database):
    database().wrapper().close_pool()


def test_a_thread_that_ends_without_closing_loses_no_slot(database, server):
    shop = database(pool={"max_size": 1, "timeout": 5})
    lost = in_thread(lambda: thread_id(shop.wrapper())).result(10)
    # What it may have left behind is unknown: its connection is closed, not lent.
    assert thread_id(shop.wrapper()) != lost
    eventually(lambda: not server.has(lost))
    assert shop.pool.stats().open <= 1


def test_a_refused_connection_is_stock_djangos_error_and_loses_no_slot(database):
    shop = database(pool={"max_size": 1, "timeout": 10}, PASSWORD="wrong")
    for _ in range(3):
        with pytest.raises(OperationalError) as refusal:
            shop.wrapper().ensure_connection()
        assert refusal.value.args[0] == 1045
    assert numbers(shop.pool) == (0, 0, 0)


def test_who_waits_may_open_what_a_failed_session_frees(database, server):
    shop = database(pool={"max_size": 1})
    holder = shop.wrapper()
    held = thread_id(holder)
    waiting = in_thread(lambda: thread_id(shop.wrapper()))
    eventually(lambda: shop.pool.stats().waiting == 1)
    server.kill(held)
    holder.close()
    assert waiting.result(10) != held


@pytest.mark.parametrize("when", ["lent", "idle"])
def test_what_grew_too_old_is_lent_to_nobody(when, database, server):
    shop = database(pool={"min_size": 0})
    wrapper = shop.wrapper()
    old = thread_id(wrapper)
    session = wrapper.connection.session
    if when == "lent":
        session.expires_at = 0
        wrapper.close()
        assert shop.pool.stats().open == 0
    else:
        wrapper.close()
        session.expires_at = 0
    assert thread_id(wrapper) != old
    eventually(lambda: not server.has(old))


def test_the_password_is_in_no_text(database):
    shop = database()
    wrapper = shop.wrapper()
    thread_id(wrapper)
    password = shop.settings["PASSWORD"]
    pool = wrapper.pool
    texts = [repr(pool), str(pool), repr(wrapper), str(wrapper), repr(pool.opening)]
    texts += [repr(wrapper.get_connection_params()), repr(vars(pool)), repr(pool.stats())]
    assert password
    assert [text for text in texts if password in text] == []
