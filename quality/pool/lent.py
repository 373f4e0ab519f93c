"""What a borrower holds: a connection and cursors that work until the return, and are watched."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, NoReturn, Self

import MySQLdb
from django.db.backends.mysql.base import CursorWrapper
from MySQLdb.cursors import CursorStoreResultMixIn

from quality.pool import events
from quality.pool.leases import Holding
from quality.pool.sessions import Session
from quality.pool.statements import Effect, effect_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of the driver's connection, what only tells something. Not `encoders` and `converter`: who gets
# them may change them.
TELLING = _words(
    """
    affected_rows character_set_name client_flag database db default_cursor cursorclass encoding
    errno error escape escape_string field_count fileno get_character_set_info get_host_info
    get_proto_info get_server_info host info insert_id literal messages more_results open
    port server_capabilities show_warnings sqlstate stat string_literal thread_id user
    warning_count DataError DatabaseError Error IntegrityError InterfaceError InternalError
    NotSupportedError OperationalError ProgrammingError Warning
    """
)

# What a full reset undoes. After anything else the connection is closed at its return.
UNDONE_BY_RESET = _words(
    """
    begin change_user discard_result next_result query read_query_result select_db send_query
    set_character_set set_sql_mode store_result use_result
    """
)

# Of the driver's cursor, what sends nothing.
READING = _words(
    """
    arraysize description description_flags lastrowid max_stmt_length messages mogrify rowcount
    rownumber scroll setinputsizes setoutputsizes warning_count _executed
    """
)


# Of one lease, before they are told: a command may hold on to it for hours.
MOST_DURATIONS = 1000

# What a borrower hears of a connection that is no longer its own.
GONE = "This connection was closed: it is back in its pool."


def refuse() -> NoReturn:
    """Say that a connection is not lent any more, as stock Django says that it is closed."""
    # The client library's number for it.
    raise MySQLdb.OperationalError(2006, GONE)


class LentConnection:
    """The driver's connection for as long as it is lent: from `Pool.borrow()` to its return.

    It does what the driver's does. It notes what may change the session, and after the
    return it refuses: then the connection may be somebody else's. When nobody refers to it
    any more, the driver's connection is closed and its slot comes back.
    """

    __slots__ = ("__weakref__", "holding")

    def __init__(self, holding: Holding) -> None:
        self.holding = holding

    def __del__(self) -> None:
        # Python may collect anywhere, also where the pool's lock is held: only leave a note.
        try:
            holding = object.__getattribute__(self, "holding")
        except AttributeError:
            return  # a signal interrupted its making
        if holding.session is not None:
            holding.pool.dropped(holding)

    @property
    def is_valid(self) -> bool:
        """Whether it has not been returned yet."""
        return self.holding.session is not None

    @property
    def session(self) -> Session | None:
        """What the pool knows about it; None from its return on."""
        return self.holding.session

    def present_session(self) -> Session:
        """The session. Raises MySQLdb.OperationalError after the return."""
        return self.holding.session or refuse()

    def cursor(self, cursorclass: Any = None) -> "LentCursor":
        """A cursor of the driver's, watched."""
        session = self.holding.session or refuse()
        cursor = session.connection.cursor(cursorclass)
        if not isinstance(cursor, CursorStoreResultMixIn):
            # It leaves rows at the server until they are fetched: a reset finds out.
            session.is_touched = True
        return LentCursor(cursor, self)

    def begin_when_needed(self) -> None:
        """Be in a transaction from the next statement on."""
        self.present_session().begin()

    def commit(self) -> None:
        """End the transaction, if any, and keep what it did."""
        self.present_session().commit()

    def rollback(self) -> None:
        """End the transaction, if any, and undo what it did."""
        self.present_session().rollback()

    def autocommit(self, on: bool) -> None:
        """Whether each statement is a transaction of its own."""
        (self.holding.session or refuse()).set_autocommit(bool(on))

    def get_autocommit(self) -> bool:
        """Whether each statement is a transaction of its own. No round trip."""
        return self.present_session().get_autocommit()

    def close(self) -> None:
        """Return the connection."""
        self.holding.pool.give_back(self.holding)

    def ping(self, *reconnect: bool) -> None:
        """Ask whether the server answers. Raises MySQLdb.Error when it does not."""
        session = self.present_session()
        # A library that was told to reconnect does so from then on, in silence.
        session.is_spoiled = session.is_spoiled or any(reconnect)
        session.connection.ping(*reconnect)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.present_session().connection, name)
        if name in TELLING:
            return value
        if not callable(value):
            self._expect_anything(name)
            return value

        def watched(*args: Any, **kwargs: Any) -> Any:
            # Perhaps it was kept: the lease may have ended, or a transaction begun.
            self._expect_anything(name)
            return value(*args, **kwargs)

        return watched

    def _expect_anything(self, name: str) -> None:
        session = self.present_session()
        session.expect(Effect.SESSION)
        session.is_spoiled = session.is_spoiled or name not in UNDONE_BY_RESET


