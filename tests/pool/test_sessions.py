"""Nothing that a borrower did to its session reaches the next one."""

import time
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests.pool.conftest import SCHEMA, eventually, select, thread_id

# What differs between any two connections, or with the time.
THEIR_OWN = {
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "timestamp",
    "last_insert_id",
    "insert_id",
    "error_count",
    "warning_count",
    "last_gtid",
}


def run(wrapper, sql: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(sql)


def variables(wrapper) -> dict[str, str]:
    with wrapper.cursor() as cursor:
        cursor.execute("SHOW SESSION VARIABLES")
        found = dict(cursor.fetchall())
    return {name: value for name, value in found.items() if name not in THEIR_OWN}


@pytest.fixture
def shop(database):
    return database(
        pool={"max_size": 1},
        OPTIONS={
            "init_command": "SET @@lc_time_names = 'ro_RO'",
            "sql_mode": "STRICT_TRANS_TABLES,ANSI_QUOTES",
            "collation": "utf8mb4_romanian_ci",
            "isolation_level": "serializable",
        },
    )


# Each line: what a borrower does, what the next one asks, and what it must hear.
TRACES = {
    "an open transaction": ("INSERT INTO things VALUES (1)", "SELECT count(*) FROM things", 0),
    "a user variable": ("SET @left = 'behind'", "SELECT @left", None),
    "a temporary table": (
        "CREATE TEMPORARY TABLE things (id int)",
        "SELECT extra FROM information_schema.columns "
        f"WHERE table_schema = '{SCHEMA}' AND table_name = 'things'",
        "",
    ),
    "a named lock": ("SELECT GET_LOCK('l', 0)", "SELECT IS_USED_LOCK('l')", None),
    "another database": ("USE information_schema", "SELECT DATABASE()", SCHEMA),
    "a row count": ("SELECT SQL_CALC_FOUND_ROWS 1 LIMIT 0", "SELECT LAST_INSERT_ID()", 0),
}


@pytest.mark.parametrize("trace", TRACES)
def test_the_next_borrower_does_not_meet(trace, shop):
    leave, ask, answer = TRACES[trace]
    borrower = shop.wrapper()
    number = thread_id(borrower)
    if trace == "an open transaction":
        borrower.set_autocommit(False)
    run(borrower, leave)
    borrower.close()
    following = shop.wrapper()
    assert thread_id(following) == number
    assert select(following, ask) == answer


def test_table_locks_end_with_the_lease(shop, server):
    borrower = shop.wrapper()
    run(borrower, "LOCK TABLES things WRITE")
    borrower.close()
    server.query(f"INSERT INTO {SCHEMA}.things VALUES (7)")


def test_prepared_statements_end_with_the_lease(shop):
    borrower = shop.wrapper()
    run(borrower, "PREPARE left_behind FROM 'SELECT 1'")
    borrower.close()
    with pytest.raises(OperationalError, match="left_behind"):
        run(shop.wrapper(), "EXECUTE left_behind")


def test_after_a_return_the_session_is_as_a_new_one(shop):
    untouched = shop.wrapper()
    as_new = variables(untouched)
    assert as_new["lc_time_names"] == "ro_RO"
    assert as_new["collation_connection"] == "utf8mb4_romanian_ci"
    assert as_new["tx_isolation"] == "SERIALIZABLE"
    assert as_new["autocommit"] == "ON"
    number = thread_id(untouched)
    for sql in (
        "SET sql_mode = '', time_zone = '+05:00', foreign_key_checks = 0, lc_time_names = 'de_DE'",
        "SET unique_checks = 0, wait_timeout = 999, max_statement_time = 3",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY",
        "SET NAMES latin1 COLLATE latin1_german1_ci",
    ):
        run(untouched, sql)
    untouched.set_autocommit(False)
    untouched.close()
    following = shop.wrapper()
    assert thread_id(following) == number
    assert variables(following) == as_new


def test_a_character_set_chosen_through_the_driver_does_not_stay(shop):
    borrower = shop.wrapper()
    number = thread_id(borrower)
    borrower.connection.set_character_set("latin1")
    borrower.close()
    following = shop.wrapper()
    assert select(following, "SELECT 'ș'") == "ș"
    assert thread_id(following) == number


def test_a_driver_told_to_reconnect_by_itself_does_not_stay(shop, server):
    borrower = shop.wrapper()
    number = thread_id(borrower)
    with pytest.deprecated_call(match="reconnect"):
        borrower.connection.ping(True)
    borrower.close()
    eventually(lambda: not server.has(number))


def test_what_the_server_does_at_each_connect_is_not_missing_later(on_spare_server, administrator):
    shop = on_spare_server({"max_size": 1})
    with administrator.setting("init_connect", "SET time_zone = '+03:00'"):
        for _ in range(2):
            borrower = shop.wrapper()
            assert select(borrower, "SELECT @@time_zone") == "+03:00"
            run(borrower, "SET @left = 'behind'")
            borrower.close()


def test_a_result_that_nobody_read_costs_the_connection(shop, server):
    borrower = shop.wrapper()
    number = thread_id(borrower)
    borrower.connection.query("SELECT 1")
    borrower.close()
    eventually(lambda: not server.has(number))
    assert select(shop.wrapper(), "SELECT 2") == 2


@pytest.mark.parametrize("autocommit", [True, False])
def test_each_borrower_has_the_configured_autocommit(database, autocommit):
    shop = database(pool={"max_size": 1}, AUTOCOMMIT=autocommit)
    for _ in range(2):
        wrapper = shop.wrapper()
        assert wrapper.get_autocommit() is autocommit
        assert select(wrapper, "SELECT @@autocommit") == autocommit
        wrapper.set_autocommit(not autocommit)
        wrapper.close()


def test_rollback_only_undoes_the_transaction_and_nothing_else(database):
    shop = database(pool={"max_size": 1, "reset": "rollback"})
    borrower = shop.wrapper()
    borrower.set_autocommit(False)
    run(borrower, "INSERT INTO things VALUES (1)")
    run(borrower, "SET @left = 'behind'")
    borrower.close()
    following = shop.wrapper()
    assert select(following, "SELECT count(*) FROM things") == 0
    assert select(following, "SELECT @left") == "behind"


def test_with_rollback_only_a_session_is_initialised_once(database, server):
    shop = database(pool={"max_size": 1, "reset": "rollback"})

    def isolation_statements() -> int:
        wrapper = shop.wrapper()
        count = select(
            wrapper,
            "SELECT variable_value FROM information_schema.session_status "
            "WHERE variable_name = 'Com_set_option'",
        )
        wrapper.close()
        return int(count)

    first = isolation_statements()
    assert isolation_statements() == first


@pytest.mark.parametrize("when", ["initialising", "announcing"])
def test_a_half_initialised_connection_is_closed(when, database, server):
    shop = database(pool={"max_size": 1, "timeout": 1})
    seen = []

    def broken(connection, **kwargs):
        if connection.alias == shop.alias:
            seen.append(connection.connection.thread_id())
            raise RuntimeError(when)

    class Broken(type(shop.wrapper())):
        def init_connection_state(self):
            broken(self)

    wrapper = shop.wrapper()
    if when == "initialising":
        wrapper = Broken(shop.settings, shop.alias)
    else:
        connection_created.connect(broken)
    try:
        with pytest.raises(RuntimeError, match=when):
            wrapper.ensure_connection()
    finally:
        connection_created.disconnect(broken)
    assert wrapper.connection is None
    eventually(lambda: not server.has(seen[0]))
    assert thread_id(shop.wrapper()) != seen[0]


def test_a_wish_expressed_at_connection_created_holds_for_every_borrower(shop):
    def wish(connection, **kwargs):
        if connection.alias == shop.alias:
            run(connection, "SET @wish = 'granted'")

    connection_created.connect(wish)
    try:
        for _ in range(2):
            wrapper = shop.wrapper()
            assert select(wrapper, "SELECT @wish") == "granted"
            wrapper.close()
    finally:
        connection_created.disconnect(wish)


def test_a_transaction_that_nobody_ended_is_undone(shop):
    wrapper = shop.wrapper()
    run(wrapper, "START TRANSACTION")
    run(wrapper, "INSERT INTO things VALUES (5)")
    wrapper.close()
    assert select(shop.wrapper(), "SELECT count(*) FROM things") == 0


# ----- A borrow after the first one


def test_a_later_borrow_leaves_the_wrapper_as_djangos_own_connect_does(database):
    shop = database(pool={"max_size": 1})
    wrapper = shop.wrapper()
    told = []

    def listen(connection, **kwargs):
        told.append(connection)

    def state() -> dict[str, Any]:
        ours = ("connection", "close_at", "queries_log")
        return {name: value for name, value in vars(wrapper).items() if name not in ours}

    connection_created.connect(listen)
    try:
        # The second is of a wrapper that knows its settings, and of a session that is initialised.
        BaseDatabaseWrapper.connect(wrapper)
        first = state()
        wrapper.close()
        wrapper.in_atomic_block = wrapper.needs_rollback = wrapper.errors_occurred = True
        wrapper.savepoint_ids, wrapper.atomic_blocks = ["s1"], [None]
        wrapper.autocommit = False
        wrapper.connect()
    finally:
        connection_created.disconnect(listen)
    assert state() == first
    assert wrapper.close_at <= time.monotonic()
    assert told == [wrapper, wrapper]
    wrapper.close()


def test_a_later_borrow_is_in_the_mode_that_the_settings_ask_for(database):
    wrapper = database(pool={"max_size": 1}, AUTOCOMMIT=False).wrapper()
    for _ in range(3):
        wrapper.connect()
        assert not wrapper.get_autocommit()
        assert not wrapper.connection.get_autocommit()
        wrapper.close()
