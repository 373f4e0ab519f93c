"""A client's socket sends an answer in one piece, and waits for as long as it was told to."""

import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from gunicorn.workers.gthread import ThreadWorker

from quality import serving
from quality.sockets import MOST_TOGETHER_BYTES, Socket

HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"body"


@pytest.fixture
def ends() -> Iterator[tuple[Socket, socket.socket]]:
    """Our end of a connection, and the client's, which waits for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        ours = Socket(listener.accept()[0])
    client.settimeout(0.2)
    with client, ours:
        yield ours, client


def test_head_and_body_come_in_one_piece(ends):
    ours, client = ends
    ours.hold()
    ours.sendall(HEAD)
    with pytest.raises(TimeoutError):
        client.recv(100)
    ours.sendall(BODY)
    assert client.recv(100) == HEAD + BODY
    ours.sendall(b"more")
    assert client.recv(100) == b"more"
    ours.let_go()
    with pytest.raises(TimeoutError):
        client.recv(100)


def test_the_next_answer_is_held_as_the_first_was(ends):
    ours, client = ends
    for _ in range(3):
        ours.hold()
        ours.sendall(HEAD)
        ours.sendall(BODY)
        ours.let_go()
        assert client.recv(100) == HEAD + BODY


def test_a_head_without_a_body_is_sent_in_the_end(ends):
    ours, client = ends
    ours.hold()
    ours.sendall(HEAD)
    ours.let_go()
    assert client.recv(100) == HEAD


def test_what_nobody_holds_is_sent_at_once(ends):
    ours, client = ends
    ours.sendall(HEAD)
    assert client.recv(100) == HEAD


def test_a_long_body_follows_its_head(ends):
    ours, client = ends
    body = b"x" * (MOST_TOGETHER_BYTES + 1)
    ours.hold()
    ours.sendall(HEAD)
    ours.sendall(body)
    heard = b""
    while len(heard) < len(HEAD) + len(body):
        heard += client.recv(2 * MOST_TOGETHER_BYTES)
    assert heard == HEAD + body


@pytest.mark.parametrize("held", [b"", HEAD])
def test_what_does_not_fit_waits_for_the_client_and_comes_once(ends, held):
    ours, client = ends
    client.settimeout(10)
    body = os.urandom(20_000_000)
    with ThreadPoolExecutor(1) as executor:
        if held:
            ours.hold()
            ours.sendall(held)
        sent = executor.submit(ours.sendall, body)
        heard = bytearray()
        while len(heard) < len(held) + len(body):
            heard += client.recv(1_000_000)
        sent.result()
    assert heard == held + body


def test_it_hears_what_is_there_and_waits_for_nothing(ends):
    ours, client = ends
    client.sendall(b"all of it")
    assert ours.recv(3, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"all"
    assert ours.recv(100, socket.MSG_DONTWAIT) == b"all of it"
    with pytest.raises(BlockingIOError):
        ours.recv(100, socket.MSG_DONTWAIT)
    client.close()
    assert ours.recv(100, socket.MSG_DONTWAIT) == b""
    ours.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        ours.recv(100, socket.MSG_DONTWAIT)


def test_a_file_follows_its_head(ends, tmp_path):
    ours, client = ends
    path = tmp_path / "file"
    path.write_bytes(BODY)
    ours.hold()
    ours.sendall(HEAD)
    with path.open("rb") as file:
        assert ours.sendfile(file) == len(BODY)
    ours.shutdown(socket.SHUT_WR)
    assert b"".join(iter(lambda: client.recv(100), b"")) == HEAD + BODY


def test_who_is_listened_to_has_heard_all(ends):
    ours, client = ends
    ours.hold()
    ours.sendall(b"go on")
    client.sendall(b"more")
    assert ours.recv(100) == b"more"
    assert client.recv(100) == b"go on"


def test_who_is_left_has_heard_all(ends):
    ours, client = ends
    ours.hold()
    ours.sendall(HEAD)
    ours.shutdown(socket.SHUT_WR)
    assert client.recv(100) == HEAD
    assert client.recv(100) == b""


def test_a_client_that_has_gone_is_told_of(ends):
    ours, client = ends
    # Without a goodbye.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    ours.hold()
    ours.sendall(HEAD)
    with pytest.raises(ConnectionError):
        ours.let_go()


def test_it_waits_for_as_long_as_it_was_told_last(ends):
    ours, client = ends
    ours.settimeout(0.01)
    assert ours.gettimeout() == 0.01
    with pytest.raises(TimeoutError):
        ours.recv(100)
    ours.setblocking(False)
    assert not ours.getblocking()
    with pytest.raises(BlockingIOError):
        ours.recv(100)
    ours.setblocking(True)
    with pytest.raises(BlockingIOError):
        ours.recv(100, socket.MSG_DONTWAIT)
    client.sendall(b"more")
    assert ours.recv(100) == b"more"
    assert ours.getblocking()


def test_an_error_waits_for_nobody(ends):
    # gunicorn sends them so: the client may have stopped reading.
    ours, client = ends
    ours.hold()
    ours.setblocking(False)
    ours.sendall(HEAD)
    assert client.recv(100) == HEAD
    more_than_fits = b"x" * 50_000_000
    with pytest.raises(BlockingIOError):
        ours.sendall(more_than_fits)


def test_the_master_is_told_once_a_second_that_a_worker_lives(monkeypatch):
    told = []
    now = 1000.0
    monkeypatch.setattr(ThreadWorker, "notify", lambda worker: told.append(now))
    monkeypatch.setattr("quality.serving.time.monotonic", lambda: now)
    worker = serving.Worker.__new__(serving.Worker)
    worker.told_at = float("-inf")
    for step in range(40):
        now = 1000.0 + step / 10
        worker.notify()
    assert told == [1000.0, 1001.0, 1002.0, 1003.0]
