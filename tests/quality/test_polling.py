"""What a worker waits with: whom it tells of, how often, and who may register meanwhile."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from selectors import EVENT_READ

import pytest

from quality.polling import Poller
from quality.sockets import Socket


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, Socket]]:
    theirs, ours = socket.socketpair()
    with theirs, Socket(ours) as client:
        yield theirs, client


def told(poller: Poller, seconds: float = 0.0) -> list[object]:
    return [key.data for key, events in poller.select(seconds) if events == EVENT_READ]


def test_a_client_is_told_of_once_until_it_is_registered_again(poller, pair):
    theirs, client = pair
    poller.register(client, EVENT_READ, "first")
    assert told(poller) == []
    theirs.send(b"x")
    assert told(poller) == ["first"]
    poller.unregister(client)
    # All of it lies there still, and more comes.
    theirs.send(b"x")
    assert told(poller) == []
    poller.register(client, EVENT_READ, "second")
    assert told(poller) == ["second"]


def test_what_nobody_looked_at_is_told_again(poller, pair):
    theirs, client = pair
    poller.register(client, EVENT_READ, "it")
    theirs.send(b"x")
    assert told(poller) == ["it"]
    began = time.monotonic()
    assert told(poller, 5) == ["it"]
    assert time.monotonic() - began < 1
    poller.unregister(client)
    assert told(poller) == []


def test_however_many_there_are_all_are_told_of_at_once(poller):
    """gunicorn closes the connections whose time is over as soon as it has looked at these."""
    with contextlib.ExitStack() as stack:
        for number in range(200):
            theirs, ours = socket.socketpair()
            stack.enter_context(theirs)
            poller.register(stack.enter_context(Socket(ours)), EVENT_READ, number)
            theirs.send(b"x")
        assert sorted(told(poller)) == list(range(200))


def test_who_hangs_up_is_told_of(poller, pair):
    theirs, client = pair
    poller.register(client, EVENT_READ, "it")
    theirs.close()
    assert told(poller) == ["it"]


def test_what_is_no_client_is_told_of_as_long_as_it_can_be_read(poller):
    reading, writing = os.pipe()
    poller.register(reading, EVENT_READ, "pipe")
    os.write(writing, b"x")
    assert told(poller) == ["pipe"]
    assert told(poller) == ["pipe"]
    os.read(reading, 1)
    assert told(poller) == []
    poller.unregister(reading)
    os.write(writing, b"x")
    assert told(poller) == []
    os.close(reading)
    os.close(writing)


def test_of_whom_is_not_registered_any_more_nothing_is_told(poller, pair):
    theirs, client = pair
    poller.register(client, EVENT_READ, "it")
    poller.unregister(client)
    theirs.send(b"x")
    assert told(poller) == []
    with pytest.raises(KeyError):
        poller.unregister(client)
    # And it may come again.
    poller.register(client, EVENT_READ, "again")
    assert told(poller) == ["again"]


def test_another_client_with_the_same_number_is_told_of(poller):
    numbers = set()
    for turn in range(3):
        theirs, ours = socket.socketpair()
        with theirs, Socket(ours) as client:
            numbers.add(client.fileno())
            poller.register(client, EVENT_READ, turn)
            theirs.send(b"x")
            assert told(poller) == [turn]
            poller.unregister(client)
    assert len(numbers) == 1


def test_a_closed_client_cannot_be_registered(poller, pair):
    _theirs, client = pair
    client.close()
    with pytest.raises(ValueError, match="-1"):
        poller.register(client, EVENT_READ)


def test_another_thread_may_register_while_one_waits(poller, pair):
    theirs, client = pair
    theirs.send(b"x")
    later = threading.Timer(0.2, poller.register, [client, EVENT_READ, "it"])
    later.start()
    try:
        began = time.monotonic()
        assert told(poller, 30) == ["it"]
        assert time.monotonic() - began < 10
    finally:
        later.join()


def test_it_waits_as_long_as_it_is_told(poller):
    began = time.monotonic()
    assert told(poller, 0.1) == []
    assert time.monotonic() - began >= 0.1
