"""Real processes with real pools under one cap, and the connections that they have."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quality.pool import ledger
from quality.pool.address import server_name
from quality.pool.host import HostSlots
from quality.pool.numbers import WorkerNumbers
from tests.pool.conftest import SCHEMA, Database, eventually, in_thread
from tests.pool.project import SETUP, databases, environment

CAP = 6

# Eight threads take a connection each at the same time, as far as they come, and then nobody
# has anything to do.
IDLE = (
    SETUP
    + """
import threading
from django.db import OperationalError
together = threading.Barrier(CAP)

def work():
    value("SELECT 1")
    together.wait(60)
    connection.close()

threads = [threading.Thread(target=work) for _ in range(CAP)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("ready", connections["default"].pool.stats().idle, flush=True)
sys.stdin.read()
"""
)

# Eight threads, each of which needs a connection again and again without a pause.
BUSY = (
    SETUP
    + """
import threading, time
from quality.pool.errors import PoolTimeout
done, late, longest = [0], [0], [0.0]
stop = threading.Event()

def work():
    while not stop.is_set():
        began = time.monotonic()
        try:
            connection.ensure_connection()
        except PoolTimeout:
            late[0] += 1
            continue
        longest[0] = max(longest[0], time.monotonic() - began)
        value("SELECT SLEEP(0.01)")
        connection.close()
        done[0] += 1

print("ready", flush=True)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
sys.stdin.readline()
stop.set()
for thread in threads: thread.join()
print(done[0], late[0], longest[0], flush=True)
"""
)


class Worker:
    def __init__(self, script: str, folder: str, *, timeout: float = 20) -> None:
        pool = {"max_size": CAP, "timeout": timeout, "ledger": folder, "host_limit": CAP}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", f"CAP = {CAP}\n{script}"],
            env=environment(databases(NAME=SCHEMA, pool=pool)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.greeting = self.says()
        assert self.greeting.startswith("ready")

    def says(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def stop(self) -> tuple[int, int, float]:
        """What a busy one has done: how often, how often in vain, and its longest wait."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        done, late, longest = self.says().split()
        return int(done), int(late), float(longest)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


@pytest.fixture
def workers() -> list[Worker]:
    return []


@pytest.fixture
def worker(workers, folder, server) -> Iterator[Callable[..., Worker]]:
    def make(script: str, **more: float) -> Worker:
        workers.append(Worker(script, folder, **more))
        return workers[-1]

    yield make
    for one in workers:
        one.kill()
        for pipe in (one.process.stdin, one.process.stdout):
            with contextlib.suppress(OSError):
                pipe and pipe.close()


@pytest.fixture
def slots(folder) -> Iterator[HostSlots]:
    """Our own part in the cap of the workers."""
    params = Database(NAME=SCHEMA).wrapper().get_connection_params()
    slots = HostSlots(folder, server_name(params), CAP)
    yield slots
    slots.close()


class Count:
    """Counts the connections that the workers have open for as long as its block lasts."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers
        self.most = 0
        self._stop = threading.Event()

    def sockets(self) -> set[str]:
        # Not at the server: on a busy machine it lists for long what was closed before.
        found = set()
        for one in list(self.workers):
            with contextlib.suppress(OSError):
                for link in Path(f"/proc/{one.process.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        found.add(os.readlink(link))
        return {name for name in found if name.startswith("socket:")}

    def count(self) -> None:
        before = self.sockets()
        while not self._stop.wait(0.005):
            now = self.sockets()
            # One list takes its time. What is in two was open all the time between.
            self.most = max(self.most, len(now & before))
            before = now

    def __enter__(self) -> None:
        self._counting = in_thread(self.count)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._counting.result(30)
        assert self.most <= CAP


@pytest.fixture
def count(workers) -> Count:
    return Count(workers)


def test_a_killed_process_frees_its_slots(slots, worker):
    holder = worker(IDLE)
    assert holder.greeting == f"ready {CAP}\n"
    os.kill(holder.process.pid, signal.SIGSTOP)
    assert not slots.try_acquire()
    waiting = in_thread(lambda: slots.acquire(time.monotonic() + 20))
    eventually(slots._shared.is_wanted)
    os.kill(holder.process.pid, signal.SIGKILL)
    assert waiting.result(30)
    for _ in range(CAP - 1):
        assert slots.try_acquire()


def test_a_waiter_that_was_killed_is_soon_forgotten(slots, worker):
    while slots.try_acquire():
        pass
    waiter = worker(BUSY)
    eventually(slots.others_wait)
    assert slots.wanted() >= 1
    waiter.kill()
    eventually(lambda: not slots.others_wait())


def test_three_processes_share_without_a_time_out_though_one_idles(worker, count, folder):
    idler = worker(IDLE)
    assert idler.greeting == f"ready {CAP}\n"
    busy = [worker(BUSY), worker(BUSY)]

    def numbers(pid: int) -> WorkerNumbers:
        return next(one for one in ledger.read(folder) if one.pid == pid)

    began = time.monotonic()
    with count:
        eventually(lambda: all(numbers(one.process.pid).uses.count > 500 for one in busy))
        # Everybody can see it: who had the connections gave them to those who needed them.
        idle = numbers(idler.process.pid)
        assert (idle.open, idle.closes["host cap"]) == (0, CAP)
        # Of moments that differ a little.
        eventually(lambda: sum(one.open for one in ledger.read(folder)) <= CAP)
    took_seconds = time.monotonic() - began
    results = [one.stop() for one in busy]
    assert [late for _done, late, _longest in results] == [0, 0]
    # No thread was passed over again and again.
    assert max(longest for _done, _late, longest in results) < max(2, took_seconds / 2)
    least, most = sorted(done for done, _late, _longest in results)
    assert least > most / 3, results
    assert count.most >= CAP - 1


def test_a_rolling_restart_stays_within_the_cap(worker, count):
    with count:
        old = [worker(BUSY), worker(BUSY)]
        for _ in range(3):
            new = [worker(BUSY), worker(BUSY)]
            old[0].kill()
            assert old[1].stop()[1] == 0
            old = new
    assert [one.stop()[1] for one in old] == [0, 0]
    assert count.most >= CAP - 1
