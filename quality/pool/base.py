"""Django's MySQL backend on pooled connections: `ENGINE = "quality.pool"`."""

import weakref
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.signals import connection_created
from django.db.utils import InterfaceError

from quality.pool import forking
from quality.pool.client import DatabaseClient
from quality.pool.creation import DatabaseCreation
from quality.pool.lending import Pool
from quality.pool.lent import GoneConnection
from quality.pool.options import read_options
from quality.pool.registry import frozen, registry
from quality.pool.sessions import ConnectionParams
from quality.pool.transactions import SessionWrapper
from quality.pool.validation import DatabaseValidation


class DatabaseWrapper(SessionWrapper):
    """Django's view of one connection: borrowed when first used, returned by close().

    CONN_MAX_AGE must be 0 (a request returns what it borrowed). CONN_HEALTH_CHECKS may be
    on or off: it speaks of connections that are kept between requests, and what it
    promises holds anyway, as a connection is validated before it is lent.
    """

    # Stock Django's attribute: a LentConnection, or None when nothing is lent.
    connection: Any

    client_class = DatabaseClient
    creation_class = DatabaseCreation
    validation_class = DatabaseValidation

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self._pool_options = read_options(alias, settings_dict)
        # Whose connection `self.connection` is. None: not lent, or not pooled.
        self._lender: Pool | None = None
        # The settings as they were when the parameters were made from them.
        self._known_settings: Any = None
        self._known_params = ConnectionParams()
        self._known_pool: Pool | None = None
        self._self = weakref.ref(self)
        forking.watch(self)

    # ----- The pool

    @property
    def pool(self) -> Pool | None:
        """The pool of this database, made now if need be; None for `__no_db__`."""
        if self.alias == NO_DB_ALIAS:
            return None
        return registry.pool(self.alias, self.get_connection_params(), self._pool_options)

    def close_pool(self) -> None:
        """Close this alias's idle connections now, the lent ones when they return.

        The next use opens new ones.
        """
        pool = registry.known(self.alias)
        if pool is not None:
            pool.dispose()

    # ----- Borrowing

    def get_connection_params(self) -> dict[str, Any]:
        """What MySQLdb.connect() takes: OPTIONS without those of the pool."""
        # Asked at each borrow, and seldom another answer.
        if self._known_settings != self.settings_dict:
            self._pool_options = read_options(self.alias, self.settings_dict)
            self._known_params = ConnectionParams(super().get_connection_params())
            self._known_settings = frozen(self.settings_dict)
            self._known_pool = None
        return ConnectionParams(self._known_params)

    def connect(self) -> None:
        """Borrow a connection. One that cannot be initialised is closed, not kept."""
        try:
            if self._known_settings == self.settings_dict:
                self._connect_again()
            else:
                super().connect()
            if self._limits:
                self._apply_limit()
        except BaseException:
            self._discard()
            raise

    def _connect_again(self) -> None:
        # Django's own connect(), less what need not be said to a connection that was lent before:
        # a third of the time that a borrow takes.
        self.in_atomic_block = self.needs_rollback = self.closed_in_transaction = False
        self.savepoint_ids: list[str] = []
        self.atomic_blocks: list[Any] = []
        self.errors_occurred = False
        self.health_check_enabled = self.settings_dict["CONN_HEALTH_CHECKS"]
        self.health_check_done = True
        # CONN_MAX_AGE is 0: it goes back whenever Django looks.
        self.close_at = 0.0
        self.connection = self.get_new_connection(ConnectionParams(self._known_params))
        session = self._session()
        autocommit = self.settings_dict["AUTOCOMMIT"]
        if (
            session is not None
            and session.initialised
            and session.get_autocommit() == autocommit
            and not self.run_commit_hooks_on_set_autocommit_on
        ):
            self.autocommit = autocommit
        else:
            self.set_autocommit(autocommit)
            self.init_connection_state()
        connection_created.send(sender=self.__class__, connection=self)
        self.run_on_commit = []

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool. Raises PoolTimeout; MySQLdb.Error as stock Django does."""
        if self.alias == NO_DB_ALIAS:
            # It creates and drops databases, with no database of its own: it must never be
            # lent to others, nor be another's.
            return super().get_new_connection(conn_params)
        forking.notice_fork()
        pool = self._known_pool
        # The pool's own parameters are copies to the last list, which take longer to compare.
        if pool is None or pool.is_retired or conn_params != self._known_params:
            pool = registry.pool(self.alias, conn_params, self._pool_options)
            if conn_params == self._known_params:
                self._known_pool = pool
        lent = pool.borrow(self._self)
        holding = lent.holding
        if not (holding.session and holding.session.initialised):
            # What Django sends to it first is to be answered within the same deadline.
            holding.hang_up_at = holding.deadline
        self._lender = pool
        return lent

    def init_connection_state(self) -> None:
        """Express what this project wishes of a session; nothing if that has been done."""
        session = self._session()
        if session is not None and session.initialised:
            return
        super().init_connection_state()
        if self._lender is not None:
            holding = self.connection.holding
            holding.hang_up_at = 0.0
            # What was asked on the way is no statement of the borrower's.
            holding.durations.clear()

    def is_usable(self) -> bool:
        """Whether the server answers on this connection; one round trip."""
        if self._lender is not None and not self.connection.is_valid:
            return False
        return bool(super().is_usable())

    # ----- Returning

    def _close(self) -> None:
        if self._lender is None:
            with self.wrap_database_errors:
                self.connection.close()
        else:
            self._lender.give_back(self.connection.holding)

    def _discard(self) -> None:
        connection, lender = self.connection, self._lender
        self.connection = self._lender = None
        if connection is None:
            return
        if lender is not None:
            lender.end(connection.holding, "discarded")
        else:
            connection.close()

    def leave_to_parent(self) -> None:
        """In a forked child: forget the inherited pool, connection and transaction.

        Inside `atomic` no statement may follow: it would not be part of what came before.
        """
        # The one that all of the child's threads share is in its registry.
        self._known_pool = None
        if self.connection is None:
            return
        forking.keep(self.connection)
        self._lender = None
        self.run_on_commit = []
        if self.in_atomic_block:
            self.connection = GoneConnection()
            self.closed_in_transaction = True
            self.needs_rollback = True
            self.rollback_exc = InterfaceError(
                "This process was forked inside an atomic block of its parent. "
                "The transaction is the parent's alone."
            )
        else:
            self.connection = None
