"""Lets others have the connection between two parts of a long work."""

from django.db import connection


def pause() -> None:
    """Give the connection back, unless a transaction goes on; the next statement gets one."""
    if not connection.in_atomic_block:
        connection.close()
