"""Every worker's numbers can be read by every other, whatever happens to the worker."""

import contextlib
import fcntl
import itertools
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quality.pool import ledger
from quality.pool.address import database_name, server_name
from quality.pool.folder import Folder, default_directory
from quality.pool.ledger import CLOSE_REASONS, Page, read
from quality.pool.numbers import BOUNDS, Histogram, bucket_of
from tests.pool.conftest import eventually
from tests.pool.project import ROOT

DATABASE = "shop@db:3306/shop"


@pytest.fixture
def folder(tmp_path) -> str:
    return str(tmp_path / "ledger")


@pytest.fixture
def page(folder) -> Iterator[Page]:
    page = Page(alias="default", database=DATABASE, directory=folder)
    yield page
    page.close()


@contextlib.contextmanager
def worker(script: str, folder: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a page of its own, which says "ready" and then waits."""
    begin = (
        "import os, signal, sys, time\n"
        "from quality.pool import ledger\n"
        f"page = ledger.Page(alias='default', database={DATABASE!r}, directory={folder!r})\n"
    )
    end = "\nprint('ready', flush=True)\nsys.stdin.read()\n"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", begin + script + end],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


# ----- What is written is read


def test_every_number_is_read_as_it_was_written(page, folder):
    page.set(limit=20, open=7, idle=2, in_use=4, waiting=3)
    page.waited(0.0)
    page.waited(0.004)
    page.used(0.02)
    page.connected(0.5)
    page.connected(0.25)
    for number, reason in enumerate(CLOSE_REASONS):
        for _ in range(number):
            page.closed(reason)
    page.timed_out()
    page.refused()
    page.refused()
    page.leaked()
    page.failed("(2002, 'Can’t connect')")
    [numbers] = read(folder)
    assert (numbers.limit, numbers.open, numbers.idle, numbers.in_use, numbers.waiting) == (
        *(20, 7, 2, 4),
        3,
    )
    assert numbers.waits.count == 2
    assert numbers.waits.total_seconds == pytest.approx(0.004)
    assert numbers.uses.counts[bucket_of(0.02)] == 1
    assert (numbers.connects, numbers.connect_seconds) == (2, 0.75)
    assert numbers.closes == {reason: number for number, reason in enumerate(CLOSE_REASONS)}
    assert (numbers.timeouts, numbers.refusals, numbers.leaks) == (1, 2, 1)
    assert numbers.last_error == "(2002, 'Can’t connect')"
    assert time.time() - numbers.last_error_at < 10
    assert (numbers.alias, numbers.database, numbers.pid) == ("default", DATABASE, os.getpid())
    assert time.time() - 10 < numbers.started_at <= numbers.updated_at <= time.time()


def test_it_goes_through_json(page, folder):
    page.holding("POST scans:record", time.monotonic())
    [numbers] = read(folder)
    again = json.loads(json.dumps(numbers.as_dict()))
    assert again["holders"][0]["name"] == "POST scans:record"
    assert len(again["waits"]["counts"]) == len(BOUNDS) + 1


def test_the_longest_holders_come_first_and_go_when_they_return(page, folder):
    now = time.monotonic()
    places = [page.holding(f"holder {age}", now - age) for age in (1, 30, 5)]
    [numbers] = read(folder)
    assert [one.name for one in numbers.holders] == ["holder 30", "holder 5", "holder 1"]
    assert 30 <= numbers.holders[0].held_seconds < 40
    page.used(30, places[1])
    assert [one.name for one in read(folder)[0].holders] == ["holder 5", "holder 1"]


def test_more_holders_than_places_cost_names_and_nothing_else(page, folder):
    now = time.monotonic()
    places = [page.holding("x" * 100, now) for _ in range(40)]
    assert places.count(-1) == 8
    [numbers] = read(folder)
    assert len(numbers.holders) == 32
    assert numbers.holders[0].name == "x" * 59
    for place in places:
        page.used(0.1, place)
    assert read(folder)[0].holders == ()
    assert read(folder)[0].uses.count == 40


def test_a_long_name_is_cut_between_letters(page, folder):
    page.holding("é" * 50, time.monotonic())
    assert read(folder)[0].holders[0].name == "é" * 29


def test_what_cannot_be_does_not_raise(page, folder):
    page.closed("a reason that nobody knows")
    page.holding("a\0b\udcff", time.monotonic())
    page.waited(-1.0)
    page.waited(1e9)
    [numbers] = read(folder)
    assert numbers.closes["other"] == 1
    assert numbers.holders[0].name == "ab?"
    assert (numbers.waits.counts[0], numbers.waits.counts[-1]) == (1, 1)


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["/srv/.venv/bin/gunicorn", "app:app"], "gunicorn"),
        (["/srv/gunicorn/__main__.py"], "gunicorn"),
        (["manage.py", "migrate", "--password=secret"], "manage.py migrate"),
        (["-c"], "python"),
        ([], "python"),
    ],
)
def test_a_process_is_called_by_its_program(argv, kind, folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    page = Page(alias="default", database=DATABASE, directory=folder)
    assert [numbers.kind for numbers in read(folder)] == [kind]
    page.close()


def test_a_process_may_name_itself(page, folder, monkeypatch):
    monkeypatch.setattr(ledger, "_label", "")
    ledger.label("web worker")
    later = Page(alias="reports", database=DATABASE, directory=folder)
    assert [numbers.kind for numbers in read(folder)] == ["web worker"] * 2
    later.close()


def test_databases_are_told_apart(page, folder):
    other = Page(alias="reports", database="shop@db:3306/reports", directory=folder)
    assert {numbers.alias for numbers in read(folder)} == {"default", "reports"}
    assert [numbers.alias for numbers in read(folder, DATABASE)] == ["default"]
    other.close()


def test_an_address_names_no_secret():
    tcp = {"host": "db", "port": 3307, "user": "shop", "password": "pw", "database": "shop"}
    assert database_name(tcp) == "shop@db:3307/shop"
    assert server_name(tcp) == "shop@db:3307"
    socket = {"unix_socket": "/run/s", "host": "ignored", "user": "u", "passwd": "pw", "db": "d"}
    assert database_name(socket) == "u@/run/s/d"


# ----- Histograms


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_quantile_is_never_off_by_more_than_a_bucket(share):
    durations = [0.0001 * 1.01**n for n in range(1300)]
    counts = [0] * (len(BOUNDS) + 1)
    for seconds in durations:
        counts[bucket_of(seconds)] += 1
    told = Histogram(counts).quantile(share)
    truth = durations[int(share * len(durations))]
    assert told is not None
    assert 1 / 1.5 <= told / truth <= 1.5


def test_buckets_reach_from_a_tenth_of_a_millisecond_to_a_minute():
    assert (BOUNDS[0], BOUNDS[-1]) == (0.0001, 60)
    assert max(high / low for low, high in itertools.pairwise(BOUNDS)) <= 1.5 + 1e-9
    assert {0.001, 0.0025, 0.005, 0.01, 0.1, 0.25, 1, 2.5, 5, 10} <= set(BOUNDS)
    assert Histogram().quantile(0.5) is None
    assert Histogram([0] * len(BOUNDS) + [1]).quantile(0.5) == 60


# ----- Processes come and go


def test_a_killed_process_disappears_and_its_sums_stay(folder):
    script = "page.set(limit=5, open=1, idle=0, in_use=1, waiting=0)\npage.connected(0.5)"
    with worker(script, folder) as process:
        [numbers] = read(folder)
        assert (numbers.pid, numbers.in_use, numbers.connects) == (process.pid, 1, 1)
        os.kill(process.pid, signal.SIGKILL)
        # Also before its parent has taken note of its end, as long as there is a zombie.
        eventually(lambda: read(folder)[0].pid == 0, seconds=1)
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
    time.sleep(60)
"""
    with worker(script + "page.failed(str(pid))", folder) as process:
        child = int(read(folder)[0].last_error)
        process.kill()
        process.wait(10)
        try:
            os.kill(child, 0)
            assert [one.pid for one in read(folder)] == [0]
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
        begin = time.monotonic()
        assert len(read(folder)) == 2
        page.close()
        assert time.monotonic() - begin < 5


# ----- Never half a number


def test_a_reader_never_sees_numbers_of_two_moments(folder):
    script = """
import threading
def write():
    n = 0
    while True:
        n = (n + 1) % 20000
        page.set(limit=60000, open=3 * n, idle=n, in_use=2 * n, waiting=n)
        place = page.holding(f"holder {n}", n % 20)
        page.used(0.01, place)
threading.Thread(target=write, daemon=True).start()
"""
    with worker(script, folder):
        seen = set()
        for _ in range(3000):
            [numbers] = read(folder)
            assert numbers.open == 3 * numbers.idle
            assert numbers.in_use == 2 * numbers.waiting
            assert numbers.idle == numbers.waiting
            now = time.monotonic()
            for holder in numbers.holders:
                since = int(holder.name.split()[1]) % 20
                assert abs(now - holder.held_seconds - since) < 0.5
            seen.add(numbers.idle)
        assert len(seen) > 10


def test_threads_lose_no_update(page):
    def count() -> None:
        for _ in range(20000):
            page.waited(0.001)
            page.timed_out()
            page.used(0.001, page.holding("x", 1.0))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = page.numbers()
    assert (numbers.waits.count, numbers.uses.count, numbers.timeouts) == (80000, 80000, 80000)
    assert numbers.holders == ()


def best_of(times: int, count: int, work: Callable[[], object]) -> float:
    """Seconds for one of `count` calls, in the best of several rounds."""
    return min(timeit.repeat(work, number=count, repeat=times)) / count


def test_it_costs_next_to_nothing(page, folder):
    now = time.monotonic()
    # A quarter of a microsecond each; the bounds leave room for a busy machine.
    assert best_of(5, 5000, lambda: page.waited(0.01)) < 2e-6
    assert best_of(5, 5000, lambda: page.used(0.01, page.holding("POST scans", now))) < 4e-6
    assert best_of(5, 5000, lambda: page.set(limit=9, open=5, idle=2, in_use=3, waiting=0)) < 2e-6
    others = [Page(alias="default", database=DATABASE, directory=folder) for _ in range(7)]
    assert best_of(5, 20, lambda: read(folder)) < 2e-3
    for other in others:
        other.close()


def test_the_default_folder_is_of_this_user():
    assert default_directory() == f"{tempfile.gettempdir()}/quality-pool-{os.geteuid()}"
