"""The driver's connection, with a way to send two statements at once."""

from typing import Any

from MySQLdb import _mysql, connections
from MySQLdb.constants import CLIENT


class Connection(connections.Connection):
    """MySQLdb's connection, which can have one statement due before the next.

    Both travel together: a transaction's BEGIN costs no round trip of its own.
    """

    # What is due, or nothing.
    first = b""

    def query(self, query: Any) -> None:
        """Send a statement, and before it what is due. Raises MySQLdb.Error for either."""
        if not self.first:
            # As the driver's own method does, without a call in between.
            _mysql.connection.query(self, bytes(query) if isinstance(query, bytearray) else query)
        elif self.takes_several():
            statement = query.encode(self.encoding) if isinstance(query, str) else query
            super().query(b"%b;%b" % (self.first, statement))
            # The answer to what was due is here; the next one is the statement's, or its error.
            self.first = b""
            self.store_result()
            self.next_result()
        else:
            self.tell(self.first)
            self.first = b""
            super().query(query)

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
