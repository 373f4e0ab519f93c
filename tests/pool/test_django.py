"""What Django and its users expect of any backend."""

import pytest
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.backends.signals import connection_created
from django.db.utils import ConnectionHandler, DatabaseError, IntegrityError

from tests.pool.conftest import SCHEMA, in_thread, select, thread_id
from tests.pool.project import Project, databases, run_script


@pytest.fixture
def alias(database):
    """An alias that `transaction.atomic(using=…)` finds."""
    shop = database()
    connections.settings[shop.alias] = connections.configure_settings({"default": shop.settings})[
        "default"
    ]
    yield shop.alias
    connections[shop.alias].close()
    del connections[shop.alias]
    del connections.settings[shop.alias]


def test_a_query_after_close_inside_atomic_is_refused_as_in_stock_django(alias):
    connection = connections[alias]

    def close_inside() -> None:
        with transaction.atomic(using=alias):
            select(connection, "SELECT 1")
            connection.close()
            select(connection, "SELECT 1")

    with pytest.raises(transaction.TransactionManagementError):
        close_inside()
    assert select(connection, "SELECT 1") == 1


def test_close_inside_atomic_undoes_and_returns(alias, server):
    connection = connections[alias]
    with transaction.atomic(using=alias):
        select(connection, "INSERT INTO things VALUES (1)")
        connection.close()
        assert connection.pool.stats().in_use == 0
        assert not connection.is_usable()
    assert server.query(f"SELECT count(*) FROM {SCHEMA}.things") == [(0,)]
    assert select(connection, "SELECT 1") == 1


def test_atomic_commits_rolls_back_and_nests(alias, server):
    connection = connections[alias]
    with transaction.atomic(using=alias):
        select(connection, "INSERT INTO things VALUES (1)")
        with pytest.raises(IntegrityError), transaction.atomic(using=alias):
            select(connection, "INSERT INTO things VALUES (2), (1)")
        select(connection, "INSERT INTO things VALUES (3)")
    assert server.query(f"SELECT id FROM {SCHEMA}.things") == [(1,), (3,)]


@pytest.mark.parametrize("method", ["execute", "executemany", "callproc"])
def test_a_cursor_kept_beyond_close_does_not_reach_the_next_borrower(method, database):
    shop = database(pool={"max_size": 1})
    wrapper = shop.wrapper()
    cursor = wrapper.cursor()
    cursor.execute("SELECT 1")
    wrapper.close()
    following = shop.wrapper()
    thread_id(following)
    with pytest.raises((OperationalError, InterfaceError)) as refusal:
        getattr(cursor, method)("SELECT 2", [])
    assert refusal.value.args[0] == 2006
    cursor.close()


def test_rows_that_were_fetched_can_be_read_after_close(database):
    wrapper = database().wrapper()
    cursor = wrapper.cursor()
    cursor.execute("SELECT 1 UNION SELECT 2")
    wrapper.close()
    assert cursor.fetchall() == ((1,), (2,))


def test_every_borrow_announces_a_connection(database):
    announced = []

    def note(sender, connection, **kwargs):
        announced.append(connection.alias)

    wrapper = database().wrapper()
    connection_created.connect(note)
    try:
        for _ in range(2):
            thread_id(wrapper)
            wrapper.close()
    finally:
        connection_created.disconnect(note)
    assert announced == [wrapper.alias] * 2


def test_the_lent_connection_has_the_drivers_methods(database):
    wrapper = database().wrapper()
    number = thread_id(wrapper)
    assert wrapper.connection.thread_id() == number
    assert "MariaDB" in wrapper.connection.get_server_info()
    assert wrapper.mysql_is_mariadb
    assert wrapper.mysql_version >= (10, 5)
    assert wrapper.features.supports_json_field
    assert wrapper.is_usable()
    with wrapper.schema_editor() as editor:
        assert editor.quote_value("it's") == "'it\\'s'"


def test_another_thread_may_not_use_a_wrapper_unless_it_is_shared(database):
    wrapper = database().wrapper()
    number = thread_id(wrapper)
    with pytest.raises(DatabaseError, match="created in a thread"):
        in_thread(lambda: thread_id(wrapper)).result(10)
    wrapper.inc_thread_sharing()
    assert in_thread(lambda: thread_id(wrapper)).result(10) == number
    in_thread(wrapper.close).result(10)
    assert wrapper.connection is None
    wrapper.dec_thread_sharing()


def test_the_end_of_a_request_returns_the_connection(database):
    wrapper = database().wrapper()
    thread_id(wrapper)
    wrapper.close_if_unusable_or_obsolete()
    assert wrapper.connection is None
    assert wrapper.pool.stats().in_use == 0


def test_health_checks_on_or_off_make_no_difference(database):
    for checks in (True, False):
        wrapper = database(CONN_HEALTH_CHECKS=checks).wrapper()
        first = thread_id(wrapper)
        wrapper.close_if_unusable_or_obsolete()
        assert thread_id(wrapper) == first


def test_a_handler_made_by_hand_works(database):
    shop = database()
    handler = ConnectionHandler({"default": {}, shop.alias: shop.settings})
    first = thread_id(handler[shop.alias])
    handler.close_all()
    assert in_thread(lambda: thread_id(handler[shop.alias])).result(10) == first


def test_no_app_needs_to_be_installed(server):
    said = run_script(
        """
assert value("SELECT 1") == 1
connection.close()
connections["default"].close_pool()
print(sorted(name for name in sys.modules if name.startswith(("django.contrib", "quality"))))
""",
        databases(NAME=SCHEMA),
    )
    assert "django.contrib" not in said
    assert {word.strip("[]',") for word in said.split() if "quality.pool" not in word} <= {
        "quality",
    }


def test_the_process_says_goodbye_to_the_server(server):
    before = server.aborted_clients()
    run_script("thread_id()\nconnection.close()\n", databases(NAME=SCHEMA))
    assert server.aborted_clients() == before


@pytest.fixture
def project(tmp_path, server):
    server.query("DROP DATABASE IF EXISTS quality_tiny")
    server.query("CREATE DATABASE quality_tiny")
    yield Project(tmp_path, databases(NAME="quality_tiny"), "django.contrib.contenttypes")
    server.query("DROP DATABASE quality_tiny")


def test_djangos_commands_work(project):
    project.manage("check", "--database=default")
    assert "CREATE TABLE" in project.manage("sqlmigrate", "contenttypes", "0001")
    project.manage("migrate", "--run-syncdb", "--verbosity=0")
    assert "class ShopThing" in project.manage("inspectdb")
    project.manage("flush", "--noinput")
    assert project.manage("dumpdata", "shop").strip() == "[]"
    assert "TRUNCATE" in project.manage("sqlflush")
    assert "42" in project.manage("dbshell", "--", "-e", "SELECT 42")
