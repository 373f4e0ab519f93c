"""A cap on the connections of all processes of a host, and nobody starves under it."""

import struct
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured

from quality.pool import host, slotfile
from quality.pool.host import HostSlots
from quality.pool.slotfile import SlotFile
from tests.pool.conftest import eventually, in_thread
from tests.pool.project import environment, run

CAP = 6
SERVER = "shop@db:3306"


@pytest.fixture
def slots(folder) -> Iterator[Callable[..., HostSlots]]:
    """`slots()` takes part as another process would: locks are on what it opened, not on us."""
    made: list[HostSlots] = []

    def make(limit: int = CAP, key: str = SERVER) -> HostSlots:
        made.append(HostSlots(folder, key, limit))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def _announcements_stay(monkeypatch) -> None:
    """What a process says is not forgotten while a busy machine keeps us waiting."""
    monkeypatch.setattr(slotfile, "ANNOUNCED_SECONDS", 60)


def take_all(one: HostSlots, at_most: int = 100) -> int:
    for number in range(at_most):
        if not one.try_acquire():
            return number
    return at_most


# ----- The cap


def test_all_together_get_no_more_than_the_cap(slots):
    first, second, third = slots(), slots(), slots()
    assert take_all(first, 4) == 4
    assert take_all(second) == 2
    assert take_all(third) == 0
    first.release()
    assert take_all(third) == 1
    assert (first.held, second.held, third.held) == (3, 2, 1)


def test_each_server_and_account_has_a_cap_of_its_own(slots):
    assert take_all(slots()) == CAP
    assert take_all(slots(key="shop@other:3306")) == CAP


def test_a_wait_ends_at_its_deadline(slots):
    take_all(slots())
    began = time.monotonic()
    assert slots().acquire(began + 0.2) is False
    assert 0.2 <= time.monotonic() - began < 10


def test_a_child_has_none_of_its_parents_slots_and_cannot_free_them(folder):
    script = f"""
import os, signal, time
from quality.pool.host import HostSlots
from quality.pool.slotfile import SlotFile
slots = HostSlots({folder!r}, "key", 2)
assert slots.try_acquire()
pid = os.fork()
if not pid:
    ok = slots.held == 0
    slots.release()
    ok = ok and slots.try_acquire() and not slots.try_acquire() and slots.held == 1
    slots.close()
    os._exit(0 if ok else 1)
assert os.waitpid(pid, 0)[1] == 0
assert slots.held == 1
# What it had is free when it is killed, though a child of its own lives on.
reader, writer = os.pipe()
pid = os.fork()
if not pid:
    assert slots.try_acquire()
    if not os.fork():
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
assert slots.acquire(time.monotonic() + 10)
os.write(writer, b"!")
"""
    run("-W", "error", "-c", script, env=environment({}))


# ----- Nobody starves


def test_a_slot_that_is_given_back_reaches_a_waiter_of_another_process(slots):
    holder, one = slots(), slots()
    take_all(holder)
    waiting = in_thread(lambda: one.acquire(time.monotonic() + 30) and time.monotonic())
    eventually(holder.others_wait)
    began = time.monotonic()
    holder.release()
    assert waiting.result(30) - began < 10


def test_who_idles_is_told_at_once_that_another_waits(slots):
    idler, one = slots(), slots()
    take_all(idler)
    told: list[float] = []

    def give_back() -> None:
        told.append(time.monotonic())
        idler.release()

    idler.on_wanted(give_back)
    assert not idler.others_wait()
    began = time.monotonic()
    assert one.acquire(began + 30)
    assert told
    eventually(lambda: not idler.others_wait())
    assert idler.held == CAP - len(told)


def test_a_pool_with_a_queue_of_its_own_need_not_sleep_here(slots):
    holder, one = slots(), slots()
    take_all(holder)
    got = threading.Event()

    def try_again() -> None:
        if one.try_acquire():
            one.want(0)
            got.set()

    one.on_free(try_again)
    one.want(3)
    eventually(holder.others_wait)
    holder.release()
    assert got.wait(30)
    eventually(lambda: not holder.others_wait())


@pytest.mark.usefixtures("_announcements_stay")
def test_who_waits_with_fewer_slots_comes_first(slots):
    many, few = slots(), slots()
    take_all(many)
    few.want(1)
    many.release()
    assert not many.try_acquire()
    assert few.try_acquire()
    few.want(0)
    many.release()
    assert many.try_acquire()


