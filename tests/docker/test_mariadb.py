"""A real server takes docker/mariadb.cnf, and its numbers agree with the pool's."""

import configparser
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import MySQLdb
import pytest

from quality.pool.options import PoolOptions
from tests.docker.compose import DOCKER
from tests.docker.database import MAX_CONNECTIONS, Server

CONFIGURATION = configparser.ConfigParser()
CONFIGURATION.read(DOCKER / "mariadb.cnf")
GIVEN = dict(CONFIGURATION["mariadbd"])


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
    assert f"--port={GIVEN['extra_port']}" in (DOCKER / "INSTALL.md").read_text()


def grants(server: Server, user: str) -> list[str]:
    with closing(server.connect(user)) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW GRANTS")
        return [str(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize("user", ["site", "quality"])
def test_no_account_of_ours_has_rights_on_the_server(server, user):
    found = [grant for grant in grants(server, user) if "ON *.*" in grant]
    assert len(found) == 1
    assert found[0].startswith("GRANT USAGE")


def test_the_site_reads_and_writes_and_changes_no_table(server):
    (found,) = [grant for grant in grants(server, "site") if "ON *.*" not in grant]
    assert found.startswith("GRANT SELECT, INSERT, UPDATE, DELETE ON `quality`.*")


def test_a_backup_may_be_tried_out_beside(server):
    with closing(server.connect("quality")) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE quality_restored")
        cursor.execute("DROP DATABASE quality_restored")
        with pytest.raises(MySQLdb.OperationalError, match="1044"):
            cursor.execute("CREATE DATABASE qualityrestored")


def test_the_owner_migrates_and_the_site_serves_with_its_four_rights(server):
    # Nobody administers it yet, also when this is tried again.
    with closing(server.connect("quality")) as connection:
        connection.cursor().execute("DROP DATABASE quality")
        connection.cursor().execute("CREATE DATABASE quality")
    done = server.manage("migrate", "--no-input", **server.url("quality"))
    assert done.returncode == 0, done.stderr
    link = server.manage("firstadmin", **server.url("quality"))
    assert "/accounts/first/" in link.stdout
    # All that a start asks of the database holds; that there are no static files comes after it.
    started = server.manage("awaitdatabase", **server.url("site"), STATIC_ROOT="/nonexistent")
    assert "collectstatic" in started.stderr, started.stderr
    assert server.manage("migrate", "--check", **server.url("site")).returncode == 0
    made = server.manage(
        "firstadmin",
        **server.url("site"),
        ADMIN_USERNAME="ioana",
        ADMIN_PASSWORD="a right good password",
    )
    assert "ioana is the first administrator" in made.stdout, made.stderr
