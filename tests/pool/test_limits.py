"""A statement that runs for too long is ended, and says so; the rest goes on."""

import pickle

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections, transaction

from quality.pool.errors import StatementTimeout
from quality.pool.limits import statement_limit
from tests.pool.conftest import SCHEMA, eventually, in_thread, select, thread_id

# Longer than any limit here; nobody waits for its end.
SLOW = "SELECT COUNT(*) FROM seq_1_to_100000000 WHERE SLEEP(10) = 0"
LIMIT = "SELECT @@max_statement_time"


@pytest.fixture
def limited(database):
    """`limited(0.2)`: an alias with this default that statement_limit() finds."""
    made = []

    def make(seconds: float | None) -> str:
        shop = database(pool={"max_size": 1, "statement_timeout": seconds})
        connections.settings[shop.alias] = connections.configure_settings(
            {"default": shop.settings}
        )["default"]
        made.append(shop.alias)
        return shop.alias

    yield make
    for alias in made:
        connections[alias].close()
        del connections[alias], connections.settings[alias]


def limit_of(alias: str) -> float:
    return float(select(connections[alias], LIMIT))


def test_a_slow_statement_is_ended_and_the_error_says_which_limit(limited):
    alias = limited(0.5)
    with pytest.raises(StatementTimeout) as timeout:
        select(connections[alias], SLOW)
    error = timeout.value
    assert isinstance(error, OperationalError)
    assert error.args[0] == 1969
    assert (error.alias, error.seconds) == (alias, 0.5)
    for part in (alias, "0.5 s", "statement_timeout", "statement_limit(seconds)"):
        assert part in str(error)
    assert error.__cause__.args[0] == 1969
    assert select(connections[alias], "SELECT 1") == 1


def test_the_timeout_survives_the_way_between_processes():
    error = StatementTimeout(1969, "too long", alias="default", seconds=2.0)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (copy.args, copy.alias, copy.seconds) == (error.args, "default", 2.0)


def test_the_transaction_around_it_goes_on(limited, server):
    connection = connections[limited(0.5)]
    with transaction.atomic(using=connection.alias):
        select(connection, "INSERT INTO things VALUES (1)")
        with pytest.raises(StatementTimeout):
            select(connection, SLOW)
        select(connection, "INSERT INTO things VALUES (2)")
        assert server.query(f"SELECT COUNT(*) FROM {SCHEMA}.things") == [(0,)]
    assert server.query(f"SELECT id FROM {SCHEMA}.things") == [(1,), (2,)]


@pytest.mark.parametrize("method", ["execute", "executemany"])
def test_writes_are_limited_too(method, limited):
    connection = connections[limited(0.5)]
    params = [5] if method == "execute" else [[5]]
    with connection.cursor() as cursor:
        write = getattr(cursor, method)
        with pytest.raises(StatementTimeout):
            write("INSERT INTO things SELECT SLEEP(10) + %s", params)


def test_without_the_option_the_server_decides(limited):
    assert limit_of(limited(None)) == 0


def test_every_borrower_has_the_default(limited):
    alias = limited(7.5)
    number = thread_id(connections[alias])
    for statement in ("SELECT 1", "SET @left = 1", "SET max_statement_time = 3"):
        assert limit_of(alias) == 7.5
        select(connections[alias], statement)
        connections[alias].close()
    assert limit_of(alias) == 7.5
    assert thread_id(connections[alias]) == number


def test_a_report_may_take_longer_or_not_as_long(limited):
    alias = limited(5)
    with statement_limit(60, using=alias):
        assert limit_of(alias) == 60
        with statement_limit(0.25, using=alias):
            assert limit_of(alias) == 0.25
        assert limit_of(alias) == 60
        with statement_limit(None, using=alias):
            assert limit_of(alias) == 0
        assert limit_of(alias) == 60
    assert limit_of(alias) == 5


def test_the_error_names_the_innermost_limit(limited):
    alias = limited(30)
    with (
        statement_limit(20, using=alias),
        statement_limit(0.5, using=alias),
        pytest.raises(StatementTimeout, match=r"0\.5 s \(statement_limit") as timeout,
    ):
        select(connections[alias], SLOW)
    assert timeout.value.seconds == 0.5


def test_a_limit_of_the_statement_itself_is_named_too(limited):
    alias = limited(None)
    with pytest.raises(StatementTimeout, match="max_statement_time") as timeout:
        select(connections[alias], f"SET STATEMENT max_statement_time = 0.1 FOR {SLOW}")
    assert timeout.value.seconds is None


def test_the_block_needs_no_reset(limited):
    alias = limited(5)
    connection = connections[alias]
    with statement_limit(60, using=alias):
        select(connection, "SELECT 1")
        assert connection.connection.session.needs_reset() == "full"
    assert connection.connection.session.needs_reset() == ""


def test_an_error_in_the_block_ends_its_limit(limited):
    alias = limited(5)
    with pytest.raises(ZeroDivisionError), statement_limit(60, using=alias):
        raise ZeroDivisionError
    assert limit_of(alias) == 5


def test_a_connection_that_is_returned_within_the_block_takes_no_limit_along(limited):
    alias = limited(5)
    connection = connections[alias]
    with statement_limit(60, using=alias):
        connection.close()
        other = in_thread(lambda: (limit_of(alias), connections[alias].close()))
        assert other.result(30)[0] == 5
        # And the next one in this block has it.
        assert limit_of(alias) == 60
    assert limit_of(alias) == 5


def test_within_a_transaction_it_commits_nothing(limited, server):
    alias = limited(5)
    connection = connections[alias]
    with transaction.atomic(using=alias):
        with statement_limit(60, using=alias):
            select(connection, "INSERT INTO things VALUES (1)")
        assert server.query(f"SELECT COUNT(*) FROM {SCHEMA}.things") == [(0,)]
        transaction.set_rollback(True, using=alias)
    assert server.query(f"SELECT COUNT(*) FROM {SCHEMA}.things") == [(0,)]


def test_a_lost_connection_is_the_error_that_is_seen(limited, server):
    connection = connections[limited(5)]

    def lose() -> None:
        with statement_limit(60, using=connection.alias):
            server.kill(thread_id(connection))
            select(connection, "SELECT 1")

    with pytest.raises(OperationalError) as loss:
        lose()
    assert loss.value.args[0] in (2006, 2013)
    assert not isinstance(loss.value, StatementTimeout)
    connection.close()
    assert limit_of(connection.alias) == 5


def test_a_statement_that_was_killed_is_no_timeout(limited, server):
    connection = connections[limited(30)]
    number = thread_id(connection)

    def kill() -> None:
        eventually(
            lambda: server.query(
                "SELECT 1 FROM information_schema.processlist "
                f"WHERE id = {number} AND state = 'User sleep'"
            )
        )
        server.query(f"KILL QUERY {number}")

    killed = in_thread(kill)
    with pytest.raises(OperationalError) as error:
        select(connection, SLOW)
    killed.result(30)
    assert not isinstance(error.value, StatementTimeout)
    assert error.value.args[0] == 1317


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(seconds, limited):
    with pytest.raises(ValueError, match="seconds above 0"), statement_limit(seconds):
        pass


def test_another_engine_is_refused(limited):
    alias = limited(5)
    connections.settings["stock"] = {
        **connections.settings[alias],
        "ENGINE": "django.db.backends.mysql",
        "OPTIONS": {},
    }
    try:
        with (
            pytest.raises(ImproperlyConfigured, match="needs quality"),
            statement_limit(1, "stock"),
        ):
            pass
    finally:
        del connections["stock"], connections.settings["stock"]
