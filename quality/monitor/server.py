"""Asks the database server over a connection of its own, never the pool's."""

from contextlib import closing
from typing import Any, cast

from django.db import connections


def probe(alias: str = "default", *, timeout_seconds: int = 1) -> Exception | None:
    """Sign in and leave again; returns the error that stood in the way, if any.

    A connection of its own answers also when the pool is exhausted, and says so when the server
    has no place left. The timeout is in whole seconds, as the client library takes it.
    """
    connection: Any = connections[alias]
    database = connection.Database
    parameters = connection.get_connection_params() | {
        "connect_timeout": timeout_seconds,
        "read_timeout": timeout_seconds,
        "write_timeout": timeout_seconds,
    }
    try:
        with closing(database.connect(**parameters)):
            return None
    except database.Error as error:
        return cast(Exception, error)
