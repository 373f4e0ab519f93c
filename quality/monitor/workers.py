"""Finds the pools of this host in the ledger, without a connection."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from quality.pool import ledger
from quality.pool.address import database_name
from quality.pool.base import DatabaseWrapper
from quality.pool.numbers import WorkerNumbers
from quality.pool.options import PoolOptions, read_options

# The sums of the processes that have ended.
ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the processes that use one database meet.

    directory  the ledger's folder, None where each process is alone
    database   "user@server/name"
    """

    directory: str | None
    database: str


def pooled_aliases() -> list[str]:
    """The databases that have a pool."""
    return [alias for alias in connections if isinstance(connections[alias], DatabaseWrapper)]


def options_of(alias: str = DEFAULT_DB_ALIAS) -> PoolOptions:
    """The options of a database's pool, which need not be there yet."""
    if not isinstance(connections[alias], DatabaseWrapper):
        engine = settings.DATABASES[alias]["ENGINE"]
        raise ImproperlyConfigured(
            f"DATABASES[{alias!r}] has the ENGINE {engine!r}. The monitor needs quality.pool."
        )
    return read_options(alias, connections[alias].settings_dict)


def place_of(alias: str = DEFAULT_DB_ALIAS) -> Place:
    """Where the processes that use this database meet."""
    database = database_name(connections[alias].get_connection_params())
    return Place(options_of(alias).ledger, database)


def read_workers() -> list[WorkerNumbers]:
    """The numbers of every pool of this host, "ended" entries among them. About 50 µs a pool.

    Only of pools that lead to this process's databases: others of this user may write in the
    same folder.
    """
    found: list[WorkerNumbers] = []
    for place in dict.fromkeys(map(place_of, pooled_aliases())):
        found += ledger.read(place.directory, place.database)
    return found


def living(workers: Iterable[WorkerNumbers]) -> list[WorkerNumbers]:
    """Those of processes that run."""
    return [worker for worker in workers if worker.kind != ENDED]
