"""The faults that tests order are the faults that they get."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import MySQLdb
import pytest

from quality.devdb.configuration import APP_USER
from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import COUNT_USERS, ROOT, Administrator, Proxy, frozen, kill, proxy_process


class Echo:
    """A server that answers what it is told, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            while data := peer.recv(1000):
                self.heard += data
                peer.sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.address) as proxy:
        yield proxy


class Client:
    """One connection through the proxy; "" is what it hears from one that hung up."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=30)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def hear(self) -> str:
        try:
            return self.socket.recv(1000).decode()
        except ConnectionResetError:
            return ""

    def ask(self, text: str) -> str:
        self.say(text)
        return self.hear()


def test_it_passes_on_what_is_said_and_counts(proxy: Proxy) -> None:
    with Client(proxy.address) as one, Client(proxy.address) as two:
        assert (one.ask("hello"), two.ask("there")) == ("hello", "there")
        assert (proxy.accepted, proxy.open) == (2, 2)
        assert (proxy.bytes_to_server, proxy.bytes_to_client) == (10, 10)
        assert two.ask("again") == "again"
        assert proxy.requests == 3


def test_its_port_is_none_that_the_system_gives_to_clients(proxy: Proxy) -> None:
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first = int(file.read().split()[0])
    assert proxy.port < first


def test_stopped_it_refuses_and_leaves_its_connections_alone(proxy: Proxy) -> None:
    with Client(proxy.address) as before:
        assert before.ask("a") == "a"
        proxy.stop()
        with pytest.raises(ConnectionRefusedError):
            Client(proxy.address)
        assert before.ask("b") == "b"
        proxy.start()
        with Client(proxy.address) as after:
            assert after.ask("c") == "c"


def test_cut_it_hangs_up_and_accepts_others(proxy: Proxy) -> None:
    with Client(proxy.address) as before:
        assert before.ask("a") == "a"
        proxy.cut()
        assert before.hear() == ""
    with Client(proxy.address) as after:
        assert after.ask("b") == "b"


def test_deaf_it_accepts_and_swallows(proxy: Proxy, echo: Echo) -> None:
    with Client(proxy.address) as before, Client(proxy.address) as silent:
        assert (before.ask("a"), silent.ask("b")) == ("a", "b")
        proxy.deaf()
        with Client(proxy.address) as new:
            for client in (before, new):
                client.socket.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    client.ask("c")
            proxy.hear()
            for client in (before, new):
                client.socket.settimeout(30)
                assert client.hear() == ""
        # Nothing of this one was lost.
        assert silent.ask("d") == "d"
    assert echo.heard == b"abd"


@pytest.mark.parametrize("to", [b"", b"OMM"])
def test_a_lost_answer_was_a_question_that_arrived(to: bytes, proxy: Proxy, echo: Echo) -> None:
    with Client(proxy.address) as victim, Client(proxy.address) as other:
        assert (victim.ask("a"), other.ask("b")) == ("a", "b")
        proxy.lose_next_answer(to)
        if to:
            assert victim.ask("BEGIN") == "BEGIN"
        assert victim.ask("COMMIT") == ""
        assert other.ask("COMMIT") == "COMMIT"
    assert echo.heard.endswith(b"COMMITCOMMIT")


def fastest(client: Client, rounds: int = 20) -> float:
    """Seconds of the quickest round trip: the others tell of the machine."""
    took = []
    for _ in range(rounds):
        started = time.monotonic()
        client.ask("x")
        took.append(time.monotonic() - started)
    return min(took)


def test_a_delay_is_added_to_each_round_trip_and_can_change(proxy: Proxy) -> None:
    with Client(proxy.address) as client:
        assert fastest(client) < 0.05
        proxy.delay_seconds = 0.05
        # Once, on the way back.
        assert 0.05 <= fastest(client) < 0.1
        proxy.delay_seconds = 0
        assert fastest(client) < 0.05


def test_an_answer_in_two_parts_is_late_once(proxy: Proxy) -> None:
    with Client(proxy.address) as client:
        client.ask("x")
        proxy.delay_seconds = 1
        began = time.monotonic()
        client.say("one")
        # The echo answers each part by itself.
        threading.Timer(0.1, client.say, ["two"]).start()
        heard = client.hear()
        first = time.monotonic() - began
        while "two" not in heard:
            heard += client.hear()
        assert first >= 1
        assert time.monotonic() - began < 2


def test_what_was_said_before_a_goodbye_arrives() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address: tuple[str, int] = listener.getsockname()
        with Proxy(address, delay_seconds=0.05) as proxy, Client(proxy.address) as client:
            peer, _ = listener.accept()
            peer.sendall(b"bye")
            peer.close()
            assert client.hear() == "bye"
            assert client.hear() == ""


def test_a_server_that_is_away_hangs_up(echo: Echo) -> None:
    echo.close()
    with Proxy(echo.address) as proxy, Client(proxy.address) as client:
        assert client.hear() == ""


def test_nothing_is_left_of_it(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        client = Client(proxy.address)
        client.ask("a")
    assert client.hear() == ""
    client.socket.close()
    assert proxy.open == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "proxy"]


def test_as_a_process_it_delays_and_ends_with_its_context(echo: Echo) -> None:
    with proxy_process(echo.address, delay_seconds=0.05) as address, Client(address) as client:
        assert 0.05 <= fastest(client) < 0.1
    with pytest.raises(ConnectionRefusedError):
        Client(address)


def test_as_a_process_it_reaches_a_socket_too(server: PrivateMariaDB) -> None:
    with proxy_process(str(server.socket)) as (host, port):
        connection = MySQLdb.connect(
            host=host, port=port, user=APP_USER, password=server.password, database="quality"
        )
        connection.close()


def test_a_process_that_cannot_start_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "target" in done.stderr


# ----- The server's own


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariaDB]:
    spare = PrivateMariaDB(tmp_path_factory.mktemp("m"), options=COUNT_USERS)
    spare.start()
    yield spare
    spare.stop()


@pytest.fixture
def administrator(server: PrivateMariaDB) -> Iterator[Administrator]:
    server.start()
    with Administrator(server) as administrator:
        # The server lists for a moment longer what the test before has closed.
        deadline = time.monotonic() + 30
        while administrator.status("Threads_connected") > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        yield administrator


def connect(server: PrivateMariaDB, **changes: object) -> MySQLdb.connections.Connection:
    login = {"unix_socket": str(server.socket), "user": APP_USER, "password": server.password}
    return MySQLdb.connect(**(login | changes))


def test_a_frozen_server_says_nothing_and_thaws(server: PrivateMariaDB) -> None:
    server.start()
    connection = connect(server, read_timeout=1)
    with frozen(server), pytest.raises(MySQLdb.OperationalError):
        connection.query("DO 1")
    connect(server).close()


def test_a_killed_server_is_gone_and_starts_again(server: PrivateMariaDB) -> None:
    server.start()
    kill(server)
    assert server.status() == "stopped"
    with pytest.raises(RuntimeError, match="no server"), frozen(server):
        pass
    server.start()
    connect(server).close()


def test_connections_are_listed_and_killed(
    server: PrivateMariaDB, administrator: Administrator
) -> None:
    connection = connect(server)
    number = connection.thread_id()
    assert administrator.connections() == [number]
    administrator.kill_connection(number)
    assert administrator.connections() == []
    with pytest.raises(MySQLdb.OperationalError):
        connection.query("DO 1")


def _let_in(server: PrivateMariaDB) -> Administrator:
    """The server counts the client that it has just refused for a moment longer."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return Administrator(server)
        except MySQLdb.OperationalError as error:
            if error.args[0] != 1040 or time.monotonic() > deadline:
                raise


def test_a_setting_holds_for_its_context(
    server: PrivateMariaDB, administrator: Administrator
) -> None:
    before = administrator.query("SELECT @@GLOBAL.max_connections")
    with administrator.setting("max_connections", 10):
        held = [connect(server) for _ in range(9)]
        with pytest.raises(MySQLdb.OperationalError) as refusal:
            held += [connect(server) for _ in range(2)]
        assert refusal.value.args[0] == 1040
        # The administrator is let in all the same.
        with _let_in(server) as another:
            assert another.status("Threads_connected") > 9
        for connection in held:
            connection.close()
    assert administrator.query("SELECT @@GLOBAL.max_connections") == before


@pytest.mark.parametrize("number", [1226, 1203])
def test_an_account_has_its_limit_also_while_it_is_connected(
    number: int, server: PrivateMariaDB, administrator: Administrator
) -> None:
    held = connect(server)
    limit = {
        1226: administrator.user_connections(1),
        1203: administrator.setting("max_user_connections", 1),
    }[number]
    with limit:
        with pytest.raises(MySQLdb.OperationalError) as refusal:
            connect(server)
        assert refusal.value.args[0] == number
    connect(server).close()
    held.close()
