"""What a borrower did to its session, and which transaction it is in."""

from quality.pool.driver import Connection
from quality.pool.statements import Effect

# What begins a transaction that ends with COMMIT or ROLLBACK.
BEGIN = b"BEGIN"
# Stock Django's way into a transaction: when one ends, however, the next statement begins another.
MANUAL = b"SET autocommit=0"


class Doings:
    """Keeps what must be known when the session comes back.

    Django is told that it is in a transaction from the moment it asks for one. It is begun
    with its first statement, in the same round trip. Where BEGIN … COMMIT and stock
    Django's `autocommit=0` would not come to the same, this changes over to the latter:

    - before a statement that may end the transaction, as ALTER TABLE does,
    - after an error, which may have ended it, as a deadlock does,
    - from the start, when something is open that BEGIN would end, such as LOCK TABLES.
    """

    __slots__ = ("_begins", "_is_open", "connection", "is_spoiled", "is_touched", "usual_limit")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.forget()

    def forget(self) -> None:
        """Begin with a session that is as a new one."""
        # The borrower may have changed settings, variables, locks and so on.
        self.is_touched = False
        # It may have done what no reset undoes.
        self.is_spoiled = False
        # A transaction may be open that was not begun by us.
        self._is_open = False
        # The transaction is one that BEGIN begins, or began.
        self._begins = False
        # While another limit of statements is in force: the SET that gives back the usual one.
        self.usual_limit: bytes | None = None
        self.connection.first = b""
        self.connection.has_failed = False

    def needs_reset(self) -> str:
        """What the next borrower needs: "full", "rollback", or nothing: "". No round trip."""
        if self.is_touched or self.is_spoiled or self.usual_limit is not None:
            return "full"
        has_begun = self._begins and self.connection.first != BEGIN
        is_open = has_begun or self._is_open or not self.connection.get_autocommit()
        return "rollback" if is_open else ""

    # ----- Statements

    def expect(self, effect: Effect) -> None:
        """Prepare for something with this effect, not NONE. Raises MySQLdb.Error."""
        if effect is Effect.SESSION:
            self.is_touched = True
        self._is_open = True
        if self._begins:
            self._change_over()

    def note_error(self) -> None:
        """A statement ended with an error of the server's, or of the way to it."""
        self.connection.has_failed = True
        if self._begins and self.connection.get_autocommit():
            # Due before the next statement, if there is one. If nothing has begun, BEGIN is.
            self.connection.first = self.connection.first or MANUAL

    def trust_savepoint(self) -> None:
        """A ROLLBACK TO SAVEPOINT follows.

        If that works, the transaction lives, whatever error there was: its savepoints are
        gone with it. If not, `note_error()` is next.
        """
        if self.connection.first == MANUAL:
            self.connection.first = b""

    # ----- Transactions

    def begin(self) -> None:
        """Be in a transaction, which the next statement begins. Raises MySQLdb.Error."""
        if self.is_touched or self._is_open:
            self.connection.autocommit(False)
        else:
            self._begins = True
            self.connection.first = BEGIN

    def commit(self) -> None:
        """COMMIT, unless nothing has begun. Raises MySQLdb.Error."""
        if self.connection.first != BEGIN:
            self.connection.commit()
            self._has_ended()

    def rollback(self) -> None:
        """ROLLBACK, unless nothing has begun. Raises MySQLdb.Error."""
        if self.connection.first != BEGIN:
            self.connection.rollback()
            self._has_ended()

    def set_autocommit(self, autocommit: bool) -> None:
        """Leave what `begin()` entered, or what False did; or enter it. Raises MySQLdb.Error."""
        if self._begins and autocommit:
            # As the server does when autocommit is turned on.
            self.commit()
            self._begins = False
            self.connection.first = b""
        elif self._begins:
            self._change_over()
        self.connection.autocommit(autocommit)

    def get_autocommit(self) -> bool:
        """Whether each statement is a transaction of its own. No round trip."""
        return bool(self.connection.get_autocommit()) and not self._begins

    def _change_over(self) -> None:
        # Due until it is done: nothing must run outside of the transaction.
        self.connection.first = MANUAL
        self.connection.autocommit(False)
        self.connection.first = b""
        self._begins = False

    def _has_ended(self) -> None:
        self._is_open = False
        if self._begins:
            # It may have changed over in the meantime, together with a statement.
            self._begins = bool(self.connection.get_autocommit())
            self.connection.first = BEGIN if self._begins else b""
