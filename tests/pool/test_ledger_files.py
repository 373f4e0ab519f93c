"""The ledger's files: processes come and go, disks are full, and nobody is trusted."""

import fcntl
import logging
import os
import signal
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from quality.pool.folder import Folder, default_directory
from quality.pool.ledger import Page, read
from tests.pool.conftest import eventually, in_thread
from tests.pool.ledgers import DATABASE, worker

# ----- Processes come and go


def test_a_killed_process_disappears_and_its_sums_stay(folder):
    script = "page.set(limit=5, open=1, idle=0, in_use=1, waiting=0)\npage.connected(0.5)"
    with worker(script, folder) as process:
        [numbers] = read(folder)
        assert (numbers.pid, numbers.in_use, numbers.connects) == (process.pid, 1, 1)
        os.kill(process.pid, signal.SIGKILL)
        # Also before its parent has taken note of its end, as long as there is a zombie.
        eventually(lambda: read(folder)[0].pid == 0)
    [ended] = read(folder)
    assert (ended.kind, ended.alias, ended.connects) == ("ended", "default", 1)
    assert (ended.limit, ended.open, ended.in_use) == (0, 0, 0)
    assert not list(Path(folder).glob("*.page"))


def test_a_total_never_falls_while_workers_come_and_go(folder):
    totals: list[list[int]] = [[], []]
    stop = threading.Event()

    def watch(mine: list[int]) -> None:
        while not stop.is_set():
            mine.append(sum(numbers.connects for numbers in read(folder)))

    watchers = [threading.Thread(target=watch, args=(mine,)) for mine in totals]
    for watcher in watchers:
        watcher.start()
    script = "for _ in range(100): page.connected(0.001)"
    try:
        for _ in range(4):
            with worker(script, folder), worker(script, folder):
                pass
        eventually(lambda: not list(Path(folder).glob("*.page")))
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()
    assert sum(numbers.connects for numbers in read(folder)) == 800
    for mine in totals:
        assert len(mine) > 50
        assert mine == sorted(mine)


def test_two_readers_do_not_take_each_other_for_the_living(folder):
    with worker("", folder) as process:
        [path] = Path(folder).glob("*.page")
        with path.open() as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            process.kill()
            process.wait(10)
            # The other reader asks at this very moment.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            assert [numbers.kind for numbers in read(folder)] == ["ended"]


def test_a_stopped_process_is_not_dead(folder):
    with worker("page.set(limit=5, open=1, idle=1, in_use=0, waiting=0)", folder) as process:
        os.kill(process.pid, signal.SIGSTOP)
        assert read(folder)[0].pid == process.pid
        os.kill(process.pid, signal.SIGCONT)


def test_a_new_page_sweeps_up_after_the_dead(folder):
    with worker("page.connected(1)", folder):
        pass
    half_born = Path(folder, "0-0-1.abc.new")
    half_born.touch()
    os.utime(half_born, (0, 0))
    page = Page(alias="default", database=DATABASE, directory=folder)
    assert len(list(Path(folder).glob("*.page"))) == 1
    page.close()
    read(folder)
    assert sum(numbers.connects for numbers in read(folder)) == 1


def test_a_child_leaves_the_parents_page_alone(folder):
    script = """
page.connected(1)
def child():
    page.connected(1)  # before touch(): in its memory
    assert not page.is_shared
    assert page.numbers().connects == 1
    page.touch()
    assert page.is_shared
    page.closed("idle")
    assert sorted((one.pid, one.connects) for one in ledger.read(page.directory)) == sorted(
        [(os.getpid(), 1), (os.getppid(), 1)])
    silent = os.fork()
    if not silent:
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(silent, 0)
pid = os.fork()
if not pid:
    try:
        child()
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert page.numbers().connects == 1
"""
    with worker(script, folder) as process:
        numbers = {one.pid: one for one in read(folder)}
        assert numbers[process.pid].connects == 1
        assert numbers[0].connects == 1
        assert numbers[0].closes["idle"] == 1


def test_a_parents_page_outlives_its_child_and_dies_before_it(folder):
    """The lock is the parent's alone, though the child inherited the descriptor."""
    script = """
pid = os.fork()
if not pid:
    os.close(1)
    sys.stdin.read()
    time.sleep(120)
"""
    with worker(script + "page.failed(str(pid))", folder) as process:
        child = int(read(folder)[0].last_error)
        process.kill()
        process.wait(10)
        try:
            # Once the child has let go of its copies, which it does first of all.
            eventually(lambda: [one.pid for one in read(folder)] == [0])
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


