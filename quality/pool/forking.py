"""Leaves to the parent what is the parent's when a process forks.

A child inherits copies of the parent's sockets. If it spoke on one, or only said goodbye
when it exits, the server would answer or hang up on the parent. So the child's copies
are pointed at /dev/null, and whoever keeps connections starts again without them.
"""

import os
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from MySQLdb.connections import Connection


class Socket:
    """The socket of one connection, told from whatever gets its number after it is closed.

    The client library closes a socket by itself when the server has gone, and keeps saying
    its number. Soon that is the number of some other file.
    """

    __slots__ = ("_device", "_inode", "number")

    def __init__(self, connection: Connection) -> None:
        self.number: int = connection.fileno()
        status = os.fstat(self.number)
        self._device, self._inode = status.st_dev, status.st_ino

    def is_open(self) -> bool:
        """Whether the client library still has it open. No round trip."""
        try:
            status = os.fstat(self.number)
        except OSError:
            return False
        return status.st_ino == self._inode and status.st_dev == self._device


class Inheritable(Protocol):
    """Something that holds connections."""

    def leave_to_parent(self) -> None:
        """Forget every connection, in the child, without a word to the server."""


_sockets: WeakKeyDictionary[Connection, "Socket"] = WeakKeyDictionary()
_holders: WeakSet[Inheritable] = WeakSet()
_owner_pid = os.getpid()

# Collecting an inherited connection is harmless once it is pointed at /dev/null; keeping it
# also keeps finalizers from running on half of the parent's state.
_kept: list[Any] = []


def watch_connection(connection: Connection) -> Socket:
    """Have `connection`, opened just now, made harmless in every child."""
    socket = _sockets[connection] = Socket(connection)
    return socket


def watch(holder: Inheritable) -> None:
    """Have `holder.leave_to_parent()` called in every child."""
    _holders.add(holder)


def keep(inherited: object) -> None:
    """Never collect `inherited` in this process."""
    _kept.append(inherited)


def is_in_child() -> bool:
    """Whether this process was forked, and Python was not told (by C code)."""
    return os.getpid() != _owner_pid


def notice_fork() -> None:
    """Catch up with a fork of which Python was not told."""
    if is_in_child():
        _after_in_child()


def _after_in_child() -> None:
    global _owner_pid
    _owner_pid = os.getpid()
    _silence(list(_sockets.items()))
    _sockets.clear()
    for holder in list(_holders):
        holder.leave_to_parent()


def _silence(inherited: list[tuple[Connection, Socket]]) -> None:
    if not inherited:
        return
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for connection, socket in inherited:
            keep(connection)
            if socket.is_open():
                os.dup2(null, socket.number, inheritable=False)
    finally:
        os.close(null)


os.register_at_fork(after_in_child=_after_in_child)
