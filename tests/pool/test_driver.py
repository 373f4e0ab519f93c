"""The driver's connection and cursor do what the driver's own do, and ask for less."""

import contextlib
from datetime import date, datetime

import MySQLdb
import pytest
from django.db import OperationalError
from MySQLdb.constants import FIELD_TYPE
from MySQLdb.cursors import DictCursor, SSCursor
from MySQLdb.times import Date_or_None, DateTime_or_None

from quality.pool.driver import Connection
from tests.pool.conftest import select, thread_id

CREATE_TABLE = "CREATE TEMPORARY TABLE seen (number INT PRIMARY KEY)"


# ----- What it asks for


@pytest.fixture
def asked(monkeypatch):
    """The names of what was asked of the driver, in order."""
    asked = []

    def watch(name):
        own = getattr(Connection, name)

        def watched(self):
            asked.append(name)
            return own(self)

        monkeypatch.setattr(Connection, name, watched)

    watch("next_result")
    watch("store_result")
    return asked


def test_a_statement_is_asked_for_its_rows_alone(wrapper, asked):
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == ((1,),)
    assert asked == ["store_result"]


def test_a_statement_without_rows_is_asked_for_nothing(wrapper, asked):
    with wrapper.cursor() as cursor:
        cursor.execute(CREATE_TABLE)
        cursor.execute("INSERT INTO seen VALUES (1), (2)")
        assert cursor.rowcount == 2
        assert cursor.description is None
        assert cursor.fetchall() == ()
    assert asked == []


def test_a_transaction_is_asked_for_what_its_beginning_answered(wrapper, asked):
    wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    assert select(wrapper, "SELECT 1") == 1
    assert select(wrapper, "SELECT 2") == 2
    wrapper.set_autocommit(True)
    assert asked == ["next_result", "store_result", "store_result"]


def test_what_is_left_of_several_results_is_read_before_the_next_statement(wrapper):
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2; SELECT 3")
        assert cursor.fetchone() == (1,)
        assert cursor.nextset()
        assert cursor.fetchone() == (2,)
        cursor.execute("SELECT 4")
        assert cursor.fetchone() == (4,)
        cursor.execute("SELECT 5; SELECT 6")
    assert select(wrapper, "SELECT 7") == 7


def test_an_error_among_several_results_leaves_a_connection_that_can_be_used(wrapper):
    number = thread_id(wrapper)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT nothing; SELECT 3")
        with pytest.raises(OperationalError, match="nothing"):
            cursor.nextset()
    assert thread_id(wrapper) == number


def test_a_cursor_that_is_closed_is_no_cursor(wrapper):
    cursor = wrapper.connection.session.connection.cursor()
    cursor.execute("SELECT 1")
    cursor.close()
    cursor.close()
    assert cursor.description is None
    with pytest.raises(MySQLdb.ProgrammingError, match="cursor closed"):
        cursor.execute("SELECT 2")


def test_a_cursor_that_outlives_its_connection_has_nothing_left(wrapper):
    driver = wrapper.connection.session.connection
    cursor = driver.cursor()
    cursor.execute("SELECT 1")
    driver.close()
    with pytest.raises(MySQLdb.OperationalError, match="2006"):
        cursor.close()
    assert cursor.description is None


def test_an_error_is_not_told_again_by_another_cursor(wrapper):
    with wrapper.connection.cursor(SSCursor) as streaming:
        streaming.execute("SELECT 1")
        assert streaming.fetchall() == ((1,),)
        with wrapper.cursor() as cursor, pytest.raises(OperationalError, match="nothing"):
            cursor.execute("SELECT nothing")


# ----- Dates

DATETIMES = [
    "2026-11-29 06:00:00",
    "2026-11-29 06:00:00.5",
    "2026-11-29 06:00:00.123",
    "2026-11-29 06:00:00.123456",
    "1000-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "0000-00-00 00:00:00",
    "0000-00-00 00:00:00.000000",
    "2026-00-29 06:00:00",
    "2026-11-00 06:00:00",
    # What MariaDB doesn't send.
    "2026-11-29",
    "0000-00-00",
]


@pytest.mark.parametrize("kind", ["DATETIME", "TIMESTAMP"])
@pytest.mark.parametrize("text", DATETIMES)
def test_a_moment_is_read_as_the_driver_reads_it(text, kind, wrapper):
    read = wrapper.connection.session.connection.converter[getattr(FIELD_TYPE, kind)]
    assert read is not DateTime_or_None
    expected = DateTime_or_None(text)
    assert (read(text), type(read(text))) == (expected, type(expected))


@pytest.mark.parametrize("text", ["2026-11-29", "1000-01-01", "0000-00-00", "2026-11-00"])
def test_a_date_is_read_as_the_driver_reads_it(text, wrapper):
    read = wrapper.connection.session.connection.converter[FIELD_TYPE.DATE]
    assert read is not Date_or_None
    assert read(text) == Date_or_None(text)


def test_what_the_server_sends_is_read(wrapper):
    with wrapper.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute(
            "SELECT CAST('2026-11-29 06:00:01' AS DATETIME), CAST('2026-11-29' AS DATE), "
            "CAST('2026-11-29 06:00:01.25' AS DATETIME(3)), CAST('0000-00-00' AS DATETIME), NULL"
        )
        assert cursor.fetchone() == (
            datetime.fromisoformat("2026-11-29 06:00:01"),
            date(2026, 11, 29),
            datetime.fromisoformat("2026-11-29 06:00:01.250000"),
            None,
            None,
        )


def test_who_reads_dates_himself_goes_on_doing_so(database):
    conv = {FIELD_TYPE.DATETIME: lambda text: f"at {text}", FIELD_TYPE.LONGLONG: int}
    wrapper = database(pool={"max_size": 1}, OPTIONS={"conv": conv}).wrapper()
    assert select(wrapper, "SELECT CAST('2026-11-29' AS DATETIME)") == "at 2026-11-29 00:00:00"
    wrapper.close()


# ----- A connection that was lost while it was lent, however that showed


def by_a_statement(wrapper):
    select(wrapper, "SELECT 1")


def by_the_end_of_a_transaction(wrapper):
    wrapper.commit()


def by_the_beginning_of_one(wrapper):
    wrapper.set_autocommit(False)


def by_a_ping(wrapper):
    wrapper.connection.ping()


def by_its_warnings(wrapper):
    wrapper.connection.show_warnings()


def by_its_state(wrapper):
    wrapper.connection.stat()


def by_another_kind_of_cursor(wrapper):
    with wrapper.connection.cursor(DictCursor) as cursor:
        cursor.execute("SELECT 1")


def by_a_limit(wrapper):
    with wrapper.limited(5):
        pass


WAYS = [way for name, way in globals().copy().items() if name.startswith("by_")]


@pytest.mark.parametrize("kind", [None, DictCursor], ids=["ours", "the driver's"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_lost_connection_does_not_come_back(way, kind, wrapper, server):
    session = wrapper.connection.session
    pool = wrapper.pool
    # Its end has the library forget that there was an error.
    with wrapper.connection.cursor(kind):
        server.kill(thread_id(wrapper))
        with contextlib.suppress(Exception):
            way(wrapper)
    assert not session._socket.is_open()
    wrapper.close()
    assert not pool.stats().idle
    assert select(wrapper, "SELECT 1") == 1
