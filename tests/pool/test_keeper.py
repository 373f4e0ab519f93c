"""The keeper looks after what nobody uses, and what nobody gave back."""

import logging
import re
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured

from quality.pool import keeper as keepers
from quality.pool.keeper import keeper
from tests.pool.conftest import SCHEMA, eventually, in_thread, thread_id
from tests.pool.project import databases, run_script


@pytest.fixture(autouse=True)
def _quick_keeper(monkeypatch):
    monkeypatch.setattr(keepers, "TICK_SECONDS", 0.02)
    keeper.look()


def used(shop, count: int) -> list[int]:
    """The server's numbers of so many connections, which are idle again."""
    wrappers = [shop.wrapper() for _ in range(count)]
    found = [thread_id(wrapper) for wrapper in wrappers]
    for wrapper in wrappers:
        wrapper.close()
    return found


def test_idle_connections_beyond_the_minimum_are_closed_by_themselves(database, server):
    shop = database(pool={"max_size": 4, "min_size": 2, "max_idle": 0.05})
    old = used(shop, 4)
    eventually(lambda: [server.has(number) for number in old].count(True) == 2)
    assert shop.pool.stats().open == 2


def test_an_old_connection_is_closed_and_the_minimum_replaced(database, server):
    shop = database(pool={"max_lifetime": 0.2, "min_size": 1})
    (old,) = used(shop, 1)
    eventually(lambda: not server.has(old))
    eventually(lambda: shop.pool.stats().idle == 1)


def test_connections_opened_together_do_not_end_together(database):
    shop = database(pool={"max_lifetime": 1000, "max_size": 8})
    used(shop, 8)
    pool = shop.pool
    lifetimes = {session.expires_at - session.opened_at for session in pool.slots.idle}
    assert len(lifetimes) == 8
    assert min(lifetimes) >= 950
    assert max(lifetimes) <= 1000


def test_the_minimum_is_filled_after_the_first_use_and_not_before(database):
    shop = database(pool={"min_size": 3})
    assert shop.pool.stats().open == 0
    used(shop, 1)
    eventually(lambda: shop.pool.stats().idle == 3)


def test_what_fills_the_minimum_is_lent_after_what_was_in_use(database):
    shop = database(pool={"min_size": 3})
    (first,) = used(shop, 1)
    eventually(lambda: shop.pool.stats().idle == 3)
    assert used(shop, 1) == [first]


def test_a_closed_pool_opens_nothing_until_it_is_used(database):
    shop = database(pool={"min_size": 2})
    used(shop, 1)
    eventually(lambda: shop.pool.stats().idle == 2)
    shop.wrapper().close_pool()
    seen_twice = looked_twice()
    eventually(seen_twice)
    assert shop.pool.stats().open == 0
    used(shop, 1)
    eventually(lambda: shop.pool.stats().idle == 2)


def looked_twice():
    """A condition that holds after the keeper has gone round twice from now on."""
    rounds = threading.Semaphore(0)
    keeper.look()
    keeper.look()
    keeper.tell(rounds.release)
    return lambda: rounds.acquire(blocking=False) or not keeper.is_running


def test_a_dead_idle_connection_is_replaced_before_anybody_asks(database, server):
    shop = database(pool={"min_size": 1})
    (dead,) = used(shop, 1)
    server.kill(dead)
    idle = shop.pool.slots.idle
    eventually(lambda: [one.connection.thread_id() for one in list(idle)] not in ([dead], []))


def test_idle_connections_are_asked_whether_they_live(database, server):
    shop = database(pool={"max_size": 2, "min_size": 2, "keepalive": 0.05})
    number = min(used(shop, 2))

    def questions() -> int:
        found = server.query(
            f"SELECT time_ms FROM information_schema.processlist WHERE id = {number}"
        )
        return found[0][0]

    # The server counts the time since the last statement; each question starts it anew.
    eventually(lambda: questions() > 20)
    eventually(lambda: questions() < 20)
    assert shop.pool.stats().open == 2


def test_the_servers_wait_timeout_bounds_what_the_options_say(database, caplog):
    shop = database(pool={"min_size": 0}, OPTIONS={"init_command": "SET wait_timeout = 100"})
    used(shop, 2)
    lifetimes = shop.pool.lifetimes
    assert (lifetimes.longest, lifetimes.idle, lifetimes.keepalive) == (90, 90, 45)
    warnings = [record.getMessage() for record in caplog.records if record.name == "quality.pool"]
    assert len(warnings) == 1
    assert "idle for 100 s (wait_timeout)" in warnings[0]


def test_a_pool_shrinks_and_grows_while_it_runs(database, server):
    shop = database(pool={"max_size": 4, "min_size": 0})
    used(shop, 3)
    shop.pool.resize(max_size=1)
    eventually(lambda: shop.pool.stats().open == 1)
    holder = shop.wrapper()
    thread_id(holder)
    waiting = in_thread(lambda: thread_id(shop.wrapper()))
    eventually(lambda: shop.pool.stats().waiting == 1)
    # Who waits is served because the limit grew.
    shop.pool.resize(max_size=2)
    waiting.result(10)
    assert shop.pool.stats().limit == 2
    shop.pool.resize(min_size=2)
    eventually(lambda: shop.pool.stats().open == 2)


def test_what_is_lent_beyond_a_smaller_limit_is_closed_when_it_returns(database, server):
    shop = database(pool={"max_size": 2, "min_size": 0})
    wrappers = [shop.wrapper(), shop.wrapper()]
    numbers = [thread_id(wrapper) for wrapper in wrappers]
    shop.pool.resize(max_size=1)
    assert shop.pool.stats().open == 2
    wrappers[0].close()
    eventually(lambda: not server.has(numbers[0]))
    wrappers[1].close()
    assert shop.pool.stats().idle == 1


