"""How many processes, threads and database connections this host uses.

gunicorn and the pool read the same numbers here, so that they cannot disagree.
"""

import os

# The old system's intention, now kept: at most 20 connections for all workers of a host.
HOST_CONNECTIONS = 20


def _whole_number(name: str, default: int) -> int:
    """The environment variable `name` as a number of at least 1. Raises ValueError."""
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {text!r}.")
    return int(text)


# gunicorn's worker processes and the threads in each.
WEB_WORKERS = _whole_number("WEB_WORKERS", 2)
WEB_THREADS = _whole_number("WEB_THREADS", 8)

# The most connections that one worker may open.
DB_POOL_SIZE = _whole_number("DB_POOL_SIZE", max(1, HOST_CONNECTIONS // WEB_WORKERS))
