"""Django's test runner reaches the test databases, and never the configured one."""

import os
import stat

import pytest

from tests.pool.conftest import eventually, thread_id
from tests.pool.project import Project, databases

NAME = "quality_trap"
TEST_NAME = "test_quality_trap"

# A query at start-up: the pool exists before the runner changes the database's NAME.
QUERY_AT_START = """
from django.apps import AppConfig
class ShopConfig(AppConfig):
    name = "shop"
    def ready(self):
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()
"""

# Each TransactionTestCase empties all tables of what it takes for the test database.
TESTS = """
from django.db import connection
from django.test import TestCase, TransactionTestCase
from shop.models import Thing

def where():
    with connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE()")
        return cursor.fetchone()[0]

class Base:
    def test_it(self):
        Thing.objects.create(name="mine")
        with open("asked", "a") as file:
            print(where(), file=file)
        assert Thing.objects.count() == 1

class OneTest(Base, TransactionTestCase): pass
class TwoTest(Base, TransactionTestCase): pass
class ThreeTest(Base, TestCase): pass
class SerializedTest(Base, TransactionTestCase): serialized_rollback = True
"""


@pytest.fixture
def real_things(server):
    """How many things the configured database still has. It begins with three."""

    def drop() -> None:
        for name in (NAME, TEST_NAME, f"{TEST_NAME}_1", f"{TEST_NAME}_2"):
            server.query(f"DROP DATABASE IF EXISTS {name}")

    drop()
    server.query(f"CREATE DATABASE {NAME}")
    server.query(
        f"CREATE TABLE {NAME}.shop_thing (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(20))"
    )
    server.query(f"INSERT INTO {NAME}.shop_thing (name) VALUES ('a'), ('b'), ('c')")
    yield lambda: server.query(f"SELECT count(*) FROM {NAME}.shop_thing")[0][0]
    drop()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(engine: str) -> Project:
        made = Project(tmp_path, databases(engine, NAME=NAME))
        made.write("shop/apps.py", QUERY_AT_START)
        made.write("shop/tests.py", TESTS)
        return made

    return make


# The first line shows what the second one is spared.
@pytest.mark.parametrize(
    ("engine", "left"), [("dj_db_conn_pool.backends.mysql", 0), ("quality.pool", 3)]
)
def test_a_query_at_start_up_and_then_the_tests_empty_the_real_database(
    engine, left, project, real_things
):
    one = project(engine)
    tests = "shop.tests.OneTest"
    if left:
        one.manage("test", "--noinput", tests)
    else:
        # Its test fails as well, because it finds the real rows.
        with pytest.raises(AssertionError, match="FAILED"):
            one.manage("test", "--noinput", tests)
    assert real_things() == left


def test_every_kind_of_test_case_works_in_the_test_database(project, real_things, tmp_path, server):
    said = project("quality.pool").manage("test", "--noinput", "shop")
    assert "Ran 4 tests" in said
    assert set((tmp_path / "asked").read_text().split()) == {TEST_NAME}
    assert real_things() == 3
    assert server.query(f"SHOW DATABASES LIKE '{TEST_NAME}'") == []


def test_parallel_tests_have_a_database_each(project, real_things, tmp_path, server):
    # Made before, because cloning wants mysqldump.
    for number in (1, 2):
        clone = f"{TEST_NAME}_{number}"
        server.query(f"CREATE DATABASE {clone}")
        server.query(f"CREATE TABLE {clone}.shop_thing LIKE {NAME}.shop_thing")
    one = project("quality.pool")
    said = one.manage(
        "test", "--noinput", "--keepdb", "--parallel=2", "shop.tests.OneTest", "shop.tests.TwoTest"
    )
    assert "Ran 2 tests" in said
    asked = set((tmp_path / "asked").read_text().split())
    assert asked <= {f"{TEST_NAME}_1", f"{TEST_NAME}_2"}
    assert asked
    assert real_things() == 3


def test_a_test_database_is_dropped_with_its_pool(database, server):
    name = "test_quality_pooltests"
    server.query(f"CREATE DATABASE {name}")
    wrapper = database(NAME=name).wrapper()
    number = thread_id(wrapper)
    wrapper.close()
    wrapper.creation._destroy_test_db(name, verbosity=0)
    eventually(lambda: not server.has(number))
    assert server.query(f"SHOW DATABASES LIKE '{name}'") == []


def test_clones_are_made_through_the_socket_that_options_name(
    database, server, tmp_path, monkeypatch
):
    # Stands in for mysqldump: signs in with the arguments it was given, and dumps one table.
    script = tmp_path / "mysqldump"
    script.write_text(
        "#!/bin/sh -e\n"
        'for word; do shift; case "$word" in --routines|--events) ;; *) set -- "$@" "$word";; '
        "esac; done\n"
        'exec mysql "$@" -N -e "SELECT \'CREATE TABLE cloned (id int);\'"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    shop = database()
    name = f"{shop.settings['NAME']}_clone"
    server.query(f"CREATE DATABASE {name}")
    try:
        shop.wrapper().creation._clone_db(shop.settings["NAME"], name)
        assert server.query(f"SHOW TABLES FROM {name}") == [("cloned",)]
    finally:
        server.query(f"DROP DATABASE {name}")
