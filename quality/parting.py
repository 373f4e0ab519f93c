"""How a connection ends: when the client has ended it, too."""

import functools
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from quality.hearing import LONGEST_BYTES
from quality.polling import Poller
from quality.sockets import NOW

# Whom we have told that nothing more comes has so long to end it too, and may say so much
# meanwhile: if it was closed on what he still says, he might not read our answer.
PART_SECONDS = 2.0
PART_BYTES = 64 * 1024


class Parting:
    """Connections of which we have told that nothing more comes, and the client has not yet.

    gunicorn awaits each with its main thread, for up to 2 s in which it hears nobody else. Here
    that thread, and no other may use this, awaits all of them beside everything else.
    """

    def __init__(self, poller: Poller, on_closed: Callable[[], None]) -> None:
        """`on_closed` is told of each that is closed."""
        self._poller, self._on_closed = poller, on_closed
        # The longest first.
        self._conns: deque[Any] = deque()

    def begin(self, conn: Any) -> None:
        """Say that nothing more comes, and close when the client has closed, too."""
        conn.timeout = time.monotonic() + PART_SECONDS
        conn.may_say = PART_BYTES
        conn.sock.setblocking(False)
        self._conns.append(conn)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # has hung up
            self._close(conn)
        else:
            self._hear_out(conn)

    def close_expired(self) -> None:
        """Close those whose time is over."""
        now = time.monotonic()
        while self._conns and self._conns[0].timeout <= now:
            self._poller.unregister(self._conns[0].sock)
            self._close(self._conns[0])

    def _hear_out(self, conn: Any) -> None:
        try:
            conn.may_say -= len(conn.sock.recv(LONGEST_BYTES, NOW)) or PART_BYTES
        except BlockingIOError:
            pass
        except OSError:  # has hung up
            conn.may_say = 0
        if conn.may_say <= 0:
            self._close(conn)
            return
        readable = functools.partial(self._on_readable, conn)
        self._poller.register(conn.sock, selectors.EVENT_READ, readable)

    def _on_readable(self, conn: Any, client: Any) -> None:
        self._poller.unregister(client)
        self._hear_out(conn)

    def _close(self, conn: Any) -> None:
        self._conns.remove(conn)
        conn.close()
        self._on_closed()
