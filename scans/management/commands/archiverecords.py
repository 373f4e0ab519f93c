"""Writes sealed records to files that can be verified without the database."""

from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scans.keeping.archive import MANIFEST, ArchiveError, archive
from scans.shifts import FACTORY


class Command(BaseCommand):
    help = (
        "Write what was sealed before a day to an archive, or add it to the one that is there. "
        "The database keeps it all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--before", type=date.fromisoformat, required=True, metavar="DATE", help="2026-01-01"
        )
        parser.add_argument("--to", type=Path, required=True, metavar="DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        before = datetime.combine(options["before"], datetime.min.time(), FACTORY)
        is_shown = self.stderr.isatty()

        def progress(count: int) -> None:
            if is_shown:
                self.stderr.write(f"\r{count:,} records written", ending="")

        try:
            written = archive(before, options["to"], progress)
        except (ArchiveError, OSError) as error:
            raise CommandError(str(error)) from error
        if is_shown:
            self.stderr.write("")
        if not (options["to"] / MANIFEST).exists():
            self.stdout.write(
                f"Nothing was sealed before {options['before']}: there is no archive in "
                f"{options['to']} yet."
            )
            return
        self.stdout.write(
            f"{written.records:,} records in {written.files} new files in {options['to']}. "
            f"Verify them anywhere: verifyrecords --archive {options['to']}"
        )
