"""Pools of several processes under one cap: nobody starves while another one idles."""

import pytest

from quality.pool.errors import PoolTimeout
from tests.pool.conftest import eventually, in_thread, thread_id


@pytest.fixture
def capped(database, tmp_path):
    """Two pools under one cap behave as two processes do: each has a file of its own open."""

    def make(limit: int, **pool):
        folder = tmp_path / "host"
        folder.mkdir(mode=0o700, exist_ok=True)
        return database(pool={"min_size": 0, "ledger": str(folder), "host_limit": limit, **pool})

    return make


def test_two_pools_together_stay_below_the_cap(capped):
    one, two = capped(2, timeout=0.5), capped(2, timeout=0.5)
    holders = [one.wrapper(), two.wrapper()]
    for holder in holders:
        thread_id(holder)
    with pytest.raises(PoolTimeout, match="cap"):
        one.wrapper().ensure_connection()
    eventually(lambda: one.pool.slots.taken == 1)


def test_what_one_pool_has_idle_is_given_to_who_waits_in_another(capped, server):
    # Sooner than the keeper looks.
    one, two = capped(1), capped(1, timeout=0.5)
    wrapper = one.wrapper()
    old = thread_id(wrapper)
    wrapper.close()
    assert thread_id(two.wrapper()) != old
    assert one.pool.stats().open == 0
    eventually(lambda: not server.has(old))


def test_what_comes_back_is_given_to_who_waits_in_another(capped):
    one, two = capped(1), capped(1)
    wrapper = one.wrapper()
    thread_id(wrapper)
    waiting = in_thread(lambda: thread_id(two.wrapper()))
    eventually(lambda: two.pool.stats().waiting == 1)
    eventually(lambda: one.pool.host.others_wait())
    wrapper.close()
    assert waiting.result(5)


def test_a_connection_that_fails_to_open_keeps_no_slot_of_the_host(capped):
    one, two = capped(1), capped(1, timeout=5)
    one.settings["PASSWORD"] = "wrong"
    with pytest.raises(Exception, match="1045"):
        one.wrapper().ensure_connection()
    assert thread_id(two.wrapper())


def test_a_pool_that_has_more_than_its_share_gives_though_its_own_wait(capped):
    one, two = capped(2), capped(2)
    wrappers = [one.wrapper(), one.wrapper()]
    for wrapper in wrappers:
        thread_id(wrapper)
    own = in_thread(lambda: thread_id(one.wrapper()))
    eventually(lambda: one.pool.stats().waiting == 1)
    other = in_thread(lambda: thread_id(two.wrapper()))
    eventually(lambda: two.pool.stats().waiting == 1)
    eventually(lambda: one.pool.host.owes())
    wrappers[0].close()
    assert other.result(5)
    assert not own.done()
    wrappers[1].close()
    assert own.result(5)
