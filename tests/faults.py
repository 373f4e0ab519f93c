"""Faults on demand: a proxy that stops, delays, goes deaf and loses answers; a server that freezes.

`python -m tests.faults TARGET` is the proxy as a process of its own, for those whom its
share of Python's lock would disturb.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import MySQLdb

from quality.devdb.configuration import APP_USER
from quality.devdb.mariadb import PrivateMariaDB

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
# Below what the system gives to clients, so that no connection of ours takes the port that
# a proxy left and comes back to.
PORTS = range(20_000, 32_000)

# A server counts the connections of its accounts from the start only if it is told to.
COUNT_USERS = {"max-user-connections": 1000}

# As Linux: after so long without an acknowledgement what was said is said again, then after twice
# as long.
RESEND_SECONDS = 0.2

# What a client of a network reaches: the path of a socket, or host and port.
Address = str | tuple[str, int]


def _connect(address: Address) -> socket.socket:
    if isinstance(address, str):
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.connect(address)
        except BaseException:
            connected.close()
            raise
        return connected
    connected = socket.create_connection(address)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


class _Link:
    """One client's connection and its continuation to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        # Something that one side said was swallowed: the two can't understand each other again.
        self.is_broken = False
        self.is_deaf = False
        self.loses_answer = False
        self._ends_left = 2
        self._lock = threading.Lock()

    def cut(self) -> None:
        """Hang up on both sides."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """One of the two directions has ended; the second one closes."""
        self.cut()
        with self._lock:
            self._ends_left -= 1
            if self._ends_left:
                return
        self.client.close()
        self.server.close()


class Proxy:
    """A port on loopback that leads to a server, until it is told otherwise.

    `delay_seconds` is added to each round trip, on the way back. `lost_share` is the share of what
    is lost on the way back, and sent again as TCP does. Both may be changed at any time.
    """

    def __init__(self, target: Address, *, port: int = 0, delay_seconds: float = 0.0) -> None:
        self.target = target
        self.delay_seconds = delay_seconds
        self.lost_share = 0.0
        self.port = port
        # What came through since the beginning. A client of a database says one thing and
        # waits: what it sends at once is one request, and one round trip.
        self.accepted = 0
        self.requests = 0
        self.bytes_to_server = 0
        self.bytes_to_client = 0
        self._is_deaf = False
        self._lose: bytes | None = None
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port for clients."""
        return LOOPBACK, self.port

    @property
    def open(self) -> int:
        """How many connections there are at this moment."""
        with self._lock:
            return len(self._links)

    # ----- Faults

    def start(self) -> None:
        """Accept connections, on the same port as before."""
        if self._listener is not None:
            return
        self._listener = _listen(self.port)
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept, self._listener)

    def stop(self) -> None:
        """Refuse new connections. Those that there are stay: see `cut()`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Wakes who waits in accept(); close() alone would leave the port open for one more.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def cut(self) -> None:
        """Hang up on every connection."""
        for link in self._copy_of_links():
            link.cut()

    def deaf(self) -> None:
        """Accept connections and swallow all that is said, in both directions."""
        self._is_deaf = True

    def forget(self) -> None:
        """Swallow all that is said on the connections there are, for ever; new ones are well.

        As a firewall does that was restarted: both sides believe that they are connected.
        """
        for link in self._copy_of_links():
            link.is_deaf = True

    def hear(self) -> None:
        """Pass on again. Connections of which something was swallowed are cut."""
        self._is_deaf = False
        for link in self._copy_of_links():
            if link.is_broken:
                link.cut()

    @property
    def is_to_lose(self) -> bool:
        """Whether the packet whose answer shall be lost is still awaited."""
        return self._lose is not None

    def lose_next_answer(self, to: bytes = b"") -> None:
        """The next packet that contains `to` reaches the server; its answer only cuts."""
        self._lose = to

    def close(self) -> None:
        """Stop, cut, and wait until nothing is left."""
        self.stop()
        self.cut()
        for thread in self._threads:
            thread.join(30)
            if thread.is_alive():
                raise RuntimeError(f"The proxy on port {self.port} still runs 30 s after its end.")

    # ----- How

    def _copy_of_links(self) -> list[_Link]:
        with self._lock:
            return list(self._links)

    def _begin(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="proxy", daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                server = _connect(self.target)
            except OSError:
                client.close()
                continue
            link = _Link(client, server)
            with self._lock:
                self.accepted += 1
                self._links.add(link)
            if self._listener is not listener:
                link.cut()
            self._begin(self._to_server, link)
            self._begin(self._to_client, link)

    def _to_server(self, link: _Link) -> None:
        try:
            while data := link.client.recv(65536):
                self.requests += 1
                self.bytes_to_server += len(data)
                if self._is_deaf or link.is_deaf:
                    link.is_broken = True
                    continue
                if self._lose is not None and self._lose in data:
                    self._lose = None
                    link.loses_answer = True
                link.server.sendall(data)
        except OSError:
            pass
        finally:
            self._end(link)

    def _to_client(self, link: _Link) -> None:
        # What is on its way, and when it arrives: an answer in two parts is late once.
        under_way: deque[tuple[float, bytes]] = deque()
        has_ended = False
        try:
            while under_way or not has_ended:
                wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
                if select.select([] if has_ended else [link.server], [], [], wait)[0]:
                    data = link.server.recv(65536)
                    has_ended = not data
                    self.bytes_to_client += len(data)
                    if self._is_deaf or link.is_deaf:
                        link.is_broken = link.is_broken or not has_ended
                    elif link.loses_answer:
                        return
                    else:
                        last = under_way[-1][0] if under_way else 0.0
                        # In order: what was lost holds up what comes behind it.
                        arrives_at = time.monotonic() + self.delay_seconds + self._resend_seconds()
                        under_way.append((max(last, arrives_at), data))
                while under_way and under_way[0][0] <= time.monotonic():
                    link.client.sendall(under_way.popleft()[1])
        except (OSError, ValueError):
            pass
        finally:
            self._end(link)

    def _resend_seconds(self) -> float:
        """Until what was lost, perhaps more than once, has arrived after all."""
        seconds, pause = 0.0, RESEND_SECONDS
        while random.random() < self.lost_share:  # noqa: S311
            seconds, pause = seconds + pause, 2 * pause
        return seconds

    def _end(self, link: _Link) -> None:
        link.end()
        with self._lock:
            self._links.discard(link)


def _listen(port: int) -> socket.socket:
    for _ in range(100):
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port or random.choice(PORTS)))  # noqa: S311
            listener.listen(128)
        except OSError:
            listener.close()
            if port:
                raise
        else:
            return listener
    raise OSError(f"No free port among {PORTS.start}–{PORTS.stop - 1} in 100 attempts.")


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    listener = _listen(0)
    with listener:
        port: int = listener.getsockname()[1]
        return port


# ----- The proxy as a process


@contextlib.contextmanager
def proxy_process(target: Address, *, delay_seconds: float = 0.0) -> Iterator[tuple[str, int]]:
    """The address of a proxy in a process of its own, which ends with this context."""
    where = target if isinstance(target, str) else f"{target[0]}:{target[1]}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults", where, f"--delay-seconds={delay_seconds}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            host, _, port = process.stdout.readline().strip().partition(":")
            if not port:
                raise RuntimeError(f"The proxy to {where} did not start.")
            yield host, int(port)
        finally:
            process.stdin.close()
            process.wait(60)


def main(arguments: list[str] | None = None) -> None:
    """Serve until standard input ends, which it does when who started this is gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("target", help="path of a unix socket, or host:port")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--delay-seconds", type=float, default=0.0, help="added to a round trip")
    asked = parser.parse_args(arguments)
    host, _, port = asked.target.rpartition(":")
    target: Address = (host, int(port)) if host and port.isdigit() else asked.target
    with Proxy(target, port=asked.port, delay_seconds=asked.delay_seconds) as proxy:
        print(f"{proxy.address[0]}:{proxy.port}", flush=True)
        sys.stdin.read()