@pytest.mark.usefixtures("_announcements_stay")
def test_who_holds_more_than_another_owes_it_one_until_they_are_even(slots):
    many, few = slots(), slots()
    take_all(many)
    assert not many.owes()
    few.want(8)
    assert many.wanted() == 8
    given = 0
    while many.owes():
        many.release()
        assert few.try_acquire()
        few.want(8)
        given += 1
    assert (given, many.held, few.held) == (3, 3, 3)
    many.want(8)
    assert not few.owes()


@pytest.mark.usefixtures("_announcements_stay")
def test_even_the_last_slot_is_owed_to_who_has_none(slots, monkeypatch):
    patience = host.PATIENCE_SECONDS
    monkeypatch.setattr(host, "PATIENCE_SECONDS", 60)
    first, second = slots(1), slots(1)
    assert first.try_acquire()
    first.want(1)
    second.want(1)
    assert not first.owes()
    monkeypatch.setattr(host, "PATIENCE_SECONDS", patience)

    def owes() -> bool:
        second.try_acquire()
        return first.owes()

    eventually(owes)
    first.release()
    assert not first.try_acquire()
    assert second.try_acquire()


def test_who_says_that_it_waits_and_never_tries_is_soon_forgotten(slots):
    holder, one = slots(), slots()
    take_all(holder)
    one.want(5)
    assert holder.others_wait()
    eventually(lambda: not holder.others_wait())


def test_who_says_again_that_it_waits_while_another_looks_is_seen(folder, monkeypatch):
    looking, waiting = SlotFile(folder, SERVER, CAP), SlotFile(folder, SERVER, CAP)

    def ask_while_it_says_so() -> float:
        now = time.monotonic()
        with monkeypatch.context() as as_before:
            as_before.setattr(slotfile, "time", time)
            waiting.announce(1)
        return now

    with closing(looking), closing(waiting):
        waiting.announce(1)
        monkeypatch.setattr(slotfile, "time", SimpleNamespace(monotonic=ask_while_it_says_so))
        assert looking.wanted() == 1


# ----- The shared file


def remove_files(folder: str) -> None:
    for path in Path(folder).iterdir():
        path.unlink()


def test_a_removed_file_does_not_give_two_caps(slots, folder):
    first = slots()
    assert take_all(first, 4) == 4
    remove_files(folder)
    # It notices by itself, and moves to the new file with what it holds.
    eventually(lambda: list(Path(folder).glob("*slots")))
    first.want(0)  # waits for the move that has begun
    assert take_all(slots()) == 2


def test_a_removed_file_is_noticed_before_the_next_slot_is_taken(slots, folder):
    first = slots()
    assert take_all(first, 4) == 4
    remove_files(folder)
    assert first.try_acquire()
    assert take_all(slots()) == 1


def test_who_was_too_late_at_a_new_file_gives_back_what_is_too_much(slots, folder):
    first = slots()
    assert take_all(first, 4) == 4
    remove_files(folder)
    second = slots()
    assert take_all(second) == CAP
    eventually(first.others_wait)
    assert first.owes()
    assert not first.try_acquire()
    for _ in range(4):
        first.release()
    assert first.held == 0
    second.release()
    eventually(first.try_acquire)


def test_an_announcement_from_before_a_reboot_does_not_count(slots, folder):
    one = slots()
    assert one.try_acquire()
    [path] = Path(folder).glob("*slots")
    with path.open("r+b") as file:
        # Until when somebody waits, and a row that says so: far ahead of this boot's clock.
        file.write(struct.pack("d", time.monotonic() + 1e6))
        file.seek(8 * 8 + 8 * 100)
        file.write(struct.pack("d", time.monotonic() + 1e6))
    assert not one.others_wait()


def test_a_cap_that_cannot_be_kept_stops_the_start(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(ImproperlyConfigured, match=r"host_limit.*cannot be kept.*chmod 700"):
        HostSlots(str(tmp_path), SERVER, CAP)


def test_more_pools_than_rows_still_keep_the_cap(slots):
    many = [slots() for _ in range(130)]
    assert sum(take_all(one, 1) for one in many) == CAP
    assert not many[-1].acquire(time.monotonic() + 0.1)
    many[0].release()
    assert many[-1].acquire(time.monotonic() + 30)


@pytest.mark.usefixtures("_announcements_stay")
def test_asking_whether_others_wait_costs_next_to_nothing(slots):
    one, other = slots(), slots()
    take_all(one)

    def cost(ask: Callable[[], bool]) -> float:
        return min(timeit.repeat(ask, number=300, repeat=5))

    alone = cost(one.others_wait), cost(one.owes)
    other.want(1)
    assert one.others_wait()
    busy = cost(one.others_wait)
    # The rows of all processes are only read while somebody waits.
    assert max(alone) < busy / 3
