"""What a connect that failed says about the server."""

import contextlib

import MySQLdb

# Too many connections: of all, of this account's by its own limit, by the limit per hour or user.
FULL = frozenset({1040, 1203, 1226})
# No such socket, refused, no such host, gone, lost; the last two while it says hello or goodbye.
AWAY = frozenset({2002, 2003, 2005, 2006, 2013, 2055, 1053})
# What the system says in 2002 when more connect at once than the server's socket queues.
_BUSY_SOCKET = "(11)"


def is_full(error: BaseException) -> bool:
    """Whether the server has no connection to spare: worth waiting for."""
    code = error.args[0] if error.args else None
    return code in FULL or (code == 2002 and _BUSY_SOCKET in str(error.args[1:]))


def is_away(error: BaseException) -> bool:
    """Whether the server could not be reached."""
    return isinstance(error, MySQLdb.Error) and bool(error.args) and error.args[0] in AWAY


def describe(error: BaseException | None) -> str:
    """The error for a message: the server's number and text; "" for None."""
    return f"{type(error).__name__}{error.args!r}" if error is not None else ""


def copy_of(error: BaseException) -> BaseException:
    """A copy to raise in another thread: each raise writes a traceback into what it raises."""
    with contextlib.suppress(Exception):
        copy = type(error)(*error.args)
        copy.__cause__ = error.__cause__
        return copy
    return error
