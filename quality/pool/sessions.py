"""One physical connection: opens it, asks whether it lives, undoes what a borrower did."""

import contextlib
import ctypes
import math
import os
import select
import socket
import time
from collections.abc import Mapping
from typing import Any

import MySQLdb

from quality.pool import forking
from quality.pool.doings import Doings
from quality.pool.driver import Connection

# To look takes no time, so Python's lock is kept: select.poll() lets go of it, and to get it back
# takes some 20 µs of the processor where other threads want it.
_look = ctypes.PyDLL(None).poll


class _Looked(ctypes.Structure):
    """`struct pollfd`: a descriptor, what is asked of it, and the answer."""

    _fields_ = (("number", ctypes.c_int), ("asked", ctypes.c_short), ("found", ctypes.c_short))


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
    # Left alone, the driver turns autocommit off, only for Django to turn it on.
    defaults = {"autocommit": True}
    connection = Connection(**{**defaults, **params, "connect_timeout": min(wanted, longest)})
    # Django's backend does the same: mysqlclient's encoder for bytes doesn't work.
    if connection.encoders.get(bytes) is bytes:
        connection.encoders.pop(bytes)
    return connection


class Session(Doings):
    """What the pool knows about one physical connection."""

    __slots__ = (
        "_character_set",
        "_looked",
        "_params",
        "_poll",
        "_socket",
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
        super().__init__(connection)
        self.generation = generation
        self.opened_at = self.idle_since = self.trusted_since = time.monotonic()
        # When it has lived long enough, by time.monotonic().
        self.expires_at = math.inf
        # Django has expressed what it wishes of a new connection.
        self.initialised = False
        self._params = params
        self._character_set = self._present_character_set()
        self._socket = forking.watch_connection(connection)
        self._poll = select.poll()
        self._poll.register(self._socket.number, select.POLLIN)
        self._looked = ctypes.byref(_Looked(self._socket.number, select.POLLIN, 0))

    def has_input(self) -> bool:
        """Whether the server said something unasked: usually that it hung up. 1 µs."""
        found = _look(self._looked, 1, 0)
        # -1: a signal came in between. Python's own looks again then.
        return bool(found if found >= 0 else self._poll.poll(0))

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
        """Undo what the borrower did. Raises MySQLdb.Error when the session can't be made clean.

        "auto" does what is needed, and mostly that is nothing; "full" does all that can be
        done; "rollback" ends the transaction, if one may be open, and leaves the rest.
        After a full reset Django has to initialise the session again.
        """
        needed = self.needs_reset()
        # The library closes the socket where something fails: what was answered needs no look.
        has_failed = self.connection.has_failed or self.connection.errno()
        is_doubtful = needed or how == "full" or has_failed
        if is_doubtful and not self._socket.is_open():
            # Not a shortcut. libmariadb's mysql_change_user() writes into memory that the
            # library freed when it noticed the loss, and the process aborts some time later.
            raise MySQLdb.OperationalError(2006, "The server had gone before the return.")
        if self.is_spoiled:
            raise MySQLdb.NotSupportedError("The borrower did what no reset undoes.")
        if how == "full" or (how == "auto" and needed == "full"):
            self._sign_in_again()
        elif needed:
            self.connection.rollback()
        if needed or self._begins or has_failed:
            # Else there is nothing to forget.
            self.forget()

    def _sign_in_again(self) -> None:
        params, connection = self._params, self.connection
        # mysql_change_user() is not made for what follows: with a result unread it takes what
        # the library read last for an answer, without a server it reads what was freed. Both
        # can be known without a round trip.
        if connection.next_result() != -1 or self.has_input():
            raise MySQLdb.OperationalError(2014, "There is something unread, or the server went.")
        # The server ends the session and begins a new one on the same socket: transaction,
        # locks, temporary tables, variables, settings and prepared statements are gone.
        self.initialised = False
        connection.change_user(
            params.get("user"),
            params.get("password", params.get("passwd", "")),
            params.get("database", params.get("db", "")),
        )
        if self._present_character_set() != self._character_set:
            connection.set_character_set(params["charset"])
        # What was set when it connected has gone too: set it in the same order.
        names = f"SET NAMES {params['charset']}"
        if params.get("collation"):
            names += f" COLLATE {params['collation']}"
        settings = [params.get("init_command"), names]
        if params.get("sql_mode"):
            settings.append(f"SET SESSION sql_mode='{params['sql_mode']}'")
        statements = [setting.encode() for setting in settings if setting]
        [[at_connect]] = connection.tell(*statements, b"SELECT @@init_connect")
        if at_connect:
            # That would have to be split into statements, and is not run for every account.
            raise MySQLdb.NotSupportedError("The server does init_connect at a connect alone.")

    def _present_character_set(self) -> tuple[str, str]:
        # What the driver encodes with, and what the client library does.
        return self.connection.encoding, self.connection.character_set_name()
