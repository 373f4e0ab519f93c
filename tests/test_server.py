from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.server import HOME, ROOT

# A test that says which database it has, and waits to be ended.
PROBE = """
import os, time
def test_probe():
    print("DATABASE_URL=" + os.environ["DATABASE_URL"], flush=True)
    while True:  # not signal.pause(): it sleeps on when the signal comes just before it
        time.sleep(0.01)
"""


def pytest_in(var_dir: Path, *arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-s",
            "-p",
            "no:cacheprovider",
            "-c",
            "pyproject.toml",
            *arguments,
        ],
        cwd=ROOT,
        env=os.environ | {"VAR_DIR": str(var_dir)} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(autouse=True)
def _nothing_left_running(tmp_path: Path) -> Iterator[None]:
    yield
    PrivateMariaDB(tmp_path / "tests" / "mariadb").stop()


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    path = tmp_path / "test_probe.py"
    path.write_text(PROBE)
    foreign = "mysql://somebody:else@127.0.0.1:1/production"
    with pytest_in(tmp_path, path, DATABASE_URL=foreign) as process:
        yield process
        process.kill()


def url_of(probe: subprocess.Popen[str]) -> str:
    assert probe.stdout is not None
    for line in probe.stdout:
        if "DATABASE_URL=" in line:
            return line.split("DATABASE_URL=")[1].strip()
    raise AssertionError("the probe did not run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_had_its_own_server_and_stops_it(
    probe: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    server = PrivateMariaDB(tmp_path / "tests" / "mariadb")
    assert url_of(probe) == server.url()
    assert server.status() == "running"
    probe.send_signal(number)
    probe.communicate(timeout=180)
    assert probe.returncode == pytest.ExitCode.INTERRUPTED
    assert server.status() == "stopped"


def test_a_second_run_is_told_to_wait() -> None:
    second = pytest_in(HOME.parents[1], "tests/test_server.py")
    output, _ = second.communicate(timeout=180)
    assert second.returncode == pytest.ExitCode.USAGE_ERROR
    assert "Other tests of this checkout are running" in output
    assert "VAR_DIR" in output


@pytest.mark.parametrize("option", ["--help", "--collect-only"])
def test_what_runs_no_test_starts_no_server(option: str, tmp_path: Path) -> None:
    process = pytest_in(tmp_path, option, "tests/test_server.py")
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    assert not (tmp_path / "tests").exists()


def test_nothing_collected_is_a_failure(tmp_path: Path) -> None:
    process = pytest_in(tmp_path, "tests/test_server.py", "-k", "there_is_none")
    process.communicate(timeout=180)
    assert process.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_broken_conftest_leaves_no_server(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("raise RuntimeError('broken')")
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass")
    process = pytest_in(tmp_path, tmp_path)
    output, _ = process.communicate(timeout=180)
    assert "broken" in output
    assert PrivateMariaDB(tmp_path / "tests" / "mariadb").status() == "stopped"
