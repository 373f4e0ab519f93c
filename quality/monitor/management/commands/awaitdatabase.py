"""Waits for the database, then checks whether a start would serve."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quality.monitor.boot import (
    NotReady,
    await_database,
    check_budget,
    check_restored,
    check_schema,
    check_static_files,
)
from quality.monitor.startup import log_settings


class Command(BaseCommand):
    help = (
        "Wait for the database (DB_BOOT_RETRIES, DB_BOOT_DELAY), then check that no restore was "
        "cut off in it, that it is migrated, that static files are collected, and that the server "
        "allows all our connections."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        # Once for each start, and also of one that fails.
        log_settings()
        try:
            await_database(
                retries=settings.DB_BOOT_RETRIES,
                delay_seconds=settings.DB_BOOT_DELAY,
                say=self.stderr.write,
            )
            check_restored()
            check_schema()
            check_static_files()
            check_budget(say=self.stderr.write)
        except NotReady as reason:
            raise CommandError(str(reason)) from None
