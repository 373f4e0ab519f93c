"""How an experiment asks, waits and forks, whatever its ENGINE is."""

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Administrator


def value(sql: str, wrapper: Any = connection) -> Any:
    """The one value that a statement answers."""
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def thread_id() -> int:
    """The server's number for this thread's connection."""
    return int(value("SELECT CONNECTION_ID()"))


def how(work: Callable[[], object]) -> str:
    """How it ended: "done", or the error's type and number."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - it is what we want to know
        number = error.args[0] if isinstance(error, DatabaseError) and error.args else ""
        return f"{type(error).__name__} {number if isinstance(number, int) else ''}".strip()
    return "done"


def in_thread(work: Callable[[], Any]) -> Any:
    """What `work` returns, in a thread that ends."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result(60)


def readable(number: int) -> None:
    """Wait until there is something to read, 30 s at most."""
    if not select.select([number], [], [], 30)[0]:
        raise TimeoutError("Nobody said anything for 30 s.")


class Pipe:
    """One process waits until another has come to a point."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def tell(self, text: str = "go") -> None:
        os.write(self._write, f"{text}\n".encode())

    def hear(self) -> str:
        heard = b""
        while not heard.endswith(b"\n"):
            readable(self._read)
            heard += os.read(self._read, 1)
        return heard.decode().strip()


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked child that leaves without any tidying. Returns its pid."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        try:
            work()
        finally:
            os._exit(0)
    return pid


def driver_connection() -> Any:
    """mysqlclient's own object."""
    lent = connection.connection
    return getattr(lent, "driver_connection", lent)


def close_the_pool() -> None:
    """Close the pool of the default alias, by whatever way the ENGINE has."""
    if hasattr(connection, "close_pool"):
        connection.close_pool()
    else:
        from dj_db_conn_pool.core import pool_container

        pool_container.get("default").dispose()


@contextlib.contextmanager
def administrator() -> Iterator[Administrator]:
    """The administrator of the experiment's server."""
    with Administrator(PrivateMariaDB(Path(os.environ["SERVER_HOME"]))) as one:
        yield one
