"""Django's settings for the database, made of its URL and of the environment."""

import os
import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from quality import sizing
from quality.environment import seconds, unreadable, whole_number


def quoted(url: str) -> str:
    """With all of its password quoted that others than django-environ take for its end."""
    return re.sub(
        r"(?<=://)[^/?]*(?=@)",
        lambda login: login[0].replace("#", "%23").replace("[", "%5B").replace("]", "%5D"),
        url,
        count=1,
    )


def settings_of(url: str) -> dict[str, Any]:
    """Of a `mysql://` URL; its query string becomes OPTIONS. Raises ImproperlyConfigured."""
    if not url.startswith("mysql://"):
        raise ImproperlyConfigured(
            "DATABASE_URL must look like mysql://user:password@host:port/name."
        )
    try:
        database: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:
        # What it takes for the port may be a part of the password.
        raise unreadable("DATABASE_URL") from None
    if not database["NAME"]:
        raise ImproperlyConfigured(
            "DATABASE_URL names no database: mysql://user:password@host:port/NAME."
        )
    options = database.setdefault("OPTIONS", {})
    # A server that does not answer within these seconds counts as away.
    options.setdefault("connect_timeout", 5)
    # Nor does a request wait longer for an answer. Commands may work for long: no limit.
    if longest := whole_number("DB_READ_TIMEOUT", 0, least=0):
        options.setdefault("read_timeout", longest)
        options.setdefault("write_timeout", longest)
    options["pool"] = {
        "max_size": sizing.DB_POOL_SIZE,
        "timeout": seconds("DB_POOL_TIMEOUT", 5),
        # For the check that all of them fit into what the server allows.
        "processes": sizing.WEB_WORKERS,
        "hosts": sizing.DB_HOSTS,
    }
    # The server ends a statement before the request has stopped waiting for it.
    if limit := whole_number("DB_STATEMENT_TIMEOUT", 0, least=0):
        options["pool"]["statement_timeout"] = limit
    if cap := whole_number("DB_HOST_LIMIT", 0, least=0):
        options["pool"]["host_limit"] = cap
    if ledger := os.environ.get("DB_LEDGER"):
        options["pool"]["ledger"] = ledger
    database |= {
        "ENGINE": "quality.pool",
        "CONN_MAX_AGE": 0,
        "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"},
    }
    return database
