"""How many processes, threads and database connections this host uses.

gunicorn and the pool read the same numbers here, so that they cannot disagree.
"""

import os

from quality.pool import budget

# The old system's intention, now kept: at most 20 connections for all workers of a host.
USUAL_HOST_CONNECTIONS = 20


def _whole_number(name: str, default: int) -> int:
    """The environment variable `name` as a number of at least 1. Raises ValueError."""
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {text!r}.")
    return int(text)


# gunicorn's worker processes and the threads in each.
WEB_WORKERS = _whole_number("WEB_WORKERS", 2)
WEB_THREADS = _whole_number("WEB_THREADS", 8)

# Hosts that run such workers, and what their database server allows in all; who starts both
# knows it, and else the check at boot asks the server.
DB_HOSTS = _whole_number("DB_HOSTS", 1)
DB_MAX_CONNECTIONS = _whole_number("DB_MAX_CONNECTIONS", 151)

# The most connections of all workers of this host together.
HOST_CONNECTIONS = _whole_number(
    "HOST_CONNECTIONS",
    min(USUAL_HOST_CONNECTIONS, budget.per_host(DB_MAX_CONNECTIONS, hosts=DB_HOSTS)),
)

# The most connections that one worker may open. Not fewer where there are fewer threads: a
# pool opens no more than its threads use, and its limit is what "nearly full" is measured by.
DB_POOL_SIZE = _whole_number("DB_POOL_SIZE", budget.share(HOST_CONNECTIONS, WEB_WORKERS))
