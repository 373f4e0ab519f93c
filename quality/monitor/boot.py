"""Holds a start back until the database is there, and stops it when it does not fit."""

import time
from collections.abc import Callable

from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from quality.monitor.server import probe

# What a database says of itself while quality/backups/restoring.py fills it.
UNFINISHED = "a restore of quality did not end"


class NotReady(Exception):
    """The process must not start; the message says why and what to do."""


def await_database(*, retries: int, delay_seconds: float, say: Callable[[str], None]) -> None:
    """Try until the database lets us in. Raises NotReady after `retries` further tries."""
    for attempt in range(retries + 1):
        error = probe(timeout_seconds=5)
        if error is None:
            return
        if attempt < retries:
            say(f"The database is not there yet, try {attempt + 1} of {retries + 1}: {error}")
            time.sleep(delay_seconds)
    raise NotReady(
        f"The database cannot be reached: {error}. Check DATABASE_URL, and that the server runs. "
        f"It was tried {retries + 1} times, {delay_seconds:g} s apart "
        "(DB_BOOT_RETRIES, DB_BOOT_DELAY)."
    )


def check_schema() -> None:
    """Raises NotReady when the schema is older than the code."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:5])
        more = f" and {len(plan) - 5} more" if len(plan) > 5 else ""
        raise NotReady(f"Migrations are missing: {names}{more}. Run: python manage.py migrate")


def check_restored() -> None:
    """Raises NotReady for a database in which a restore was cut off: half the records are there."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
        cursor.execute(f"SHOW CREATE DATABASE {name}")
        said = " ".join(map(str, cursor.fetchone()))
    if UNFINISHED in said:
        raise NotReady(
            f"The database {name} is half filled: {UNFINISHED}. "
            "Run once more: python manage.py restore FILE"
        )


def check_static_files() -> None:
    """Raises NotReady when pages would name static files that nobody has collected."""
    # Only production's storage knows files by the names of a manifest.
    if getattr(staticfiles_storage, "hashed_files", None) == {}:
        raise NotReady("Static files are missing. Run: python manage.py collectstatic")


def check_budget(*, say: Callable[[str], None]) -> None:
    """Raises NotReady when all processes together may open more than the server allows."""
    for message in checks.run_checks(tags=[checks.Tags.database], databases=["default"]):
        if str(message.id).startswith("quality.pool."):
            text = f"{message.msg} {message.hint}"
            if message.is_serious():
                raise NotReady(text)
            say(text)
