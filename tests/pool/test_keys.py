"""A pool serves the parameters that it was made with, and no others."""

import copy

import pytest
from django.db import OperationalError

from quality.pool.registry import registry
from tests.pool.conftest import SCHEMA, Database, eventually, select, thread_id


@pytest.fixture
def other_schema(server):
    server.query(f"CREATE DATABASE {SCHEMA}_other")
    yield f"{SCHEMA}_other"
    server.query(f"DROP DATABASE {SCHEMA}_other")


def used_once(shop: Database) -> int:
    wrapper = shop.wrapper()
    number = thread_id(wrapper)
    wrapper.close()
    return number


def test_another_name_opens_a_new_pool_and_closes_the_old_one(database, server, other_schema):
    shop = database()
    wrapper = shop.wrapper()
    old = thread_id(wrapper)
    wrapper.close()
    # As the test runner does it: in place, with the wrapper at hand.
    wrapper.settings_dict["NAME"] = other_schema
    assert select(wrapper, "SELECT DATABASE()") == other_schema
    eventually(lambda: not server.has(old))


def test_a_changed_password_opens_a_new_pool(database, server):
    shop = database()
    old = used_once(shop)
    shop.settings["PASSWORD"] = "changed"
    with pytest.raises(OperationalError) as refusal:
        shop.wrapper().ensure_connection()
    assert refusal.value.args[0] == 1045
    eventually(lambda: not server.has(old))


def test_what_was_lent_under_the_old_password_is_closed_at_its_return(database, server):
    shop = database(pool={"max_size": 2})
    holder = shop.wrapper()
    held = thread_id(holder)
    shop.settings["OPTIONS"]["init_command"] = "SET @another = 1"
    assert select(shop.wrapper(), "SELECT @another") == 1
    assert select(holder, "SELECT @another") is None
    holder.close()
    eventually(lambda: not server.has(held))


def test_changed_options_reach_those_who_have_borrowed_before(database):
    shop = database(pool={"max_size": 2})
    before = shop.wrapper()
    thread_id(before)
    before.close()
    shop.settings["OPTIONS"]["pool"]["max_size"] = 3
    shop.settings["OPTIONS"]["pool"]["statement_timeout"] = 7
    number = used_once(shop)
    # Two pools that take turns would open a connection for each borrower.
    assert thread_id(before) == number
    assert shop.pool.stats().limit == 3
    assert select(before, "SELECT @@max_statement_time") == 7


def test_a_pool_that_was_replaced_keeps_nothing(database):
    # A thread may have asked for the pool just before another one replaced it.
    shop = database()
    replaced = shop.pool
    shop.settings["OPTIONS"]["init_command"] = "SET @another = 1"
    assert shop.pool is not replaced
    replaced.borrow().close()
    assert replaced.stats().open == 0


def test_options_that_are_changed_in_place_are_noticed(database, server):
    shop = database(OPTIONS={"ssl": {"cipher": "ALL"}})
    pool = shop.pool
    assert shop.pool is pool
    shop.settings["OPTIONS"]["ssl"]["cipher"] = "DEFAULT"
    assert shop.pool is not pool


def test_other_pool_options_make_another_pool(database):
    shop = database(pool={"max_size": 1})
    used_once(shop)
    shop.settings["OPTIONS"]["pool"]["max_size"] = 2
    assert shop.pool.stats().limit == 2


def test_two_aliases_never_share(database):
    one, two = database(), database()
    two.settings = copy.deepcopy(one.settings)
    first = used_once(one)
    assert used_once(two) != first
    assert used_once(one) == first


def test_the_connection_without_a_database_is_never_pooled(database, server):
    shop = database()
    used_once(shop)
    wrapper = shop.wrapper()
    for _ in range(2):
        with wrapper._nodb_cursor() as cursor:
            cursor.execute("SELECT DATABASE(), CONNECTION_ID()")
            name, number = cursor.fetchone()
        assert name is None
        eventually(lambda number=number: not server.has(number))
    assert registry.known("__no_db__") is None


def test_the_connection_without_a_database_goes_to_its_own_server(database):
    # Its alias is the same for every database of a project.
    for user_variable in ("@one", "@two"):
        wrapper = database(OPTIONS={"init_command": f"SET {user_variable} = 1"}).wrapper()
        with wrapper._nodb_cursor() as cursor:
            cursor.execute("SELECT @one, @two")
            one, two = cursor.fetchone()
        assert (one, two) == ((1, None) if user_variable == "@one" else (None, 1))
