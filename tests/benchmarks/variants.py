"""Who is compared: the same database, account, driver options and network for each."""

from collections.abc import Mapping
from typing import Any

STOCK_CLOSING = "stock, CONN_MAX_AGE=0"
STOCK = "stock persistent"
STOCK_CHECKED = "stock persistent, checked"
OTHER_POOL = "django-db-connection-pool"
OURS = "quality.pool"

VARIANTS = (STOCK_CLOSING, STOCK, STOCK_CHECKED, OTHER_POOL, OURS)

# As many as the most threads: nobody queues, because in stock Django nobody does.
POOL_SIZE = 32

_STOCK_ENGINE = "django.db.backends.mysql"
_SETTINGS: dict[str, dict[str, Any]] = {
    STOCK_CLOSING: {"ENGINE": _STOCK_ENGINE, "CONN_MAX_AGE": 0},
    STOCK: {"ENGINE": _STOCK_ENGINE, "CONN_MAX_AGE": None},
    STOCK_CHECKED: {"ENGINE": _STOCK_ENGINE, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True},
    OTHER_POOL: {
        "ENGINE": "dj_db_conn_pool.backends.mysql",
        "POOL_OPTIONS": {"POOL_SIZE": POOL_SIZE, "MAX_OVERFLOW": 0},
    },
    OURS: {"ENGINE": "quality.pool", "OPTIONS": {"pool": {"max_size": POOL_SIZE}}},
}


def alias_of(variant: str, network: str) -> str:
    """The name in DATABASES. "default" is stock Django, for what has to be prepared."""
    return f"{variant} @ {network}"


def databases(
    login: Mapping[str, Any], networks: Mapping[str, tuple[str, int]]
) -> dict[str, dict[str, Any]]:
    """DATABASES with each variant over each network; `login` has NAME, USER and PASSWORD."""
    made: dict[str, dict[str, Any]] = {}
    for network, (host, port) in networks.items():
        for variant, settings in _SETTINGS.items():
            options = {"connect_timeout": 5, **settings.get("OPTIONS", {})}
            made[alias_of(variant, network)] = {
                **login,
                **settings,
                "HOST": host,
                "PORT": port,
                "OPTIONS": options,
            }
    first = alias_of(STOCK_CLOSING, next(iter(networks)))
    return {"default": made[first], **made}
