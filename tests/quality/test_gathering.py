"""Lines that may wait are written together, each once and in order."""

import logging
import os
import select
import sys

import pytest

from quality.gathering import Console, chunks
from quality.logfiles import SharedLogFile


def line(text: str, *, may_wait: bool) -> logging.LogRecord:
    record = logging.LogRecord("test", logging.INFO, __file__, 0, text, (), None)
    record.may_wait = may_wait
    return record


@pytest.fixture
def path(tmp_path):
    return tmp_path / "routes.log"


@pytest.fixture
def handler(path):
    handler = SharedLogFile(str(path), max_bytes=1_000_000, backups=1)
    yield handler
    handler.close()


def test_what_may_wait_is_written_at_the_next_flush(path, handler):
    for number in range(3):
        handler.emit(line(str(number), may_wait=True))
    assert not path.exists()
    handler.flush()
    handler.flush()
    assert path.read_text() == "0\n1\n2\n"


def test_what_may_not_wait_takes_along_what_waited_before(path, handler):
    handler.emit(line("first", may_wait=True))
    handler.emit(line("second", may_wait=False))
    assert path.read_text() == "first\nsecond\n"


def test_what_waits_is_written_when_the_handler_is_closed(path, handler):
    handler.emit(line("last", may_wait=True))
    handler.close()
    assert path.read_text() == "last\n"


def test_a_forked_child_leaves_its_parents_lines_to_it(path, handler):
    handler.emit(line("parent's", may_wait=True))
    child = os.fork()
    if not child:
        handler.emit(line("child's", may_wait=False))
        os._exit(0)
    os.waitpid(child, 0)
    handler.flush()
    assert path.read_text() == "child's\nparent's\n"


def test_two_handlers_of_one_formatter_format_a_line_once(path, handler, capfd, monkeypatch):
    seen = []

    class Seeing(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            seen.append(record)
            return super().format(record)

    # Not pytest's own, which is no file.
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    console = Console()
    console.formatter = handler.formatter = Seeing()
    record = line("ä", may_wait=False)
    console.emit(record)
    handler.emit(record)
    assert len(seen) == 1
    assert path.read_text() == capfd.readouterr().err == "ä\n"
    console.formatter = None
    console.emit(record)
    assert capfd.readouterr().err == "ä\n"


def test_a_record_may_stand_for_many_lines(path, handler, monkeypatch):
    assert not handler.takes_many

    class Many(logging.Formatter):
        def format_many(self, record: logging.LogRecord) -> list[str]:
            return [f"{record.levelname} {one}" for one in record.many]

    handler.formatter = Many()
    assert handler.takes_many
    record = line("", may_wait=True)
    record.many = ["first", "ä"]
    handler.emit(record)
    # One that knows nothing of it stands for itself.
    handler.emit(line("third", may_wait=False))
    assert path.read_text() == "INFO first\nINFO ä\nthird\n"


def test_a_console_that_is_gone_keeps_nobody_from_writing(monkeypatch):
    console = Console()
    console.emit(line("lost", may_wait=True))
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        console.flush()
        monkeypatch.undo()
        # Or its end would complain of what it could not write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)


def test_a_pipe_gets_no_more_at_once_than_it_keeps_apart():
    lines = [b"x" * (number % 300) + b"\n" for number in range(200)] + [b"y" * 5000 + b"\n", b"z\n"]
    together = list(chunks(lines, select.PIPE_BUF))
    assert b"".join(together) == b"".join(lines)
    assert [one for one in together if len(one) > select.PIPE_BUF] == [lines[-2]]
    assert all(one.endswith(b"\n") for one in together)
    assert len(together) < len(lines) / 10
