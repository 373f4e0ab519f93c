"""What goes past Django's cursor is noticed as well, and ends with the lease."""

import MySQLdb
import pytest
from django.db import InterfaceError, OperationalError
from MySQLdb.cursors import DictCursor, SSCursor

from quality.pool.driver import Connection
from quality.pool.lent import TELLING, UNDONE_BY_RESET
from tests.pool import traces
from tests.pool.conftest import SCHEMA, eventually, select, thread_id

SEVERAL_ROWS = "SELECT seq FROM seq_1_to_5"
MANY_ROWS = "SELECT REPEAT('x', 1000) FROM seq_1_to_5000"


def needs(wrapper) -> str:
    return wrapper.connection.session.needs_reset()


# ----- Every trace, by every way


def by_cursor(wrapper, statement):
    with wrapper.cursor() as cursor:
        cursor.execute(statement)


def by_bytes(wrapper, statement):
    with wrapper.cursor() as cursor:
        cursor.execute(statement.encode())


def by_many(wrapper, statement):
    with wrapper.cursor() as cursor:
        cursor.executemany(statement, [()])


def by_the_drivers_connection(wrapper, statement):
    wrapper.connection.query(statement)
    wrapper.connection.store_result()


def by_the_drivers_cursor(wrapper, statement):
    with wrapper.connection.cursor(DictCursor) as cursor:
        cursor.execute(statement)


def by_the_connection_of_a_cursor(wrapper, statement):
    with wrapper.cursor() as cursor, cursor.connection.cursor() as another:
        another.execute(statement)


WAYS = (
    by_cursor,
    by_bytes,
    by_many,
    by_the_drivers_connection,
    by_the_drivers_cursor,
    by_the_connection_of_a_cursor,
)


@pytest.mark.usefixtures("objects")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("within", [False, True], ids=["", "in a transaction"])
def test_nothing_is_left_behind(way, within, database):
    shop = database(pool={"max_size": 1, "min_size": 0})
    fresh = shop.wrapper()
    fresh.ensure_connection()
    expected = traces.look(fresh.connection)
    fresh.close()
    fresh.close_pool()
    for statement in traces.STATEMENTS:
        borrower = shop.wrapper()
        number = thread_id(borrower)
        if within:
            borrower.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        way(borrower, statement)
        borrower.close()
        following = shop.wrapper()
        same = thread_id(following) == number
        assert traces.difference(expected, traces.look(following.connection)) == {}, statement
        # It was made clean, not replaced: but where a second result was left unread.
        assert same or ";" in statement, statement
        following.close()
        following.close_pool()


# ----- What counts as a change


def test_what_only_tells_something_needs_no_reset(wrapper):
    driver = wrapper.connection
    assert driver.thread_id() > 0
    assert driver.encoding == "utf8"
    assert driver.character_set_name() == "utf8mb4"
    assert driver.escape_string("it's") == b"it\\'s"
    assert driver.literal("it's") == b"'it\\'s'"
    assert driver.get_autocommit()
    assert driver.insert_id() == 0
    driver.ping()
    driver.show_warnings()
    driver.rollback()
    with wrapper.cursor() as cursor:
        cursor.execute(SEVERAL_ROWS)
        assert cursor.rowcount == 5
        assert cursor.description[0][0] == "seq"
        assert cursor.fetchone() == (1,)
        assert cursor.fetchmany(2) == ((2,), (3,))
        assert list(cursor) == [(4,), (5,)]
        assert cursor.nextset() is None
        assert wrapper.ops.last_executed_query(cursor, "", None) == SEVERAL_ROWS
    assert needs(wrapper) == ""


@pytest.mark.parametrize(
    "use",
    [
        lambda driver: driver.select_db("information_schema"),
        lambda driver: driver.set_character_set("latin1"),
        lambda driver: driver.set_sql_mode(""),
        lambda driver: driver.query("DO 1"),
        lambda driver: driver.begin(),
    ],
)
def test_what_may_change_the_session_needs_a_full_reset(use, wrapper):
    number = thread_id(wrapper)
    use(wrapper.connection)
    assert needs(wrapper) == "full"
    wrapper.close()
    assert select(wrapper, "SELECT DATABASE()") == SCHEMA
    assert select(wrapper, "SELECT 'ș'") == "ș"
    assert thread_id(wrapper) == number


