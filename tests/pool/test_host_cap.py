"""Pools of several processes under one cap: nobody starves while another one idles."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from quality.pool import keeper
from quality.pool.errors import PoolTimeout
from tests.pool.conftest import eventually, in_thread, thread_id


@pytest.fixture
def capped(tmp_path, database):
    """Two pools under one cap behave as two processes do: each has a file of its own open."""

    def make(limit: int, **pool):
        folder = tmp_path / "host"
        folder.mkdir(mode=0o700, exist_ok=True)
        return database(pool={"min_size": 0, "ledger": str(folder), "host_limit": limit, **pool})

    return make


def test_two_pools_together_stay_below_the_cap(capped):
    one, two = capped(2, timeout=1), capped(2, timeout=1)
    holders = [one.wrapper(), two.wrapper()]
    for holder in holders:
        thread_id(holder)
    with pytest.raises(PoolTimeout, match="cap"):
        one.wrapper().ensure_connection()
    eventually(lambda: one.pool.slots.taken == 1)


def test_what_one_pool_has_idle_is_given_to_who_waits_in_another(capped, server, monkeypatch):
    # The keeper would do it too, but it never looks.
    monkeypatch.setattr(keeper, "tend", lambda pool: True)
    one, two = capped(1), capped(1, timeout=20)
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
    assert waiting.result(30)


def test_a_connection_that_fails_to_open_keeps_no_slot_of_the_host(capped):
    one, two = capped(1), capped(1, timeout=20)
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
    assert other.result(30)
    assert not own.done()
    wrappers[1].close()
    assert own.result(30)


def test_a_pool_that_ends_while_it_waits_for_a_slot_lets_go_of_the_file(capped, tmp_path):
    one, two = capped(1), capped(1, timeout=1)
    holder = one.wrapper()
    thread_id(holder)
    open_before = open_slot_files(tmp_path)
    waiting = in_thread(two.wrapper().ensure_connection)
    eventually(lambda: two.pool.stats().opening == 1)
    pool = two.pool
    opener = next(one for one in threading.enumerate() if one.name.endswith(pool.alias))
    pool.retire()
    with pytest.raises(PoolTimeout):
        waiting.result(30)
    opener.join(30)
    assert not pool.page.is_shared
    eventually(lambda: open_slot_files(tmp_path) == open_before)


def open_slot_files(folder: Path) -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            path = os.readlink(link)
            found += path.startswith(str(folder)) and path.endswith("slots")
    return found
