"""A real server takes docker/mariadb.cnf, and its numbers agree with the pool's."""

import configparser
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import MySQLdb
import pytest

from quality.devdb.configuration import find_program, install_command
from quality.pool.options import PoolOptions
from tests.docker.compose import DOCKER, services
from tests.faults import free_port
from tests.test_docs import PRODUCTION

ROOT = DOCKER.parent
START_SECONDS = 60
MAX_CONNECTIONS = 24
CONFIGURATION = configparser.ConfigParser()
CONFIGURATION.read(DOCKER / "mariadb.cnf")
GIVEN = dict(CONFIGURATION["mariadbd"])


class Server:
    """Started as the database service is, with the accounts that its image makes."""

    def __init__(self, home: Path) -> None:
        self.port, self.extra_port = free_port(), free_port()
        self.told = services(DB_MAX_CONNECTIONS=str(MAX_CONNECTIONS))
        image = self.told["database"]["environment"]
        self.password, self.root_password = (
            image["MARIADB_PASSWORD"],
            image["MARIADB_ROOT_PASSWORD"],
        )
        accounts = home / "accounts.sql"
        root = f"root@{image['MARIADB_ROOT_HOST']}"
        accounts.write_text(
            "CREATE DATABASE quality;\n"
            f"CREATE USER quality@'%' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON quality.* TO quality@'%';\n"
            f"CREATE USER {root} IDENTIFIED BY '{self.root_password}';\n"
            f"GRANT ALL ON *.* TO {root} WITH GRANT OPTION;\n"
        )
        install = install_command(home / "data", home, "root")
        subprocess.run(install, check=True, capture_output=True)
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    str(find_program("mariadbd")),
                    f"--defaults-file={DOCKER / 'mariadb.cnf'}",
                    *self.told["database"]["command"],
                    *(f"--datadir={home / 'data'}", f"--init-file={accounts}"),
                    *(f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}"),
                    # Beside other servers of this machine.
                    *("--bind-address=127.0.0.1", f"--port={self.port}"),
                    f"--extra-port={self.extra_port}",
                    *(["--user=root"] if os.geteuid() == 0 else []),
                ],
                stdout=log,
                stderr=log,
            )

    def connect(self, user: str, *, port: int | None = None) -> Any:
        password = self.root_password if user == "root" else self.password
        return MySQLdb.connect(
            host="127.0.0.1", port=port or self.port, user=user, password=password
        )

    def await_greeting(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect("root").close()
                return
            except MySQLdb.OperationalError:
                ended = self.process.poll() is not None
                assert not ended and time.monotonic() < deadline, self.log.read_text()  # noqa: PT018
                time.sleep(0.05)

    def value(self, name: str) -> str:
        with closing(self.connect("root", port=self.extra_port)) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT @@global.{name}")
            return str(cursor.fetchone()[0])

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """The checks that a start makes, told what compose tells the site."""
        url = f"mysql://quality:{self.password}@127.0.0.1:{self.port}/quality"
        told = self.told["web"]["environment"] | {"DATABASE_URL": url} | environment
        return subprocess.run(
            [sys.executable, "manage.py", "check", "--database", "default"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DB_LEDGER": os.environ["DB_LEDGER"], **told},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("mariadb"))
    try:
        made.await_greeting()
        yield made
    finally:
        made.process.terminate()
        assert made.process.wait(60) == 0


def as_the_server_says(text: str) -> str:
    """512M is said in bytes."""
    return str(int(text[:-1]) << 20) if text[:-1].isdigit() and text.endswith("M") else text


@pytest.mark.parametrize("name", sorted(GIVEN.keys() - {"extra_port"}))
def test_the_server_took_every_line(server, name):
    variable = name.removeprefix("default_")
    assert server.value(variable) == as_the_server_says(GIVEN[name])


def test_the_limit_comes_from_compose_alone(server):
    assert "max_connections" not in GIVEN
    assert server.value("max_connections") == str(MAX_CONNECTIONS)


def test_the_pool_closes_its_connections_before_the_server_does(server):
    # The pool takes 90 % of wait_timeout at most, and would say so.
    assert PoolOptions().max_lifetime < 0.9 * int(server.value("wait_timeout"))


def test_the_check_at_boot_passes_and_would_not_with_one_connection_more(server):
    fits = server.check()
    assert fits.returncode == 0, fits.stderr
    share = (MAX_CONNECTIONS - 10) // 2
    too_many = server.check(DB_POOL_SIZE=str(share + 1))
    assert too_many.returncode != 0
    assert "quality.pool.E001" in too_many.stderr


def test_a_full_server_still_lets_its_administrator_in(server):
    with ExitStack() as stack:
        taken = 0
        # Those of the tests before may be on their way out: a moment's grace.
        deadline = time.monotonic() + 10
        while taken < MAX_CONNECTIONS and time.monotonic() < deadline:
            with suppress(MySQLdb.OperationalError):
                stack.enter_context(closing(server.connect("quality")))
                taken += 1
        assert taken == MAX_CONNECTIONS
        with pytest.raises(MySQLdb.OperationalError, match="1040"):
            server.connect("quality")
        assert server.value("max_connections") == str(MAX_CONNECTIONS)


def test_the_way_in_that_is_documented_is_the_one_that_there_is():
    assert f"--port={GIVEN['extra_port']}" in PRODUCTION


def test_the_site_has_no_rights_on_the_server(server):
    with closing(server.connect("quality")) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW GRANTS")
        grants = [row[0] for row in cursor.fetchall()]
    assert [grant for grant in grants if "ON *.*" in grant and "GRANT USAGE" not in grant] == []
