from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import MySQLdb
import pytest

from quality.devdb.mariadb import PrivateMariaDB


@pytest.fixture(scope="session")
def installed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a complete datadir and no server: copying it is quicker than installing."""
    server = PrivateMariaDB(tmp_path_factory.mktemp("installed"))
    server.start()
    server.stop()
    return server.home


@pytest.fixture(scope="session")
def shared_server(
    installed_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivateMariaDB]:
    """A running server for tests that change nothing of it."""
    home = tmp_path_factory.mktemp("shared") / "mariadb"
    server = PrivateMariaDB(Path(shutil.copytree(installed_home, home)))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path: Path, installed_home: Path) -> Iterator[Path]:
    copy = Path(shutil.copytree(installed_home, tmp_path / "mariadb"))
    yield copy
    # pytest keeps the folders of three runs, and a datadir is large.
    shutil.rmtree(copy / "data", ignore_errors=True)


@pytest.fixture
def make_server() -> Iterator[Callable[..., PrivateMariaDB]]:
    """Make servers, and stop at the end of the test what they left running."""
    made: list[PrivateMariaDB] = []

    def make(home: Path, **arguments: Any) -> PrivateMariaDB:
        made.append(PrivateMariaDB(home, **arguments))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def server(home: Path, make_server: Callable[..., PrivateMariaDB]) -> PrivateMariaDB:
    running = make_server(home)
    running.start()
    return running


def ask(server: PrivateMariaDB, *statements: str, admin: bool = False) -> list[Any]:
    """Run statements as the application, or as the administrator; return the last one's rows."""
    login = (
        {"user": server.admin_user}
        if admin
        else {"user": "quality", "password": server.password, "database": "quality"}
    )
    connection = MySQLdb.connect(unix_socket=str(server.socket), autocommit=True, **login)
    try:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())
    finally:
        connection.close()
