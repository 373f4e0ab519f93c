"""Transactions do what they do in stock Django, with fewer statements."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, IntegrityError, OperationalError, connections, transaction
from django.test.utils import CaptureQueriesContext

from tests.pool.conftest import SCHEMA, Database, eventually, in_thread, raw_connection, select

STOCK = "django.db.backends.mysql"


class Side:
    """One of the two backends, and what a user of it sees."""

    def __init__(self, alias: str, server: Any) -> None:
        self.alias = alias
        self.server = server
        self.seen: list[Any] = []

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    def atomic(self, **options: Any) -> Any:
        return transaction.atomic(using=self.alias, **options)

    def run(self, sql: str, params: Any = None) -> Any:
        """What a statement answers, or its error's number; also noted."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql, params)
                answer = cursor.fetchall() if cursor.description else cursor.rowcount
        except Error as error:
            answer = (type(error).__name__, *error.args[:1])
        self.seen.append(answer)
        return answer

    def insert(self, number: int) -> Any:
        return self.run(f"INSERT INTO things VALUES ({number})")

    def note(self, value: Any) -> None:
        self.seen.append(value)

    def note_committed(self) -> None:
        """What all others can see by now."""
        self.seen.append(self.server.query(f"SELECT id FROM {SCHEMA}.things ORDER BY id"))

    def other(self) -> Any:
        """A connection of somebody else."""
        return raw_connection(database=SCHEMA)


class Stop(Exception):
    """Ends an atomic block, which is rolled back."""


def stopped(side: Side, body: Callable[[], None]) -> None:
    """Run in an atomic block that is rolled back in the end."""
    with contextlib.suppress(Stop), side.atomic():
        body()
        raise Stop


# ----- What is done, on either side