@pytest.mark.parametrize(
    "use",
    [
        lambda wrapper: wrapper.connection.set_server_option(1),
        lambda wrapper: wrapper.connection.encoders.update({}),
        lambda wrapper: wrapper.connection.converter,
        lambda wrapper: wrapper.cursor().cursor.cursor,
    ],
)
def test_what_no_reset_undoes_costs_the_connection(use, wrapper, server):
    number = thread_id(wrapper)
    use(wrapper)
    wrapper.close()
    eventually(lambda: not server.has(number))
    assert thread_id(wrapper) != number


def test_every_name_of_the_drivers_connection_has_been_thought_of():
    ours = {"first", "has_failed", "tell", "takes_several"}
    defined = {"cursor", "commit", "rollback", "autocommit", "get_autocommit", "ping", "close"}
    # Whoever gets at one of these could do what no reset undoes.
    costly = {
        "converter",
        "dump_debug_info",
        "executemany_fallback",
        "kill",
        "set_server_option",
        "shutdown",
    }
    public = {name for name in dir(Connection) if not name.startswith("_")}
    assert public - TELLING - UNDONE_BY_RESET - ours - defined == costly


def test_an_attribute_of_the_driver_cannot_be_set(wrapper):
    with pytest.raises(AttributeError):
        wrapper.connection.encoders = {}


# ----- Rows that nobody read


@pytest.mark.parametrize("rows", [SEVERAL_ROWS, MANY_ROWS])
def test_rows_that_were_left_at_the_server_cost_the_connection(rows, wrapper, server):
    number = thread_id(wrapper)
    cursor = wrapper.connection.cursor(SSCursor)
    cursor.execute(rows)
    assert cursor.fetchone()
    wrapper.close()
    eventually(lambda: not server.has(number))
    assert select(wrapper, "SELECT 2") == 2
    cursor.close()
    assert select(wrapper, "SELECT 3") == 3


def test_rows_that_were_streamed_to_the_end_cost_a_reset(wrapper):
    number = thread_id(wrapper)
    with wrapper.connection.cursor(SSCursor) as cursor:
        cursor.execute(SEVERAL_ROWS)
        assert len(list(cursor)) == 5
    assert needs(wrapper) == "full"
    wrapper.close()
    assert thread_id(wrapper) == number


def test_a_result_that_nobody_asked_for_costs_the_connection(wrapper, server):
    number = thread_id(wrapper)
    with wrapper.cursor() as cursor:
        cursor.cursor.execute("SELECT 1; SELECT 2")
        # Neither read to its end nor closed.
        wrapper.close()
    eventually(lambda: not server.has(number))
    assert select(wrapper, "SELECT 3") == 3


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, TimeoutError])
def test_whoever_is_interrupted_in_a_statement_leaves_a_session_to_be_reset(
    interruption, wrapper, monkeypatch
):
    cursor = wrapper.cursor()

    def interrupted(*_):
        raise interruption

    # As a signal's handler does, after the statement was sent.
    monkeypatch.setattr(Connection, "store_result", interrupted)
    with pytest.raises(interruption):
        cursor.execute("SELECT 1")
    monkeypatch.undo()
    assert needs(wrapper) == "full"
    wrapper.close()
    assert select(wrapper, "SELECT 2") == 2


# ----- After the return


def test_a_kept_connection_is_refused_after_the_return(wrapper, database):
    kept = wrapper.connection
    send = kept.query
    wrapper.close()
    thread_id(wrapper)
    for use in (
        kept.cursor,
        kept.commit,
        kept.rollback,
        lambda: kept.thread_id(),
        lambda: kept.query("SELECT 1"),
        lambda: send("SELECT 1"),
        lambda: kept.autocommit(False),
        kept.get_autocommit,
    ):
        with pytest.raises(MySQLdb.OperationalError) as refusal:
            use()
        assert refusal.value.args[0] == 2006
    kept.close()
    assert select(wrapper, "SELECT 1") == 1


def test_closing_a_cursor_late_does_not_disturb_the_next_borrower(wrapper):
    late = wrapper.cursor()
    late.execute("SELECT 1")
    wrapper.close()
    # The next borrower is in the middle of its results.
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2")
        late.close()
        assert cursor.nextset()
        assert cursor.fetchall() == ((2,),)
    with pytest.raises((OperationalError, InterfaceError)):
        late.nextset()


def test_closing_the_drivers_connection_returns_it(wrapper):
    number = thread_id(wrapper)
    wrapper.connection.close()
    assert wrapper.pool.stats().in_use == 0
    with pytest.raises(OperationalError):
        select(wrapper, "SELECT 1")
    wrapper.close()
    assert thread_id(wrapper) == number
