"""Faults between the pool and its server, and of the server itself."""

import contextlib
import time

import MySQLdb
import pytest
from django.db import OperationalError

from quality.devdb.configuration import APP_USER
from tests.faults import kill
from tests.pool.conftest import eventually, in_thread, select, thread_id, works

# ----- The way to the server


def test_connections_that_the_network_cut_cost_no_borrower_an_error(on_spare_server, proxy):
    shop = on_spare_server({"max_size": 3}, through=proxy)
    wrappers = [shop.wrapper() for _ in range(3)]
    before = {thread_id(wrapper) for wrapper in wrappers}
    for wrapper in wrappers:
        wrapper.close()
    proxy.cut()
    eventually(lambda: proxy.open == 0)
    after = {thread_id(wrapper) for wrapper in wrappers}
    assert not before & after
    for wrapper in wrappers:
        wrapper.close()


def test_a_server_that_refuses_is_an_error_soon_and_heals_without_a_restart(on_spare_server, proxy):
    shop = on_spare_server({"max_size": 3, "timeout": 20}, through=proxy)
    assert works(shop)
    proxy.stop()
    proxy.cut()
    eventually(lambda: proxy.open == 0)
    began = time.monotonic()
    assert not works(shop)
    assert time.monotonic() - began < 10
    proxy.start()
    eventually(lambda: works(shop))


def test_a_network_that_swallows_holds_nobody_beyond_the_deadline(on_spare_server, proxy):
    shop = on_spare_server({"max_size": 2, "timeout": 1}, through=proxy)
    proxy.deaf()
    began = time.monotonic()
    futures = [in_thread(shop.wrapper().ensure_connection) for _ in range(4)]
    errors = [future.exception(20) for future in futures]
    took_seconds = time.monotonic() - began
    assert all(isinstance(error, OperationalError) for error in errors)
    # Nobody stood in line behind another's deadline.
    assert took_seconds < 4
    proxy.hear()
    eventually(lambda: works(shop))


def test_a_commit_whose_answer_was_lost_is_not_repeated(on_spare_server, proxy, administrator):
    administrator.query("CREATE OR REPLACE TABLE quality.written (id int AUTO_INCREMENT KEY)")
    shop = on_spare_server({"max_size": 1}, through=proxy)
    wrapper = shop.wrapper()
    wrapper.set_autocommit(False)
    select(wrapper, "INSERT INTO written VALUES ()")
    proxy.lose_next_answer(b"COMMIT")
    with pytest.raises(OperationalError):
        wrapper.commit()
    wrapper.close()
    # It is for the application to know whether it may be sent again; it arrived.
    eventually(lambda: administrator.query("SELECT count(*) FROM quality.written") == [(1,)])
    assert select(wrapper, "SELECT count(*) FROM written") == 1
    wrapper.close()


def test_a_statement_whose_answer_was_lost_costs_its_connection(on_spare_server, proxy):
    shop = on_spare_server({"max_size": 1}, through=proxy)
    wrapper = shop.wrapper()
    before = thread_id(wrapper)
    proxy.lose_next_answer()
    with pytest.raises(OperationalError):
        select(wrapper, "SELECT 'lost'")
    wrapper.close()
    following = shop.wrapper()
    assert select(following, "SELECT 'mine'") == "mine"
    assert thread_id(following) != before
    following.close()


# ----- The server


def test_a_killed_server_keeps_what_was_committed_and_heals(
    on_spare_server, spare_server, administrator
):
    administrator.query("CREATE OR REPLACE TABLE quality.written (id int AUTO_INCREMENT KEY)")
    shop = on_spare_server({"max_size": 2})
    wrapper = shop.wrapper()
    select(wrapper, "INSERT INTO written VALUES ()")
    wrapper.close()
    kill(spare_server)
    assert not works(shop)
    spare_server.start()
    eventually(lambda: works(shop))
    assert select(wrapper, "SELECT count(*) FROM written") == 1
    wrapper.close()


@pytest.fixture
def fill(spare_server, administrator):
    """Take every connection that the server has to give; each can be closed."""
    taken = []
    # Those of the test before count until the server has noticed their end.
    eventually(lambda: administrator.connections() == [])

    def connect() -> None:
        login = {"user": APP_USER, "password": spare_server.password}
        taken.append(MySQLdb.connect(unix_socket=str(spare_server.socket), **login))

    def fill(number: int) -> list[MySQLdb.connections.Connection]:
        # What the test before closed may still count.
        eventually(lambda: not administrator.connections())
        with contextlib.suppress(MySQLdb.OperationalError):
            for _ in range(20):
                connect()
        with pytest.raises(MySQLdb.OperationalError, match=str(number)):
            connect()
        return taken

    yield fill
    for connection in taken:
        connection.close()


LIMITS = {
    1040: lambda administrator: administrator.setting("max_connections", 10),
    1203: lambda administrator: administrator.setting("max_user_connections", 10),
    1226: lambda administrator: administrator.user_connections(10),
}


@pytest.mark.parametrize("number", LIMITS)
def test_a_full_server_is_waited_for(number, on_spare_server, administrator, fill):
    shop = on_spare_server({"max_size": 2, "min_size": 0, "timeout": 30})
    with LIMITS[number](administrator):
        taken = fill(number)
        waiting = in_thread(lambda: works(shop))
        eventually(lambda: str(number) in shop.pool.stats().last_connect_error)
        assert not waiting.done()
        taken.pop().close()
        assert waiting.result(30)


@pytest.mark.parametrize("number", LIMITS)
def test_a_server_that_stays_full_is_an_error_at_the_deadline(
    number, on_spare_server, administrator, fill
):
    shop = on_spare_server({"max_size": 2, "min_size": 0, "timeout": 0.5})
    with LIMITS[number](administrator):
        fill(number)
        began = time.monotonic()
        with pytest.raises(OperationalError, match=str(number)):
            shop.wrapper().ensure_connection()
        assert 0.4 < time.monotonic() - began < 5
