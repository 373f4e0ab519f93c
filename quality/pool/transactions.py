"""Django's view of a session: its state when new, its cursors, transactions and limits."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.mysql import base as mysql
from django.db.backends.utils import debug_transaction
from django.utils.functional import cached_property

from quality.pool.lending import Pool
from quality.pool.lent import GoneConnection, GoneCursor, LentConnection
from quality.pool.limits import ErrorWrapper, limit_statement, read_limit
from quality.pool.options import PoolOptions
from quality.pool.sessions import ConnectionParams, Session

# What Django wants to know of a server. Stock Django asks in each thread.
_server_data: "WeakKeyDictionary[Pool, dict[str, Any]]" = WeakKeyDictionary()


class SessionWrapper(mysql.DatabaseWrapper):
    """Behaves as stock Django does, with fewer statements."""

    _lender: Pool | None
    _pool_options: PoolOptions

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        # The limits of the blocks that the thread is in, the innermost last.
        self._limits: list[float | None] = []

    # ----- A new connection

    def get_connection_params(self) -> dict[str, Any]:
        """What MySQLdb.connect() takes: OPTIONS without those of the pool.

        Isolation level and limit go into `init_command`, so that a connection has them from
        the moment it is open.
        """
        params = ConnectionParams(super().get_connection_params())
        params.pop("pool", None)
        commands = [(params.get("init_command") or "").rstrip("; \n")]
        if self.isolation_level:
            level = self.isolation_level.upper()
            commands.append(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
        if self._pool_options.statement_timeout is not None:
            commands.append(limit_statement(self._pool_options.statement_timeout))
        commands = [command for command in commands if command]
        if commands:
            params["init_command"] = "; ".join(commands)
        if len(commands) > 1 and params.get("multi_statements", True) is False:
            raise ImproperlyConfigured(
                f"DATABASES[{self.alias!r}] has {len(commands)} commands for a new connection "
                f"({params['init_command']}), but multi_statements False allows one. "
                "Put all that you need into one init_command, and set isolation_level to None."
            )
        return params

    def init_connection_state(self) -> None:
        """Express Django's wishes, once for each session. Most are in its `init_command`."""
        # Not stock Django's: it would set the isolation level once more.
        BaseDatabaseWrapper.init_connection_state(self)
        if self.features.is_sql_auto_is_null_enabled:
            with self.cursor() as cursor:
                cursor.execute("SET SQL_AUTO_IS_NULL = 0")
        session = self._session()
        if session is not None:
            session.initialised = True
            # That was no borrower's doing.
            session.forget()

    @cached_property
    def mysql_server_data(self) -> dict[str, Any]:
        """What Django wants to know of the server, asked once for each pool."""
        with self.temporary_connection():
            lender = self._lender
            if lender is None:
                return dict(super().mysql_server_data)
            if lender not in _server_data:
                _server_data[lender] = super().mysql_server_data
            return _server_data[lender]

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        """Turns the driver's errors into Django's, and time-outs of statements into ours."""
        return ErrorWrapper(self)

    # ----- Cursors

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that is good for as long as this connection is lent."""
        if self._lender is None and not isinstance(self.connection, GoneConnection):
            return super().create_cursor(name)
        if not self.connection.is_valid:
            # After close() inside atomic, Django keeps asking the closed connection for
            # cursors, and refuses the statement itself with the right error.
            return GoneCursor()
        return self.connection.cursor()

    # ----- Transactions

    def _start_transaction_under_autocommit(self) -> None:
        # Django calls this instead of `_set_autocommit(False)` when `atomic` is entered.
        if self._lender is None:
            self._set_autocommit(False)  # type: ignore[attr-defined]
            return
        with debug_transaction(self, "BEGIN"), self.wrap_database_errors:
            self.connection.begin_when_needed()

    def _savepoint_rollback(self, sid: str) -> None:
        session = self._session()
        if session is not None:
            session.trust_savepoint()
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def _session(self) -> Session | None:
        """The session that is lent to this wrapper, if there is one."""
        if self._lender is not None and isinstance(self.connection, LentConnection):
            return self.connection.holding.session
        return None

    # ----- Limits

    def limit_in_force(self) -> tuple[float | None, str]:
        """The seconds that a statement may take, None if unknown, and who says so."""
        if self._limits:
            return self._limits[-1], "statement_limit()"
        if self._pool_options.statement_timeout is not None:
            return self._pool_options.statement_timeout, 'statement_timeout in OPTIONS["pool"]'
        return None, "max_statement_time or max_execution_time"

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Let each statement in this block run for up to `seconds`, None = for ever.

        A connection that is borrowed within the block gets the limit as well.
        """
        self.ensure_connection()
        self._limits.append(seconds)
        try:
            self._apply_limit()
            yield
        finally:
            self._limits.pop()
            # If that fails, the connection is lost, or a reset follows when it returns.
            with suppress(DatabaseError):
                self._apply_limit()

    def _apply_limit(self) -> None:
        """Give the session the limit of the innermost block, or take that from it."""
        session = self._session()
        if session is None:
            return
        with self.wrap_database_errors:
            if self._limits:
                if session.usual_limit is None:
                    session.usual_limit = read_limit(session.connection)
                session.connection.tell(limit_statement(self._limits[-1]).encode())
            elif session.usual_limit is not None:
                session.connection.tell(session.usual_limit)
                session.usual_limit = None