# ----- Faults of the server itself


@contextlib.contextmanager
def frozen(server: PrivateMariaDB) -> Iterator[None]:
    """The server does nothing, and says nothing: its connections stay open."""
    pid = server.pid
    if pid is None:
        raise RuntimeError(f"There is no server in {server.home} to freeze.")
    freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def freeze(pid: int) -> None:
    """Stop a process, and return when the last of its threads has stopped."""
    os.kill(pid, signal.SIGSTOP)

    def is_frozen() -> bool:
        states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        # The state stands behind the program's name, which is in brackets.
        return all(state.rpartition(")")[2].split()[0] == "T" for state in states)

    _await(is_frozen, f"The process {pid} did not stop.")


def _await(condition: Callable[[], bool], otherwise: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{otherwise} Waited {seconds:g} s.")
        time.sleep(0.005)


def kill(server: PrivateMariaDB) -> None:
    """End the server as a power failure does. `server.start()` lets it recover."""
    pid = server.pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        _await(lambda: server.pid is None, f"The server {pid} did not end when it was killed.")


class Administrator:
    """The private server's administrator: has a connection even when all others are taken."""

    def __init__(self, server: PrivateMariaDB) -> None:
        self._connection: Any = MySQLdb.connect(
            unix_socket=str(server.socket), user=server.admin_user, autocommit=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a statement answers."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def kill_connection(self, thread_id: int) -> None:
        """End one connection, and return when the server has forgotten it."""
        self.query(f"KILL {thread_id}")
        _await(
            lambda: thread_id not in self.connections(),
            f"The server still has connection {thread_id}, which was killed.",
        )

    def connections(self, user: str = APP_USER) -> list[int]:
        """The server's numbers for the connections of an account."""
        return [
            row[0]
            for row in self.query(
                f"SELECT id FROM information_schema.processlist WHERE user = '{user}'"
            )
        ]

    def status(self, name: str) -> int:
        """One of the server's counters, over all its connections."""
        return int(self.query(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    @contextlib.contextmanager
    def setting(self, name: str, value: int | str) -> Iterator[None]:
        """One of the server's variables, for new connections; as before afterwards."""
        before = self.query(f"SELECT @@GLOBAL.{name}")[0][0]
        self.query(f"SET GLOBAL {name} = {value!r}")
        try:
            yield
        finally:
            self.query(f"SET GLOBAL {name} = {before!r}")

    @contextlib.contextmanager
    def heard(self) -> Iterator[list[str]]:
        """What the server hears from all others in the block: filled at its end."""
        statements: list[str] = []
        self.query("TRUNCATE mysql.general_log")
        with self.setting("log_output", "TABLE"), self.setting("general_log", 1):
            yield statements
        for kind, text in self.query(
            "SELECT command_type, CONVERT(argument USING utf8mb4) FROM mysql.general_log "
            "WHERE thread_id <> CONNECTION_ID() ORDER BY event_time"
        ):
            statements.append(text if kind == "Query" else kind)

    @contextlib.contextmanager
    def user_connections(self, most: int, user: str = APP_USER) -> Iterator[None]:
        """MAX_USER_CONNECTIONS of an account; unlimited afterwards.

        For the connections that there are to count, the server needs COUNT_USERS.
        """
        self._limit_user(user, most)
        try:
            yield
        finally:
            self._limit_user(user, 0)

    def _limit_user(self, user: str, most: int) -> None:
        for (host,) in self.query(f"SELECT host FROM mysql.user WHERE user = '{user}'"):
            self.query(f"ALTER USER '{user}'@'{host}' WITH MAX_USER_CONNECTIONS {most}")
        # Counters of accounts that have connections keep the limit that they began with.
        self.query("FLUSH PRIVILEGES")


if __name__ == "__main__":
    main()
