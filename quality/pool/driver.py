"""The driver's connection and cursor, which let go of Python's lock less often.

The driver does so in each call that may have to wait for the server. Where other threads want the
lock, they have it then for as long as they can use it, and to get it back takes some 20 µs of the
processor. So nothing is asked that is known: whether there is a next result, or a result at all.
"""

from datetime import date, datetime
from typing import Any

from MySQLdb import _mysql, connections, cursors
from MySQLdb.constants import CLIENT, FIELD_TYPE
from MySQLdb.times import Date_or_None, DateTime_or_None


class Cursor(cursors.Cursor):
    """MySQLdb's cursor."""

    # The driver's own; its stubs don't know them.
    connection: Any
    _result: Any

    def _discard(self) -> None:
        self.description = self.description_flags = None
        self._rows = self.rownumber = None
        connection = self.connection
        # The driver's way also has the library forget its last error, which another cursor would
        # take for its own.
        if self._result is not None or (
            connection is not None and (connection.more_results() or connection.errno())
        ):
            super()._discard()  # type: ignore[misc]

    def _get_result(self) -> Any:
        return self.connection.store_result() if self.connection.field_count() else None


class Connection(connections.Connection):
    """MySQLdb's connection, which can have one statement due before the next.

    Both travel together: a transaction's BEGIN costs no round trip of its own.
    """

    default_cursor = Cursor

    # What is due, or nothing.
    first = b""

    # Since it was lent, something ended with an error of the server's, or of the way to it.
    has_failed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As the driver's own. Reads dates faster than that, if nobody wants to do it himself."""
        super().__init__(*args, **kwargs)
        for kind, (own, faster) in _FASTER.items():
            if self.converter.get(kind) is own:
                self.converter[kind] = faster

    def query(self, query: Any) -> None:
        """Send a statement, and before it what is due. Raises MySQLdb.Error for either."""
        if not self.first:
            # As the driver's own method does, without a call in between.
            _mysql.connection.query(self, bytes(query) if isinstance(query, bytearray) else query)
        elif self.takes_several():
            statement = query.encode(self.encoding) if isinstance(query, str) else query
            super().query(b"%b;%b" % (self.first, statement))
            # The answer to what was due is here, and has no rows; the next one is the statement's,
            # or its error.
            self.first = b""
            self.next_result()
        else:
            self.tell(self.first)
            self.first = b""
            super().query(query)

    def next_result(self) -> int:
        """Go on to the next result; -1 = there is none. Raises MySQLdb.Error."""
        # The library forgets its last error here, also that it lost the connection.
        self.has_failed = self.has_failed or bool(self.errno())
        return int(super().next_result())

    def takes_several(self) -> bool:
        """Whether it may be sent several statements at once."""
        return bool(self.client_flag & CLIENT.MULTI_STATEMENTS)

    def tell(self, *statements: bytes) -> tuple[tuple[Any, ...], ...]:
        """Send statements of our own now, whatever is due. The rows of the last one."""
        rows: tuple[tuple[Any, ...], ...] = ()
        for statement in [b";".join(statements)] if self.takes_several() else statements:
            _mysql.connection.query(self, statement)
            while True:
                result = self.store_result()
                rows = result.fetch_row(0) if result is not None else ()
                if self.next_result() != 0:
                    break
        return rows


def _read_datetime(text: str) -> date | None:
    try:
        # Without a time the driver makes a date of it.
        return datetime.fromisoformat(text) if len(text) > 10 else DateTime_or_None(text)
    except ValueError:  # no date, as 0000-00-00 is none
        return DateTime_or_None(text)


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return Date_or_None(text)


# By the kind of a column: what the driver reads it with, and what does the same in a tenth of
# the time.
_FASTER: dict[int, tuple[Any, Any]] = {
    FIELD_TYPE.DATETIME: (DateTime_or_None, _read_datetime),
    FIELD_TYPE.TIMESTAMP: (DateTime_or_None, _read_datetime),
    FIELD_TYPE.DATE: (Date_or_None, _read_date),
}