@pytest.mark.parametrize("sizes", [{"max_size": 0}, {"min_size": 3}, {"max_size": "9"}])
def test_an_impossible_size_is_refused_and_changes_nothing(sizes, database):
    pool = database(pool={"max_size": 2, "min_size": 2}).pool
    with pytest.raises(ImproperlyConfigured, match=next(iter(sizes))):
        pool.resize(**sizes)
    assert (pool.stats().limit, pool.min_size) == (2, 2)


def test_the_keeper_ends_when_there_is_nothing_to_keep(database):
    shop = database(pool={"min_size": 0})
    used(shop, 1)
    assert keeper.is_running
    shop.wrapper().close_pool()
    eventually(lambda: shop.pool not in keeper._pools)
    used(shop, 1)
    assert shop.pool in keeper._pools


def test_an_error_of_the_keeper_is_logged_and_does_not_end_it(database, caplog, monkeypatch):
    shop = database(pool={"min_size": 1})
    used(shop, 1)
    monkeypatch.setattr(shop.pool, "lifetimes", None)
    eventually(lambda: "the keeper failed" in caplog.text)
    monkeypatch.undo()
    shop.pool.resize(min_size=2)
    eventually(lambda: shop.pool.stats().open == 2)
    caplog.clear()


def test_importing_starts_no_thread_and_a_command_ends_at_once(server):
    said = run_script(
        """
import threading, warnings
import quality.pool.base
before = threading.active_count()
thread_id()
connection.close()
names = [one.name for one in threading.enumerate() if one.daemon]
print(before, names)
""",
        databases(NAME=SCHEMA),
    )
    assert said.strip() == "1 ['quality.pool keeper']"


def test_a_child_has_a_keeper_of_its_own(server):
    run_script(
        """
from quality.pool.keeper import keeper
thread_id()
assert keeper.is_running
pid = os.fork()
if pid == 0:
    connection.close()
    alone = not keeper.is_running
    thread_id()
    os._exit(0 if alone and keeper._thread.is_alive() else 1)
assert os.waitpid(pid, 0)[1] == 0
assert keeper._thread.is_alive()
""",
        databases(NAME=SCHEMA, pool={"max_size": 2}),
    )


# ----- Leaks


@pytest.fixture
def leaks(caplog):
    caplog.set_level(logging.WARNING, "quality.pool.leaks")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "quality.pool.leaks"]


def borrow_and_forget(wrapper) -> int:
    return thread_id(wrapper)


def test_a_lease_that_is_out_for_long_is_logged_once_with_its_borrower(database, leaks):
    from quality.pool.holders import named

    shop = database(pool={"leak_after": 0.1, "min_size": 0})
    wrapper = shop.wrapper()
    with named("command forget"):
        borrow_and_forget(wrapper)
    eventually(leaks)
    eventually(looked_twice())
    (text,) = leaks()
    assert shop.alias in text
    assert re.search(r"command forget has had a connection for \d+\.\d s", text)
    assert "MainThread" in text
    assert "in borrow_and_forget" in text
    assert "return thread_id(wrapper)" in text
    # Where the thread is now.
    assert "in test_a_lease_that_is_out_for_long" in text.partition("The thread is here")[2]
    # It is a warning, not a theft.
    assert thread_id(wrapper)
    wrapper.close()
    assert re.search(r"returned after \d+\.\d s", leaks()[1])
    assert len(leaks()) == 2


def test_a_short_lease_is_no_leak(database, leaks):
    shop = database(pool={"leak_after": 60, "min_size": 0})
    used(shop, 1)
    holder = shop.wrapper()
    thread_id(holder)
    eventually(looked_twice())
    assert leaks() == []


def test_the_search_for_leaks_can_be_switched_off(database, leaks):
    shop = database(pool={"leak_after": 0, "min_size": 0})
    wrapper = shop.wrapper()
    thread_id(wrapper)
    wrapper.connection.holding.since -= 1000
    eventually(looked_twice())
    assert leaks() == []


def test_a_thread_that_ended_gives_its_slot_back_by_itself(database, server):
    shop = database(pool={"max_size": 2, "min_size": 0})
    kept = []

    def forget() -> int:
        # Kept, so that nothing is collected.
        kept.append(shop.wrapper())
        return thread_id(kept[0])

    lost = in_thread(forget).result(10)
    eventually(lambda: shop.pool.stats().in_use == 0)
    eventually(lambda: not server.has(lost))
    assert not kept[0].connection.is_valid


def test_a_connection_that_is_shared_outlives_its_thread(database):
    shop = database(pool={"max_size": 1, "min_size": 0})
    wrapper = shop.wrapper()
    wrapper.inc_thread_sharing()
    number = in_thread(lambda: thread_id(wrapper)).result(10)
    eventually(looked_twice())
    assert thread_id(wrapper) == number
    wrapper.close()
    wrapper.dec_thread_sharing()


def test_a_borrower_that_is_collected_gives_its_slot_back(database, server):
    shop = database(pool={"max_size": 1, "min_size": 0})
    lost = shop.pool.borrow()
    number = lost.session.connection.thread_id()
    assert sys.getrefcount(lost) == 2
    del lost
    eventually(lambda: shop.pool.stats().in_use == 0)
    eventually(lambda: not server.has(number))
    # The mark of the pool's own way back: nothing was handed on.
    assert thread_id(shop.wrapper()) != number
