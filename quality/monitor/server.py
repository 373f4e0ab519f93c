"""Asks the database server over a connection of its own, never the pool's."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import MySQLdb
from django.db import DEFAULT_DB_ALIAS, connections

from quality.monitor.patience import begin
from quality.monitor.recent import ServerFacts, Statement
from quality.monitor.statements import without_literals

# So long may it take to reach the server before it counts as away: who asks has one second.
REACH_SECONDS = 0.7

# Of the longest running statements of our account.
STATEMENTS = 5


def connector(alias: str = DEFAULT_DB_ALIAS, *, timeout_seconds: int = 1) -> Callable[[], Any]:
    """What opens a connection past the pool, in any thread. In whole seconds, as the client
    library takes them, for each of its steps.

    Such a connection answers also when the pool is exhausted, and says so when the server has
    no place left.
    """
    connection: Any = connections[alias]
    parameters = connection.get_connection_params() | {
        "connect_timeout": timeout_seconds,
        "read_timeout": timeout_seconds,
        "write_timeout": timeout_seconds,
        "autocommit": True,
    }
    return lambda: MySQLdb.connect(**parameters)


def probe(alias: str = DEFAULT_DB_ALIAS, *, timeout_seconds: int = 1) -> Exception | None:
    """Sign in and leave again; returns the error that stood in the way, if any."""
    return _sign_in(connector(alias, timeout_seconds=timeout_seconds))


def _sign_in(connect: Callable[[], Any]) -> Exception | None:
    try:
        with closing(connect()):
            return None
    except MySQLdb.Error as error:
        return cast(Exception, error)


class Attempt:
    """One attempt to reach the server, for whoever wants to know."""

    def __init__(self) -> None:
        connect = connector()
        self._began_at = time.monotonic()
        self._ended_at = 0.0
        self._outcome = begin(lambda: self._run(connect))

    def _run(self, connect: Callable[[], Any]) -> Exception | None:
        try:
            return _sign_in(connect)
        finally:
            self._ended_at = time.monotonic()

    @property
    def is_under_way(self) -> bool:
        """Whether the server has not answered yet."""
        return not self._outcome.done()

    def seconds_left(self) -> float:
        """How long to wait for it yet."""
        return max(0.0, self._began_at + REACH_SECONDS - time.monotonic())

    def error(self) -> Exception | None:
        """What stood in the way, if anything did; waits no longer than is left."""
        try:
            return self._outcome.result(self.seconds_left())
        except TimeoutError:
            return TimeoutError(f"no answer within {REACH_SECONDS:g} s")

    def seconds(self) -> float | None:
        """How long it took; None while it is under way."""
        return round(self._ended_at - self._began_at, 6) if self._ended_at else None


class Prober:
    """Says within 0.7 s whether the server can be reached, however many ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempt: Attempt | None = None

    def ask(self) -> Attempt:
        """An attempt that is not over yet.

        Who comes while another one asks gets his answer, and waits no longer than he does:
        probes must not queue up behind a frozen server.
        """
        with self._lock:
            if self._attempt is None or not self._attempt.is_under_way:
                self._attempt = Attempt()
            return self._attempt


prober = Prober()


class Server:
    """The monitor's own connection, kept open between two questions. For one thread."""

    def __init__(self, alias: str = DEFAULT_DB_ALIAS) -> None:
        self.alias = alias
        self._connection: Any = None

    def facts(self) -> ServerFacts:
        """What the server counts; one statement. Raises MySQLdb.Error."""
        started = time.monotonic()
        rows = self.run(self._question())
        response_seconds = time.monotonic() - started
        numbers = {name: int(float(value)) for name, value, *_ in rows if name != "statement"}
        running = [row for row in rows if row[0] == "statement"]
        statements = [
            Statement(
                id=int(number),
                seconds=round(max(0.0, float(seconds)), 3),
                state=str(state or ""),
                text=without_literals(str(text or "")),
            )
            for _, number, seconds, state, text in running
        ]
        statements.sort(key=lambda one: -one["seconds"])
        facts = {
            "at": round(time.time(), 3),
            "response_seconds": round(response_seconds, 6),
            **numbers,
            "longest_statement_seconds": max((one["seconds"] for one in statements), default=0.0),
            "statements": statements,
        }
        return cast(ServerFacts, facts)

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a statement answers. Raises MySQLdb.Error, and begins anew after it."""
        try:
            if self._connection is None:
                self._connection = connector(self.alias)()
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall())
        except MySQLdb.Error:
            self.close()
            raise

    def close(self) -> None:
        """Say goodbye to the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _question(self) -> str:
        if self._connection is None:
            self._connection = connector(self.alias)()
        is_mariadb = "mariadb" in self._connection.get_server_info().lower()
        return _question(is_mariadb=is_mariadb)


def _question(*, is_mariadb: bool) -> str:
    # MySQL 8 moved the status to another schema, and has no milliseconds in its list.
    schema = "information_schema" if is_mariadb else "performance_schema"
    seconds = "time_ms / 1000" if is_mariadb else "time"
    # An account without the right PROCESS sees its own connections alone, which is enough.
    ours = "FROM information_schema.PROCESSLIST WHERE user = SUBSTRING_INDEX(USER(), '@', 1)"
    return f"""
        SELECT LOWER(variable_name), variable_value, 0, '', '' FROM {schema}.global_status
        WHERE variable_name IN ('Threads_connected', 'Threads_running', 'Max_used_connections',
                                'Aborted_clients', 'Aborted_connects')
        UNION ALL SELECT 'max_connections', @@global.max_connections, 0, '', ''
        UNION ALL SELECT 'max_user_connections', @@session.max_user_connections, 0, '', ''
        UNION ALL SELECT 'own_connections', COUNT(*), 0, '', '' {ours}
        UNION ALL (SELECT 'statement', id, {seconds}, state, LEFT(info, 2000) {ours}
            AND info IS NOT NULL AND id <> CONNECTION_ID() ORDER BY 3 DESC LIMIT {STATEMENTS})
    """  # noqa: S608 - from constants