def commits(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        side.note_committed()
    side.note_committed()


def rolls_back(side: Side) -> None:
    stopped(side, lambda: side.insert(1))


def does_nothing(side: Side) -> None:
    with side.atomic():
        pass
    stopped(side, lambda: None)
    side.insert(1)


def knows_whether_autocommit_is_on(side: Side) -> None:
    def look() -> None:
        side.note(transaction.get_autocommit(using=side.alias))
        side.note(bool(side.connection.connection.get_autocommit()))

    side.run("SELECT 1")
    look()
    with side.atomic():
        look()
        side.run("SELECT 1")
        look()
        side.run("SELECT @@autocommit")
        look()
    look()
    side.run("SELECT @@autocommit")


def alters_a_table_and_goes_on(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.run("CREATE TABLE more (id int)")
        side.note_committed()
        side.insert(2)

    stopped(side, body)


def alters_a_table_first(side: Side) -> None:
    def body() -> None:
        side.run("CREATE TABLE more (id int)")
        side.insert(1)

    stopped(side, body)


def fails_to_alter_a_table(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.run("ALTER TABLE absent ADD COLUMN v int")
        side.insert(2)

    stopped(side, body)


def truncates(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.run("TRUNCATE things")
        side.insert(2)

    stopped(side, body)


def commits_by_hand(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.run("COMMIT")
        side.insert(2)

    stopped(side, body)


def begins_by_hand(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.run("START TRANSACTION")
        side.insert(2)

    stopped(side, body)


def calls_a_procedure_that_commits(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        with side.connection.cursor() as cursor:
            cursor.callproc("commits")
        side.insert(2)

    stopped(side, body)


def sends_several_statements_at_once(side: Side) -> None:
    def body() -> None:
        with side.connection.cursor() as cursor:
            cursor.execute("INSERT INTO things VALUES (1); COMMIT; INSERT INTO things VALUES (2)")
            while cursor.nextset():
                pass
        side.insert(3)

    stopped(side, body)


def goes_past_the_cursor(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.connection.connection.query("COMMIT")
        side.insert(2)

    stopped(side, body)


def goes_past_the_cursor_first(side: Side) -> None:
    def body() -> None:
        side.connection.ensure_connection()
        side.connection.connection.query("INSERT INTO things VALUES (1)")
        side.insert(2)

    stopped(side, body)


def chooses_an_isolation_level(side: Side) -> None:
    with side.atomic():
        side.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        side.insert(1)
        side.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def is_read_only(side: Side) -> None:
    with side.atomic():
        side.run("SET TRANSACTION READ ONLY")
        side.insert(1)
        side.run("SELECT COUNT(*) FROM things")
    side.insert(2)


def chooses_before_the_block(side: Side) -> None:
    side.run("SET TRANSACTION READ ONLY")
    with side.atomic():
        side.insert(1)
    side.insert(2)


def locks_tables_before_the_block(side: Side) -> None:
    side.run("LOCK TABLES things WRITE")
    with side.atomic():
        side.insert(1)
        # An error for as long as the lock on the other table is held.
        side.run("SELECT COUNT(*) FROM kept")
    side.run("UNLOCK TABLES")


def has_begun_before_the_block(side: Side) -> None:
    side.run("START TRANSACTION")
    side.insert(1)
    stopped(side, lambda: side.insert(2))


def takes_a_duplicate_calmly(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        side.insert(1)
        side.insert(2)


def takes_a_duplicate_calmly_and_rolls_back(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        side.insert(1)
        side.insert(2)

    stopped(side, body)


def begins_with_an_error(side: Side) -> None:
    def body() -> None:
        side.run("SELEC 1")
        side.insert(1)

    stopped(side, body)


def ends_with_an_error(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        side.insert(1)


def nests(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        with pytest.raises(IntegrityError), side.atomic(), side.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO things (id) VALUES (%s)", [(2,), (1,)])
        side.insert(3)
        with side.atomic(savepoint=False):
            side.insert(4)
        side.note_committed()


def begins_with_a_savepoint(side: Side) -> None:
    with side.atomic():
        with contextlib.suppress(Stop), side.atomic():
            side.insert(1)
            raise Stop
        side.insert(2)


def rolls_back_to_a_savepoint_by_hand(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        sid = transaction.savepoint(using=side.alias)
        side.insert(2)
        side.insert(2)
        transaction.savepoint_rollback(sid, using=side.alias)
        side.insert(3)


def breaks_the_block_within(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        with contextlib.suppress(Stop), side.atomic(savepoint=False):
            raise Stop
        side.run("SELECT 1")
        side.note(transaction.get_rollback(using=side.alias))


def sets_the_rollback_flag(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        transaction.set_rollback(True, using=side.alias)


def is_durable(side: Side) -> None:
    with side.atomic(durable=True):
        side.insert(1)
    with side.atomic():
        side.insert(2)
        with pytest.raises(RuntimeError), side.atomic(durable=True):
            side.insert(3)


def hooks_on_commit(side: Side) -> None:
    with side.atomic():
        transaction.on_commit(lambda: side.insert(2), using=side.alias)
        side.insert(1)
    stopped(side, lambda: transaction.on_commit(lambda: side.insert(3), using=side.alias))
    with side.atomic():
        transaction.on_commit(side.note_committed, using=side.alias)


def turns_autocommit_off(side: Side) -> None:
    transaction.set_autocommit(False, using=side.alias)
    side.insert(1)
    transaction.rollback(using=side.alias)
    side.insert(2)
    transaction.commit(using=side.alias)
    side.insert(3)
    with side.atomic():
        side.insert(4)
    side.note_committed()
    side.run("SELECT @@autocommit")
    # The server commits.
    transaction.set_autocommit(True, using=side.alias)


def leaves_as_atomic_does_without_an_end(side: Side) -> None:
    for number in (1, 2):
        side.connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        if number == 1:
            side.insert(number)
        # The server commits.
        side.connection.set_autocommit(True)
        side.note_committed()


def keeps_a_method_of_the_driver(side: Side) -> None:
    side.connection.ensure_connection()
    send = side.connection.connection.query

    def body() -> None:
        side.insert(1)
        send("COMMIT")
        side.insert(2)

    stopped(side, body)


def uses_the_drivers_own_transactions(side: Side) -> None:
    side.connection.ensure_connection()
    driver = side.connection.connection
    driver.begin()
    side.insert(1)
    driver.rollback()
    driver.autocommit(False)
    side.insert(2)
    driver.commit()
    side.insert(3)
    driver.rollback()
    driver.autocommit(True)
    side.insert(4)


def closes_within(side: Side) -> None:
    with side.atomic():
        side.insert(1)
        side.connection.close()
    side.insert(2)


def closes_before_anything_happened(side: Side) -> None:
    with side.atomic():
        side.connection.close()
    side.insert(2)


def loses_the_connection_within(side: Side) -> None:
    with contextlib.suppress(Stop), side.atomic():
        side.insert(1)
        side.server.kill(side.connection.connection.thread_id())
        side.insert(2)
        side.insert(3)
        raise Stop
    side.connection.close()
    side.insert(4)


def loses_the_connection_at_once(side: Side) -> None:
    side.run("SELECT 1")
    side.server.kill(side.connection.connection.thread_id())
    with pytest.raises(OperationalError), side.atomic(), side.connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    side.connection.close()
    side.insert(1)


def waits_too_long_for_a_lock(side: Side) -> None:
    other = side.other()
    other.query("BEGIN")
    other.query("INSERT INTO things VALUES (7)")
    side.run("SET SESSION innodb_lock_wait_timeout = 1")

    def body() -> None:
        side.insert(1)
        side.insert(7)
        side.insert(2)

    try:
        stopped(side, body)
    finally:
        other.close()


def is_the_victim_of_a_deadlock(side: Side, *, nested: bool = False, stop: bool = True) -> None:
    # The other one has changed more rows, so that this one is the victim.
    other = side.other()
    number = other.thread_id()
    side.server.query(f"INSERT INTO {SCHEMA}.things SELECT seq FROM {SCHEMA}.seq_101_to_150")
    other.query("BEGIN")
    other.query("UPDATE things SET id = id + 1000 WHERE id BETWEEN 102 AND 150")

    def body() -> None:
        side.insert(1)
        side.run("DELETE FROM things WHERE id = 101")
        blocked = in_thread(lambda: other.query("UPDATE things SET id = 1101 WHERE id = 101"))
        eventually(
            lambda: side.server.query(
                "SELECT 1 FROM information_schema.processlist "
                f"WHERE id = {number} AND state = 'Updating'"
            )
        )
        if nested:
            with pytest.raises(OperationalError), side.atomic(), side.connection.cursor() as cursor:
                cursor.execute("DELETE FROM things WHERE id = 102")
        else:
            side.run("DELETE FROM things WHERE id = 102")
        blocked.result(10)
        other.query("ROLLBACK")
        side.insert(2)
        side.note_committed()
        side.insert(3)

    try:
        if stop:
            stopped(side, body)
        else:
            with side.atomic():
                body()
    finally:
        other.close()


def is_the_victim_of_a_deadlock_and_commits(side: Side) -> None:
    is_the_victim_of_a_deadlock(side, stop=False)


def is_the_victim_of_a_deadlock_in_a_nested_block(side: Side) -> None:
    is_the_victim_of_a_deadlock(side, nested=True)


def is_interrupted(side: Side) -> None:
    def body() -> None:
        side.insert(1)
        number = side.connection.connection.thread_id()

        def interrupt() -> None:
            eventually(
                lambda: side.server.query(
                    "SELECT 1 FROM information_schema.processlist "
                    f"WHERE id = {number} AND state = 'User sleep'"
                )
            )
            side.server.query(f"KILL QUERY {number}")

        # KILL QUERY from another connection than the one that this thread uses.
        done = in_thread(interrupt)
        side.run("SELECT id FROM things WHERE SLEEP(10) = 0")
        done.result(10)
        side.insert(2)

    stopped(side, body)


def reads_one_snapshot(side: Side) -> None:
    side.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    with side.atomic():
        side.server.query(f"INSERT INTO {SCHEMA}.things VALUES (1)")
        side.run("SELECT COUNT(*) FROM things")
        side.server.query(f"INSERT INTO {SCHEMA}.things VALUES (2)")
        side.run("SELECT COUNT(*) FROM things")
    side.run("SELECT COUNT(*) FROM things")


def holds_row_locks_until_the_end(side: Side) -> None:
    side.insert(1)
    other = side.other()
    other.query("SET SESSION innodb_lock_wait_timeout = 1")
    with side.atomic():
        side.run("SELECT id FROM things WHERE id = 1 FOR UPDATE")
        with other.cursor() as cursor, pytest.raises(Exception, match="1205"):
            cursor.execute("DELETE FROM things WHERE id = 1")
    other.query("DELETE FROM things WHERE id = 1")
    other.close()


def inserts_many(side: Side) -> None:
    def body() -> None:
        with side.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO things (id) VALUES (%s)", [(1,), (2,), (3,)])
            side.note(cursor.rowcount)
            cursor.executemany("UPDATE things SET id = %s WHERE id = %s", [(11, 1), (12, 2)])
            side.note(cursor.rowcount)
        side.run("SELECT id FROM things ORDER BY id")

    stopped(side, body)


def has_new_ids(side: Side) -> None:
    side.server.query(f"CREATE TABLE {SCHEMA}.more (id int AUTO_INCREMENT PRIMARY KEY, v int)")
    with side.atomic(), side.connection.cursor() as cursor:
        cursor.execute("INSERT INTO more (v) VALUES (5)")
        side.note((cursor.lastrowid, cursor.rowcount, cursor.warning_count))
        cursor.execute("INSERT INTO more (v) VALUES (6), (7)")
        side.note((cursor.lastrowid, cursor.rowcount))
        cursor.execute("UPDATE more SET v = 9")
        side.note((cursor.rowcount, side.connection.connection.info()))


def streams(side: Side) -> None:
    from MySQLdb.cursors import SSCursor

    with side.atomic():
        side.connection.ensure_connection()
        cursor = side.connection.connection.cursor(SSCursor)
        cursor.execute("SELECT seq FROM seq_1_to_3")
        side.note(list(cursor))
        cursor.close()
        side.insert(1)


def logs_its_queries(side: Side) -> None:
    with CaptureQueriesContext(side.connection) as log:
        with side.atomic():
            side.insert(1)
        stopped(side, lambda: side.insert(2))
        with side.atomic():
            pass
    side.note([query["sql"] for query in log.captured_queries])


SCENARIOS = [
    value
    for name, value in list(globals().items())
    if callable(value)
    and getattr(value, "__annotations__", {}).get("side") is Side
    and name not in ("stopped",)
]


def at(alias: str, settings: dict[str, Any]) -> None:
    connections.settings[alias] = connections.configure_settings({"default": settings})["default"]


@pytest.fixture
def side_of(server):
    """`side_of("quality.pool")`: an alias with this ENGINE, on empty tables."""
    made = []

    def make(engine: str, **changes: Any) -> Side:
        shop = Database(**changes)
        shop.settings["ENGINE"] = engine
        if engine == STOCK:
            del shop.settings["OPTIONS"]["pool"]
        at(shop.alias, shop.settings)
        made.append(shop.alias)
        server.query(f"DROP TABLE IF EXISTS {SCHEMA}.more")
        server.query(f"TRUNCATE {SCHEMA}.things")
        return Side(shop.alias, server)

    server.query(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.kept (id int)")
    server.query(f"CREATE OR REPLACE PROCEDURE {SCHEMA}.commits() COMMIT")
    yield make
    for alias in made:
        connections[alias].close()
        if hasattr(connections[alias], "close_pool"):
            connections[alias].close_pool()
        del connections[alias], connections.settings[alias]
    server.query(f"DROP TABLE IF EXISTS {SCHEMA}.more, {SCHEMA}.kept")
    server.query(f"DROP PROCEDURE {SCHEMA}.commits")
    server.query(f"TRUNCATE {SCHEMA}.things")


@pytest.mark.parametrize(
    ("scenario", "multi_statements"),
    [
        pytest.param(scenario, allowed, id=f"{scenario.__name__}-{name}")
        for scenario in SCENARIOS
        for allowed, name in ((True, "at once"), (False, "one by one"))
        if allowed or scenario is not sends_several_statements_at_once
    ],
)
def test_it_comes_to_the_same_as_in_stock_django(scenario, multi_statements, side_of):
    seen = []
    for engine in (STOCK, "quality.pool"):
        side = side_of(engine, OPTIONS={"multi_statements": multi_statements})
        scenario(side)
        side.note(side.connection.in_atomic_block)
        side.note_committed()
        side.connection.close()
        side.note_committed()
        seen.append(side.seen)
    assert seen[0] == seen[1]
    # There was something to see.
    assert len(seen[0]) > 2


@pytest.mark.parametrize(
    "scenario", [commits, nests, turns_autocommit_off, uses_the_drivers_own_transactions]
)
def test_it_comes_to_the_same_without_autocommit(scenario, side_of):
    seen = []
    for engine in (STOCK, "quality.pool"):
        side = side_of(engine, AUTOCOMMIT=False)
        scenario(side)
        side.connection.close()
        side.note_committed()
        seen.append(side.seen)
    assert seen[0] == seen[1]


# ----- How many statements that takes


@pytest.fixture
def shop(on_spare_server, administrator):
    """An alias on the spare server, with a connection that was used before."""
    administrator.query("CREATE OR REPLACE TABLE quality.things (id int PRIMARY KEY)")
    shop = on_spare_server({"max_size": 1, "min_size": 0})
    at(shop.alias, shop.settings)
    select(connections[shop.alias], "SELECT 1")
    connections[shop.alias].close()
    yield shop
    connections[shop.alias].close_pool()
    del connections[shop.alias], connections.settings[shop.alias]


def test_a_request_with_one_select_sends_one_statement(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements:
        for _ in range(3):
            select(wrapper, "SELECT 2")
            wrapper.close()
    assert statements == ["SELECT 2"] * 3


def test_a_transaction_sends_begin_its_statements_and_commit(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements:
        with transaction.atomic(using=shop.alias):
            select(wrapper, "INSERT INTO things VALUES (1)")
            select(wrapper, "SELECT 2")
        wrapper.close()
    assert statements == ["BEGIN;INSERT INTO things VALUES (1)", "SELECT 2", "COMMIT"]


def test_a_transaction_that_is_undone_sends_rollback(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements:
        with contextlib.suppress(Stop), transaction.atomic(using=shop.alias):
            select(wrapper, "INSERT INTO things VALUES (1)")
            raise Stop
        wrapper.close()
    assert statements == ["BEGIN;INSERT INTO things VALUES (1)", "ROLLBACK"]


def test_an_empty_transaction_sends_nothing(administrator, shop):
    with administrator.heard() as statements:
        for error in (None, Stop):
            with contextlib.suppress(Stop), transaction.atomic(using=shop.alias):
                if error:
                    raise error
        connections[shop.alias].close()
    assert statements == []


def test_a_duplicate_in_a_nested_block_needs_nothing_more(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements:
        with transaction.atomic(using=shop.alias):
            select(wrapper, "INSERT INTO things VALUES (1)")
            with pytest.raises(IntegrityError), transaction.atomic(using=shop.alias):
                select(wrapper, "INSERT INTO things VALUES (1)")
            select(wrapper, "INSERT INTO things VALUES (2)")
        wrapper.close()
    kinds = [statement.split(" `")[0] for statement in statements]
    assert kinds == [
        "BEGIN;INSERT INTO things VALUES (1)",
        "SAVEPOINT",
        "INSERT INTO things VALUES (1)",
        "ROLLBACK TO SAVEPOINT",
        "RELEASE SAVEPOINT",
        "INSERT INTO things VALUES (2)",
        "COMMIT",
    ]


def test_a_close_within_a_transaction_sends_rollback_alone(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements, transaction.atomic(using=shop.alias):
        select(wrapper, "INSERT INTO things VALUES (1)")
        wrapper.close()
    assert statements == ["BEGIN;INSERT INTO things VALUES (1)", "ROLLBACK"]


def test_a_new_connection_is_sent_its_settings_and_nothing_else(administrator, on_spare_server):
    shop = on_spare_server({"max_size": 1, "min_size": 0, "statement_timeout": 5})
    # What Django wants to know of a server it asks once for all.
    wrapper = shop.wrapper()
    select(wrapper, "SELECT 1")
    wrapper.close()
    wrapper.close_pool()
    with administrator.heard() as statements:
        wrapper = shop.wrapper()
        select(wrapper, "SELECT 2")
        assert wrapper.features.supports_transactions
        wrapper.close()
    assert [statement.split(";")[0] for statement in statements] == [
        "Connect",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET NAMES utf8mb4",
        "SELECT 2",
    ]


def test_a_full_reset_takes_two_requests(administrator, shop):
    wrapper = connections[shop.alias]
    with administrator.heard() as statements:
        select(wrapper, "SET @left = 1")
        wrapper.close()
        select(wrapper, "SELECT 2")
        wrapper.close()
    isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
    assert statements == [
        "SET @left = 1",
        "Change user",
        f"{isolation};SET NAMES utf8mb4;SELECT @@init_connect",
        "SELECT 2",
    ]
