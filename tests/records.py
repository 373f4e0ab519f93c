"""Gets around what keeps records as they are, as only an administrator of the database can."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.db import connection, models

_migration = import_module("scans.migrations.0008_append_only")
APPEND_ONLY = [f"scans_{name}" for name in _migration.TABLES]


@contextmanager
def unlocked(run: Callable[[str], Any]) -> Iterator[None]:
    """Without the triggers that refuse UPDATE and DELETE; `run` sends a statement."""
    for name in _migration.TRIGGERS:
        run(f"DROP TRIGGER {name}")
    try:
        yield
    finally:
        for name, what in _migration.TRIGGERS.items():
            run(f"CREATE TRIGGER {name} {what}")


def empty(*emptied: type[models.Model]) -> None:
    """Have these tables without a row."""
    with connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        for model in emptied:
            cursor.execute(f"TRUNCATE {model._meta.db_table}")
        cursor.execute("SET FOREIGN_KEY_CHECKS = 1")


def truncating(flush: list[str]) -> list[str]:
    """Django's statements after a test with real transactions, as the triggers let them through."""
    for table in APPEND_ONLY:
        flush = [sql.replace(f"DELETE FROM `{table}`", f"TRUNCATE `{table}`") for sql in flush]
    return flush
