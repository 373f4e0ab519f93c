"""`make run` as its user sees it: from the command to a stored scan, and cleanly down again."""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import free_port
from tests.serving import Browser

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180


class Run:
    """One `make run`, in a session of its own as a terminal gives it."""

    def __init__(self, var_dir: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self._up = threading.Event()
        inherited = {
            name: value
            for name, value in os.environ.items()
            # The tests' own server must not be taken for one that the user named.
            if name not in {"DATABASE_URL", "DEVELOPMENT", "MAKEFLAGS", "MAKELEVEL"}
        }
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=ROOT,
            env=inherited | {"VAR_DIR": str(var_dir), "PORT": str(self.port)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if "Ctrl-C stops it" in line:
                self._up.set()
        self._up.set()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def await_banner(self) -> "Run":
        assert self._up.wait(START_SECONDS), self.output
        assert "Ctrl-C stops it" in self.output, self.output
        return self

    def end(self, number: signal.Signals, *, group: bool = False) -> int:
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(START_SECONDS)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def runs(tmp_path) -> Iterator[Any]:
    """`runs()` starts one; whatever a test leaves behind is ended."""
    started: list[Run] = []

    def start(**environment: str) -> Run:
        started.append(Run(tmp_path, **environment))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)
    PrivateMariaDB(tmp_path / "mariadb").stop()


def password_in(output: str) -> str:
    found = re.search(r"Password: (\S+)", output)
    assert found, output
    return found[1]


def nothing_runs(run: Run, var_dir: Path) -> bool:
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{run.url}/health/live", timeout=5)
    return PrivateMariaDB(var_dir / "mariadb").status() == "stopped"


def test_one_command_and_a_scan_is_stored_and_kept(runs, tmp_path):
    first = runs().await_banner()
    password = password_in(first.output)
    assert f"quality is at {first.url}/" in first.output
    browser = Browser(first.url, password)
    assert browser.scan(cp="CP10045821-0042") == 201

    # A second one from the same folder says who is there, and disturbs nobody.
    second = runs()
    assert second.wait() != 0
    assert "Already running from this folder: pid " in second.output
    assert first.url in second.output
    assert browser.scan(cp="CP10045821-0043") == 201

    assert first.end(signal.SIGTERM) != 1
    assert nothing_runs(first, tmp_path)

    again = runs().await_banner()
    # The same password is printed again, and the data is there.
    assert password_in(again.output) == password
    recent = json.loads(Browser(again.url, password).get("/scans/recent/"))
    assert [scan["cp"] for scan in recent["scans"]] == ["CP10045821-0043", "CP10045821-0042"]
    # Ctrl-C reaches make and everything below it.
    again.end(signal.SIGINT, group=True)
    assert nothing_runs(again, tmp_path)


def test_a_given_password_is_the_one_that_counts(runs, tmp_path):
    run = runs(DEMO_PASSWORD="a password of my own").await_banner()
    assert Browser(run.url, "a password of my own").scan() == 201
    run.end(signal.SIGTERM)
    assert nothing_runs(run, tmp_path)


def test_a_start_that_fails_leaves_nothing_running(runs, tmp_path):
    run = runs(WEB_WORKERS="none")
    assert run.wait() != 0
    assert "WEB_WORKERS must be a whole number of at least 1" in run.output
    assert nothing_runs(run, tmp_path)


def test_after_a_kill_the_next_start_takes_over(runs, tmp_path):
    run = runs().await_banner()
    password = password_in(run.output)
    assert Browser(run.url, password).scan(cp="CP10045821-0044") == 201
    run.end(signal.SIGKILL, group=True)
    again = runs().await_banner()
    recent = json.loads(Browser(again.url, password).get("/scans/recent/"))
    assert [scan["cp"] for scan in recent["scans"]] == ["CP10045821-0044"]


def test_a_database_that_is_not_there_is_explained(runs):
    run = runs(DATABASE_URL=f"mysql://quality:secret@127.0.0.1:{free_port()}/quality")
    assert run.wait() != 0
    assert "DATABASE_URL" in run.output
    assert "127.0.0.1" in run.output
    assert "secret" not in run.output
