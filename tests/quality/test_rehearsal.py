"""Before a reload a process of its own loads what new workers would load."""

import ast
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from quality import rehearsal
from tests.chaos.watching import await_true
from tests.quality.test_leaving import AS_USUAL
from tests.serving import ROOT

MOST_SECONDS = 60
CONFIGURATION = "docker/gunicorn.conf.py"


@pytest.fixture(autouse=True)
def _development(monkeypatch, tmp_path):
    monkeypatch.setenv("DEVELOPMENT", "1")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("tests.rehearsal")


@pytest.fixture
def configuration(tmp_path):
    """`configuration("print(1)")` is the usual one, behind such lines."""

    def make(lines: str) -> str:
        path = tmp_path / "changed.conf.py"
        path.write_text(f"{lines}\n{AS_USUAL}")
        return str(path)

    return make


def test_of_reloads_that_are_asked_for_meanwhile_one_is_tried_behind_it(log):
    reloads: list[int] = []

    def ask(number: int) -> None:
        rehearsal.before(lambda: reloads.append(number), ["-c", CONFIGURATION], log)

    ask(1)
    await_true("it has begun", lambda: not rehearsal._next.locked(), MOST_SECONDS)
    for number in range(2, 10):
        ask(number)
    await_true("another one is done", lambda: len(reloads) == 2, MOST_SECONDS)
    ask(10)
    await_true("the next one is done", lambda: len(reloads) == 3, MOST_SECONDS)
    assert reloads == [1, 2, 10]


def test_where_no_thread_is_to_be_had_the_old_workers_go_on(log, caplog, monkeypatch):
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reloads: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        rehearsal.before(lambda: reloads.append(1), ["-c", CONFIGURATION], log)
    assert "Not reloaded: can't start new thread" in caplog.text
    rehearsal.before(lambda: reloads.append(2), ["-c", CONFIGURATION], log)
    await_true("the next one is done", lambda: reloads, MOST_SECONDS)
    assert reloads == [2]


def test_all_that_a_worker_begins_with_is_loaded():
    """gunicorn's --check-config loads the application, and calls none of its hooks."""
    [hook] = [
        one
        for one in ast.parse((ROOT / CONFIGURATION).read_text()).body
        if isinstance(one, ast.FunctionDef) and one.name == "post_worker_init"
    ]
    begins_with = {
        f"{line.module}.{name.name}"
        for line in ast.walk(hook)
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }
    assert begins_with
    code = "import sys, quality.wsgi; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert begins_with <= set(loaded.split())


def test_of_much_that_is_said_the_end_is_told_and_no_more_is_kept(configuration):
    talkative = configuration("print('x' * 10_000_000)\nraise SystemExit('the end')")
    said = rehearsal._said_by(["-c", talkative])
    assert said.endswith("the end")
    assert len(said) < 10_000


def test_it_waits_for_nobody_that_was_left_behind(configuration):
    sleeper = "import subprocess\nsleeper = subprocess.Popen(['sleep', '60'])"
    leaving = configuration(f"{sleeper}\nraise SystemExit(f'{{sleeper.pid}}')")
    began = time.monotonic()
    sleeper_pid = rehearsal._said_by(["-c", leaving])
    os.kill(int(sleeper_pid), signal.SIGKILL)
    assert time.monotonic() - began < 30


def test_what_hangs_ends_with_whoever_asked_for_it(configuration, tmp_path):
    pids = tmp_path / "pids"
    hanging = configuration(
        f"import os, time\nopen({str(pids)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}} .')\n"
        "time.sleep(600)"
    )
    code = f"from quality.rehearsal import _said_by; _said_by(['-c', {hanging!r}])"
    asking = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    await_true("it hangs", lambda: pids.exists() and pids.read_text().endswith("."), MOST_SECONDS)
    asking.kill()
    asking.wait()
    for pid in pids.read_text().split()[:2]:
        await_true("it ends", lambda pid=pid: not is_running(pid), MOST_SECONDS)


def is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
