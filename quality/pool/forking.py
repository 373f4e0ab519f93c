"""Leaves to the parent what is the parent's when a process forks.

A child inherits copies of the parent's sockets. If it spoke on one, or only said goodbye
when it exits, the server would answer or hang up on the parent. So the child's copies
are pointed at /dev/null, and whoever keeps connections starts again without them.
"""

import os
from typing import Any, Protocol
from weakref import WeakSet

from MySQLdb import Error
from MySQLdb.connections import Connection


class Inheritable(Protocol):
    """Something that holds connections."""

    def leave_to_parent(self) -> None:
        """Forget every connection, in the child, without a word to the server."""


_connections: WeakSet[Connection] = WeakSet()
_holders: WeakSet[Inheritable] = WeakSet()
_owner_pid = os.getpid()

# Collecting an inherited connection is harmless once it is pointed at /dev/null; keeping it
# also keeps finalizers from running on half of the parent's state.
_kept: list[Any] = []


def watch_connection(connection: Connection) -> None:
    """Have `connection` made harmless in every child."""
    _connections.add(connection)


def watch(holder: Inheritable) -> None:
    """Have `holder.leave_to_parent()` called in every child."""
    _holders.add(holder)


def keep(inherited: object) -> None:
    """Never collect `inherited` in this process."""
    _kept.append(inherited)


def notice_fork() -> None:
    """Catch up with a fork of which Python was not told (one made by C code)."""
    if os.getpid() != _owner_pid:
        _after_in_child()


def _after_in_child() -> None:
    global _owner_pid
    _owner_pid = os.getpid()
    _silence(list(_connections))
    _connections.clear()
    for holder in list(_holders):
        holder.leave_to_parent()


def _silence(connections: list[Connection]) -> None:
    if not connections:
        return
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for connection in connections:
            keep(connection)
            try:
                descriptor = connection.fileno()
            except Error:  # closed before the fork
                continue
            os.dup2(null, descriptor, inheritable=False)
    finally:
        os.close(null)


os.register_at_fork(after_in_child=_after_in_child)
