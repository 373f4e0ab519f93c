"""Several processes write to one log file, and no line is lost or torn."""

import errno
import logging
import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from quality import logfiles
from quality.logfiles import SharedLogFile


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 0, text, (), None)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "logs" / "routes.log"


@pytest.fixture
def open_file(path):
    """`open_file(max_bytes=100)` is a handler of a process of its own kind."""
    opened: list[SharedLogFile] = []

    def open_file(*, max_bytes: int = 1_000_000, backups: int = 3) -> SharedLogFile:
        opened.append(SharedLogFile(str(path), max_bytes=max_bytes, backups=backups))
        return opened[-1]

    yield open_file
    for one in opened:
        one.close()


def files(path: Path) -> list[Path]:
    return sorted(path.parent.iterdir())


PROCESSES, LINES, MAX_BYTES, BACKUPS = 4, 5000, 20_000, 100


def write_many(
    path: str, name: str, start: "multiprocessing.synchronize.Barrier", *, gathered: int
) -> None:
    handler = SharedLogFile(path, max_bytes=MAX_BYTES, backups=BACKUPS)
    start.wait(30)
    for number in range(LINES):
        # Of many lengths, so that a torn one would show.
        record = line(f"{name} {number} {'x' * (number % 90)} end")
        record.may_wait = (number + 1) % gathered > 0
        handler.emit(record)


@pytest.mark.parametrize("gathered", [1, 50])
def test_no_line_of_four_processes_is_lost_or_torn_over_many_rotations(path, gathered):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(PROCESSES)
    writers = [
        context.Process(
            target=write_many,
            args=(str(path), f"writer-{number}", start),
            kwargs={"gathered": gathered},
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    # All that could be rotated away is still there.
    assert 10 < len(files(path)) < BACKUPS
    found: Counter[tuple[str, int]] = Counter()
    for file in files(path):
        for text in file.read_text().splitlines():
            name, number, *rest, end = text.split(" ")
            assert rest == ["x" * (int(number) % 90)], text
            assert end == "end"
            found[name, int(number)] += 1
    assert set(found.values()) == {1}
    assert len(found) == PROCESSES * LINES


def test_a_full_file_is_moved_aside_and_the_oldest_goes(path, open_file):
    handler = open_file(max_bytes=10, backups=2)
    for text in ("first", "second", "third", "fourth"):
        handler.emit(line(text))
    said = {file.name: file.read_text() for file in files(path)}
    assert said == {
        "routes.log": "fourth\n",
        "routes.log.1": "third\n",
        "routes.log.2": "second\n",
    }


def test_who_did_not_rotate_follows(path, open_file):
    one, other = open_file(max_bytes=20), open_file(max_bytes=20)
    one.emit(line("by one, and it is long"))
    other.emit(line("by the other one"))
    one.emit(line("by one"))
    assert path.read_text() == "by one\n"
    assert Path(f"{path}.1").read_text() == "by the other one\n"


def test_a_file_or_folder_that_somebody_removed_is_made_anew(path, open_file, monkeypatch):
    monkeypatch.setattr(logfiles, "LOOK_EACH_SECONDS", 0)
    handler = open_file()
    handler.emit(line("lost"))
    path.unlink()
    handler.emit(line("after the file"))
    assert path.read_text() == "after the file\n"
    path.unlink()
    path.parent.rmdir()
    handler.emit(line("after the folder"))
    assert path.read_text() == "after the folder\n"


def test_only_the_owner_and_the_group_may_read(path, open_file):
    open_file().emit(line("x"))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750


def test_a_full_disk_costs_lines_and_one_complaint(path, open_file, monkeypatch, capsys):
    """A device that is always full stands for the disk."""
    handler = open_file()
    handler.emit(line("before"))
    full = os.open("/dev/full", os.O_WRONLY)
    handler._file, whole = full, handler._file
    for _ in range(3):
        handler.emit(line("lost"))
    said = capsys.readouterr().err
    assert said.count("cannot be written, its lines are lost") == 1
    assert os.strerror(errno.ENOSPC) in said
    handler._file = whole
    os.close(full)
    handler.emit(line("after"))
    assert path.read_text() == "before\nafter\n"


def test_a_line_that_a_full_disk_cut_off_does_not_take_the_next_one_along(
    path, open_file, monkeypatch
):
    handler = open_file()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:3]))
    handler.emit(line("cut off"))
    monkeypatch.undo()
    handler.emit(line("whole"))
    assert path.read_text() == "cut\nwhole\n"


def test_a_folder_that_cannot_be_made_costs_one_complaint(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    handler = SharedLogFile(str(tmp_path / "file" / "x.log"), max_bytes=10, backups=1)
    for _ in range(3):
        handler.emit(line("lost"))
    said = capsys.readouterr().err
    assert said.count("cannot be written") == 1
    assert str(tmp_path / "file" / "x.log") in said


def test_nobody_waits_for_somebody_who_stopped_while_rotating(path, open_file):
    import fcntl

    handler = open_file(max_bytes=10)
    handler.emit(line("before"))
    stopped = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        began = time.monotonic()
        handler.emit(line("meanwhile"))
        assert time.monotonic() - began < 5
    finally:
        os.close(stopped)
    assert path.read_text() == "before\nmeanwhile\n"
    handler.emit(line("after"))
    assert path.read_text() == "after\n"


def test_a_forked_child_rotates_for_its_parent(path, open_file):
    handler = open_file(max_bytes=10)
    handler.emit(line("parent's"))
    read, write = os.pipe()
    child = os.fork()
    if not child:
        # Not the tests' own end: only what the handler does.
        handler.emit(line("child's"))
        os.write(write, b"x")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"x"
    os.close(read)
    os.close(write)
    handler.emit(line("again"))
    assert path.read_text() == "again\n"
    assert Path(f"{path}.1").read_text() == "child's\n"
