"""A client's socket that asks the system for less than gunicorn asks of it.

Each call of the system lets go of Python's lock, and to get it back takes some 20 µs of the
processor where other threads want it. gunicorn says of a socket five times a request whether it may
wait, and sends the head and the body of an answer one after the other.
"""

import socket
from typing import Any

# As a number: Python takes 2 µs to join an enumeration's members.
NOW = int(socket.MSG_DONTWAIT)

# A body that is longer is not copied to be sent together with its head.
MOST_TOGETHER_BYTES = 64 * 1024


class Socket(socket.socket):
    """As the standard library's, but for when the system hears of a time-out or of an answer."""

    def __init__(self, taken: socket.socket) -> None:
        """Take the place of `taken`, which is not to be used any more."""
        super().__init__(taken.family, taken.type, taken.proto, taken.detach())
        super().settimeout(None)
        # What the system was told, and what holds.
        self._told: float | None = None
        self._timeout: float | None = None
        self._is_to_hold = False
        self._held = b""

    # ----- Time-outs are told when somebody would wait

    def settimeout(self, value: float | None) -> None:
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        return self._timeout != 0.0

    def _tell(self) -> None:
        if self._timeout != self._told:
            super().settimeout(self._timeout)
            self._told = self._timeout

    # ----- The beginning of an answer waits for what follows it

    def hold(self) -> None:
        """From now on what is sent first waits for what is sent next, or for `let_go()`."""
        self._is_to_hold = True

    def let_go(self) -> None:
        """Send what is held, and hold no more. Raises OSError when nobody is there."""
        self._is_to_hold = False
        held, self._held = self._held, b""
        if held:
            self._tell()
            super().sendall(held)

    def sendall(self, data: Any, flags: int = 0) -> None:
        if self._is_to_hold and not self._held and self._timeout is None:
            self._held = bytes(data)
            return
        if len(self._held) + len(data) <= MOST_TOGETHER_BYTES:
            data, self._held = self._held + data, b""
        self.let_go()
        self._tell()
        super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        self.let_go()
        self._tell()
        return super().sendfile(file, offset, count)

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not flags & NOW:
            # Whoever waits for more may have to be told first to go on.
            self.let_go()
            self._tell()
        return super().recv(size, flags)

    def shutdown(self, how: int) -> None:
        self.let_go()
        super().shutdown(how)
