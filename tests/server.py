"""Starts the tests' own MariaDB before Django reads its settings, and stops it at the end.

Loaded by `-p tests.server` in pyproject.toml.
"""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from quality.devdb.mariadb import PrivateMariaDB

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / (os.environ.get("VAR_DIR") or "var") / "tests" / "mariadb"


# First, but after coverage has begun (its hook asks to be first too, and is registered later),
# and before pytest-django reads the settings.
@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # Not at the top: what is imported before coverage begins counts as not covered.
    from quality.devdb.configuration import DevdbError
    from quality.devdb.mariadb import PrivateMariaDB

    # Whatever DATABASE_URL the caller has is not for tests: they create, freeze and kill.
    os.environ.pop("DATABASE_DIRECT_URL", None)
    os.environ["DEVELOPMENT"] = "1"
    # Not where the processes of an installation meet.
    os.environ["DB_LEDGER"] = str(HOME.parent / "ledger")
    os.environ["LOG_DIR"] = str(HOME.parent / "logs")
    asked = early_config.known_args_namespace
    if asked.help or asked.version or asked.collectonly:
        os.environ["DATABASE_URL"] = "mysql://nobody:none@127.0.0.1:9/quality"
        return
    server = PrivateMariaDB(HOME)
    try:
        _take_lock(early_config)
        # Left by a run that was killed; it may have other settings.
        server.stop()
        server.start()
    except DevdbError as error:
        raise pytest.UsageError(str(error)) from error
    _stop_at_the_end(early_config, server)
    os.environ["DATABASE_URL"] = server.url()


def _take_lock(config: pytest.Config) -> None:
    path = HOME.parent / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(path, "a")  # noqa: SIM115 - open as long as the tests run
    except OSError as error:
        raise pytest.UsageError(
            f"Cannot write in {path.parent} ({error.strerror}). "
            "Set VAR_DIR to a folder that you may write to."
        ) from error
    config.add_cleanup(lock.close)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise pytest.UsageError(
            f"Other tests of this checkout are running (they hold {path}). Wait for their end, "
            "or set VAR_DIR to another folder."
        ) from None


def _stop_at_the_end(config: pytest.Config, server: PrivateMariaDB) -> None:
    # Called after an error in a conftest and after Ctrl-C too, unlike pytest_unconfigure.
    owner = os.getpid()
    config.add_cleanup(lambda: server.stop() if os.getpid() == owner else None)
    # `kill` ends the tests as Ctrl-C does, or the server would stay behind; a process that a
    # test forks has nothing to tidy up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


@pytest.fixture(scope="session")
def mariadb_home() -> Path:
    """The folder of the server that the tests run on: PrivateMariaDB(mariadb_home) handles it."""
    return HOME
