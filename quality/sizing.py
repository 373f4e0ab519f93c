"""How many processes, threads and database connections this host uses.

gunicorn and the pool read the same numbers here, so that they cannot disagree.
"""

from django.core.exceptions import ImproperlyConfigured

from quality.environment import whole_number
from quality.pool import budget

# The old system's intention, now kept: at most 20 connections for all workers of a host.
USUAL_HOST_CONNECTIONS = 20


# gunicorn's worker processes and the threads in each.
WEB_WORKERS = whole_number("WEB_WORKERS", 2)
WEB_THREADS = whole_number("WEB_THREADS", 8)

# Hosts that run such workers, and what their database server allows in all; who starts both
# knows it, and else the check at boot asks the server.
DB_HOSTS = whole_number("DB_HOSTS", 1)
DB_MAX_CONNECTIONS = whole_number("DB_MAX_CONNECTIONS", 151)

# The most connections of all workers of this host together.
HOST_CONNECTIONS = whole_number(
    "HOST_CONNECTIONS",
    min(USUAL_HOST_CONNECTIONS, budget.per_host(DB_MAX_CONNECTIONS, hosts=DB_HOSTS)),
)

# The most connections that one worker may open. Not fewer where there are fewer threads: a
# pool opens no more than its threads use, and its limit is what "nearly full" is measured by.
try:
    _share = budget.share(HOST_CONNECTIONS, WEB_WORKERS)
except ValueError as error:
    raise ImproperlyConfigured(f"WEB_WORKERS, HOST_CONNECTIONS: {error}") from None
DB_POOL_SIZE = whole_number("DB_POOL_SIZE", _share)
