"""One physical connection: opens it, asks whether it lives, undoes what a borrower did."""

import contextlib
import math
import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

import MySQLdb
from MySQLdb.connections import Connection

from quality.pool import forking


class ConnectionParams(dict[str, Any]):
    """What MySQLdb.connect() takes. Shows no values: a debug page would print the password."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self)}>"


def open_connection(params: Mapping[str, Any], *, within_seconds: float) -> Connection:
    """Connect as Django's own backend does, without outlasting `within_seconds` by much.

    The client library counts whole seconds, so the least is one. Raises MySQLdb.Error.
    """
    longest = max(1, math.ceil(within_seconds))
    wanted = int(params.get("connect_timeout") or longest)
    connection = MySQLdb.connect(**{**params, "connect_timeout": min(wanted, longest)})
    # Django's backend does the same: mysqlclient's encoder for bytes doesn't work.
    if connection.encoders.get(bytes) is bytes:
        connection.encoders.pop(bytes)
    return connection


class Session:
    """What the pool knows about one physical connection."""

    __slots__ = (
        "_encoding",
        "_params",
        "_poll",
        "_socket",
        "connection",
        "expires_at",
        "generation",
        "idle_since",
        "initialised",
        "opened_at",
        "trusted_since",
    )

    def __init__(
        self,
        connection: Connection,
        params: Mapping[str, Any],
        generation: int,
    ) -> None:
        self.connection = connection
        self.generation = generation
        self.opened_at = self.idle_since = self.trusted_since = time.monotonic()
        # When it has lived long enough, by time.monotonic().
        self.expires_at = math.inf
        # Django has set isolation level and its other wishes.
        self.initialised = False
        self._params = params
        self._encoding = connection.encoding
        self._socket = forking.watch_connection(connection)
        self._poll = select.poll()
        self._poll.register(self._socket.number, select.POLLIN)

    def has_input(self) -> bool:
        """Whether the server said something unasked: usually that it hung up. 4 µs."""
        return bool(self._poll.poll(0))

    def answers(self, *, within_seconds: float) -> bool:
        """Whether the server answers, and answers only this; one round trip."""
        try:
            self.connection.send_query(b"DO 1")
            if not self._poll.poll(max(0.0, within_seconds) * 1000):
                return False
            self.connection.read_query_result()
        except MySQLdb.Error:
            return False
        # More than the one answer: somebody left a result behind, all later ones would be off.
        return not self.has_input()

    def ask(self, query: bytes, *, within_seconds: float) -> str:
        """The one value that a query answers; one round trip. Raises MySQLdb.Error."""
        self.connection.send_query(query)
        if not self._poll.poll(max(0.0, within_seconds) * 1000):
            raise MySQLdb.OperationalError(2013, f"No answer within {within_seconds:.1f} s.")
        self.connection.read_query_result()
        value = self.connection.store_result().fetch_row()[0][0]
        return value.decode() if isinstance(value, bytes) else str(value)

    def close(self) -> None:
        """Say goodbye to the server. Nobody else may be using the connection."""
        with contextlib.suppress(MySQLdb.Error):
            self.connection.close()

    def sever(self) -> None:
        """Hang up, also while another thread waits for an answer, which then gets an error."""
        if not self._socket.is_open():
            return
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._socket.number)) as end:
            end.shutdown(socket.SHUT_RDWR)

    def reset(self, how: str) -> None:
        """Undo what the borrower did: "rollback" or "full". Raises MySQLdb.Error.

        After a full reset Django has to initialise the session again.
        """
        if not self._socket.is_open():
            # Not a shortcut. libmariadb's mysql_change_user() writes into memory that the
            # library freed when it noticed the loss, and the process aborts some time later.
            raise MySQLdb.OperationalError(2006, "The server had gone before the return.")
        if how == "rollback":
            self.connection.rollback()
            return
        params = self._params
        # The server ends the session and begins a new one on the same socket: transaction,
        # locks, temporary tables, variables, settings and prepared statements are gone.
        self.initialised = False
        self.connection.change_user(
            params.get("user"),
            params.get("password", params.get("passwd", "")),
            params.get("database", params.get("db", "")),
        )
        # What mysqlclient set when it connected has gone too: set it in the same order. The
        # character set is the exception, it is part of signing in.
        if params.get("init_command"):
            with self.connection.cursor() as cursor:
                cursor.execute(params["init_command"])
        if self.connection.encoding != self._encoding or "collation" in params:
            self.connection.set_character_set(params["charset"], params.get("collation"))
        if params.get("sql_mode"):
            self.connection.set_sql_mode(params["sql_mode"])