# ----- Trouble with files


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path, caplog):
    (tmp_path / "file").touch()
    directory = str(tmp_path / "file" / "ledger")
    with caplog.at_level(logging.WARNING, "quality.pool"):
        pages = [Page(alias="default", directory=directory) for _ in range(3)]
    assert len(caplog.records) == 1
    assert "stay in its memory" in caplog.text
    assert directory in caplog.text
    for page in pages:
        page.connected(0.5)
        page.touch()
    # This process at least can read them.
    assert [numbers.connects for numbers in read(directory)] == [1, 1, 1]
    for page in pages:
        page.close()


def test_a_full_disk_costs_a_warning_and_no_signal(folder, caplog, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    # The one thing here that is not real: a disk cannot be filled in a test.
    monkeypatch.setattr(os, "posix_fallocate", full)
    page = Page(alias="default", directory=folder)
    assert "No space left" in caplog.text
    page.connected(0.5)
    assert page.numbers().connects == 1
    assert not list(Path(folder).glob("*.new"))
    monkeypatch.undo()
    page.touch()
    assert [numbers.connects for numbers in read(folder)] == [1]
    page.close()


def test_without_a_folder_the_numbers_are_this_processs_own(caplog):
    page = Page(alias="nowhere")
    page.connected(0.5)
    assert [one.connects for one in read(None) if one.alias == "nowhere"] == [1]
    assert not caplog.records
    page.close()


def test_a_folder_that_others_may_write_to_is_not_trusted(tmp_path, caplog):
    tmp_path.chmod(0o777)
    page = Page(alias="default", directory=str(tmp_path))
    assert not page.is_shared
    assert "chmod 700" in caplog.text
    assert not list(tmp_path.iterdir())
    page.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_not_trusted(tmp_path, caplog):
    os.chown(tmp_path, 1, 1)
    page = Page(alias="default", directory=str(tmp_path))
    assert not page.is_shared
    assert "belongs to the user 1" in caplog.text
    page.close()


def test_a_link_instead_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    page = Page(alias="default", directory=str(tmp_path / "link"))
    assert not page.is_shared
    assert not list((tmp_path / "real").iterdir())
    page.close()


def test_rubbish_in_the_folder_is_left_out(page, folder, tmp_path):
    path = Path(folder)
    (path / "1-a.page").write_bytes(b"x" * 4096)
    (path / "2-a.ended").write_bytes(b"short")
    (path / "3-a.page").symlink_to(tmp_path / "secret")
    os.mkfifo(path / "4-a.page")
    (path / "5-a.page").mkdir()
    if os.geteuid() == 0:
        copy = path / "6-a.ended"
        copy.write_bytes(next(path.glob("*-*-*.page")).read_bytes())
        assert len(read(folder)) == 2
        os.chown(copy, 1, 1)
    assert [numbers.pid for numbers in read(folder)] == [os.getpid()]


def test_files_are_for_their_user_alone(page, folder):
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    for path in Path(folder).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_page_that_somebody_removed_comes_back(page, folder):
    page.connected(0.5)
    for path in Path(folder).iterdir():
        path.unlink()
    Path(folder).rmdir()
    assert read(folder) == []
    page.touch()
    assert [numbers.connects for numbers in read(folder)] == [1]


def test_who_sweeps_temporary_folders_is_kept_out(page, folder):
    """systemd-tmpfiles skips a folder that it cannot lock."""
    with Folder(folder, create=False) as mine:
        other = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)
        assert mine.fd >= 0


def test_a_stopped_reader_does_not_stop_the_others(folder):
    page = Page(alias="default", database=DATABASE, directory=folder)
    with worker("import fcntl; f = open(page.directory + '/lock', 'w'); fcntl.flock(f, 2)", folder):
        # In a thread, as it might wait for ever.
        assert len(in_thread(lambda: read(folder)).result(30)) == 2
        in_thread(page.close).result(30)


def test_the_default_folder_is_of_this_user():
    assert default_directory() == f"{tempfile.gettempdir()}/quality-pool-{os.geteuid()}"
