"""The house's settings without all that watches, on the backend that BENCH_BACKEND names."""

import os
from typing import Any

from tests.benchmarks.unwatched import *  # noqa: F403
from tests.benchmarks.unwatched import DATABASES as _OURS
from tests.benchmarks.variants import OTHER_POOL, OURS, STOCK, STOCK_CLOSING

_STOCK_ENGINE = "django.db.backends.mysql"
_BACKENDS: dict[str, dict[str, Any]] = {
    OURS: {},
    STOCK: {"ENGINE": _STOCK_ENGINE, "CONN_MAX_AGE": None},
    STOCK_CLOSING: {"ENGINE": _STOCK_ENGINE, "CONN_MAX_AGE": 0},
    # With its own sizes: 10, and 10 more when those are in use.
    OTHER_POOL: {"ENGINE": "dj_db_conn_pool.backends.mysql"},
}


def database_of(backend: str) -> dict[str, Any]:
    """Django's settings for the same database by this backend."""
    database: dict[str, Any] = _OURS["default"] | _BACKENDS[backend]
    if backend != OURS:
        # Only ours knows them. The limit of a statement is one of them: the others set none.
        options = database["OPTIONS"]
        database["OPTIONS"] = {name: options[name] for name in options if name != "pool"}
    return database


DATABASES = {"default": database_of(os.environ["BENCH_BACKEND"])}
