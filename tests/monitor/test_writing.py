"""What ended is written soon, in order, and by every process itself."""

import os
import threading

from quality.monitor import lines, writing
from quality.monitor.tally import tally
from quality.monitor.work import Work
from quality.monitor.writing import Writer
from tests.pool.conftest import eventually


def test_it_is_written_soon_in_the_order_of_ending():
    writer, written = Writer(), []
    for number in range(5):
        writer.put(lambda number=number: written.append((number, threading.current_thread().name)))
    eventually(lambda: len(written) == 5)
    assert written == [(number, "quality.monitor writer") for number in range(5)]


def test_flush_returns_when_everything_is_written():
    writer, written = Writer(), []
    for _ in range(1000):
        writer.put(lambda: written.append(1))
    writer.flush()
    assert len(written) == 1000


def test_a_line_that_cannot_be_written_does_not_stop_the_others(caplog):
    writer, written = Writer(), []
    writer.put(lambda: 1 / 0)
    writer.put(lambda: written.append(1))
    writer.flush()
    assert written == [1]
    assert "A line could not be written." in caplog.text


def test_requests_are_written_together_between_what_is_called(monkeypatch):
    writer, written = Writer(), []
    monkeypatch.setattr(tally, "add_requests", lambda works: 1 / 0)
    monkeypatch.setattr(lines, "write_requests", lambda works: written.append(works[:]))
    works = [Work(None, str(number)) for number in range(4)]
    with writer._lock:
        for ended in (works[0], works[1], lambda: written.append("called"), works[2], works[3]):
            writer.put(ended)
    writer.flush()
    assert written == [works[:2], "called", works[2:]]


def test_a_disk_that_hangs_costs_the_oldest_lines(monkeypatch):
    monkeypatch.setattr(writing, "MOST_WAITING", 3)
    writer, written = Writer(), []
    with writer._lock:  # as a write that does not return
        for number in range(5):
            writer._waiting.append(lambda number=number: written.append(number))
    writer.flush()
    assert written == [2, 3, 4]


def test_a_forked_child_writes_its_own_and_not_its_parents():
    writer = Writer()
    read, write = os.pipe()
    with writer._lock:
        writer._waiting.append(lambda: os.write(write, b"parent "))
        child = os.fork()
        if not child:
            writer.put(lambda: os.write(write, b"child "))
            writer.flush()
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"child "
    writer.flush()
    assert os.read(read, 100) == b"parent "
    os.close(read)
    os.close(write)