class LentCursor:
    """The driver's cursor, with Django's errors, for as long as its connection is lent."""

    __slots__ = ("__weakref__", "_cursor", "connection")

    def __init__(self, cursor: Any, connection: LentConnection) -> None:
        self._cursor = cursor
        self.connection = connection

    def execute(self, query: Any, args: Any = None) -> Any:
        """Run a statement. Raises OperationalError after the connection's return."""
        return self._run(self._cursor.execute, query, args, effect_of(query))

    def executemany(self, query: Any, args: Any) -> Any:
        """Run a statement often. Raises OperationalError after the connection's return."""
        return self._run(self._cursor.executemany, query, args, effect_of(query))

    def callproc(self, name: str, args: Any = ()) -> Any:
        """Call a procedure. Raises OperationalError after the connection's return."""
        return self._run(self._cursor.callproc, name, args, Effect.SESSION)

    def _run(self, run: Callable[..., Any], query: Any, args: Any, effect: Effect) -> Any:
        holding = self.connection.holding
        session = holding.session or refuse()
        began = perf_counter()
        try:
            if effect:
                session.expect(effect)
            return run(query, args)
        except BaseException as error:
            holding.failed += 1
            _note(session, error)
            raise
        finally:
            seconds = perf_counter() - began
            holding.durations.append(seconds)
            if seconds > events.slow_seconds:
                events.tell_slow_statement(holding.pool.alias, query, seconds)
            if len(holding.durations) >= MOST_DURATIONS:
                events.tell_statements(holding.pool.alias, holding)

    @property
    def cursor(self) -> Any:
        """The driver's own cursor. What it does is not watched: its connection will be closed."""
        session = self.connection.present_session()
        session.expect(Effect.SESSION)
        session.is_spoiled = True
        return self._cursor

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._cursor.fetchone()

    def fetchmany(self, size: int | None = None) -> Any:
        """The next `size` rows."""
        return self._cursor.fetchmany(size)

    def fetchall(self) -> Any:
        """The rows that are left."""
        return self._cursor.fetchall()

    def nextset(self) -> Any:
        """Go on to the next result, if there is one."""
        self.connection.present_session()
        return self._cursor.nextset()

    def close(self) -> None:
        """Close the cursor. After the return of the connection this sends and reads nothing."""
        if self.connection.is_valid:
            self._cursor.close()
        else:
            # Closing reads what is left of its results, perhaps between another's lines.
            self._cursor.connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cursor, name)
        if name not in READING:
            return getattr(self.cursor, name)
        return value


def _note(session: Session, error: BaseException) -> None:
    """Note what `error` means for the session. Raises IntegrityError where Django expects it."""
    if not isinstance(error, MySQLdb.Error):
        # It came from somewhere else, perhaps between a statement and its answer.
        session.is_touched = True
        return
    session.note_error()
    if (
        isinstance(error, MySQLdb.OperationalError)
        and error.args[0] in CursorWrapper.codes_for_integrityerror
    ):
        raise MySQLdb.IntegrityError(*error.args) from None


class GoneCursor:
    """A cursor on a connection that is no longer ours."""

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> NoReturn:
        refuse()


class GoneConnection:
    """Stands for a lent connection that this process inherited and must not touch."""

    is_valid = False

    def cursor(self) -> GoneCursor:
        """After close() inside atomic, Django keeps asking for cursors.

        It refuses the statement itself, with the right error.
        """
        return GoneCursor()

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> NoReturn:
        refuse()
