"""What a worker waits with for its clients.

gunicorn has its selector forget a client's socket as soon as something came, and registers it again
after the answer. The system can forget it by itself.
"""

import select
from selectors import EVENT_READ, SelectorKey
from typing import Any

from quality.sockets import Socket


class Poller:
    """As much of a selector as gunicorn uses, for what is to be read.

    Once it was told of a client's socket, the system is silent about it until it is registered
    again. Any thread may do that, while another waits.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, SelectorKey] = {}
        # Clients that were told of, and are still registered: nobody has looked at them yet.
        self._told: set[int] = set()

    def register(self, fileobj: Any, events: int, data: Any = None) -> None:
        """Raises ValueError or OSError when it is closed."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        # First, as it may be told of at once.
        self._keys[fd] = SelectorKey(fileobj, fd, events, data)
        if not isinstance(fileobj, Socket):
            self._epoll.register(fd, select.EPOLLIN)
            return
        try:
            self._epoll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)
        except FileNotFoundError:  # a new one, perhaps with the number of one that was closed
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def unregister(self, fileobj: Any) -> None:
        """Raises KeyError when it is not registered, ValueError or OSError when it is closed."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        del self._keys[fd]
        if fd in self._told:
            self._told.remove(fd)
        else:
            self._epoll.unregister(fd)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """What can be read, or has ended; waits so many seconds for the first."""
        ready = [self._keys[fd] for fd in self._told]
        # All at once: gunicorn closes the connections whose time is over as soon as it has these.
        most = max(len(self._keys), 1)
        for fd, _events in self._epoll.poll(0 if ready else timeout, most):
            key = self._keys[fd]
            ready.append(key)
            if isinstance(key.fileobj, Socket):
                self._told.add(fd)
        return [(key, EVENT_READ) for key in ready]

    def close(self) -> None:
        self._epoll.close()
