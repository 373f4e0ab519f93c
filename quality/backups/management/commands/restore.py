"""Brings a backup back into the database, or finds out whether it is whole."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quality.backups.errors import BackupError
from quality.backups.restoring import Restored, check, restore
from quality.backups.telling import Line, ending_cleanly, megabytes


class Command(BaseCommand):
    help = (
        "Fill an empty database with a backup, after all of the backup was read and held against "
        "its checksum; then compare the rows and verify the chain of seals."
    )
    # The database may be empty, or lost.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="its manifest, FILE.json, must lie beside it")
        parser.add_argument(
            "--check", action="store_true", help="only read it; needs no database, changes nothing"
        )
        parser.add_argument("--into", default="", metavar="NAME", help="another, empty database")
        parser.add_argument(
            "--replace",
            default="",
            metavar="NAME",
            help="replace what the database of this name holds, after a backup of it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        backup = options["file"]
        try:
            with ending_cleanly(), Line() as line:
                if options["check"]:
                    whole = check(backup, line.show)
                else:
                    restored = restore(
                        backup,
                        into=options["into"],
                        replace=options["replace"],
                        progress=line.show,
                    )
        except BackupError as error:
            raise CommandError(str(error)) from error
        if options["check"]:
            self.stdout.write(
                f"{backup} is whole: {whole.total_rows:,} rows of {len(whole.rows)} tables, "
                f"{megabytes(whole)}, of {whole.taken_at}."
            )
        else:
            self._tell(restored)

    def _tell(self, restored: Restored) -> None:
        manifest = restored.manifest
        self.stdout.write(
            f"{manifest.total_rows:,} rows of {len(manifest.rows)} tables are in "
            f"{restored.database}, as of {manifest.taken_at}: each table has the rows that were "
            "dumped."
        )
        if restored.before is not None:
            self.stdout.write(f"What was there before is in {restored.before.file}.")
        for name, head in restored.chain.get("heads", {}).items():
            self.stdout.write(f"{name}: the chain of seals is unbroken; head: {head or 'no seal'}")
        if restored.is_older:
            self.stdout.write(
                "It is of an older version. Run: python manage.py migrate, then "
                "python manage.py verifyrecords"
            )
        if manifest.without_rows:
            self.stdout.write(
                f"Not in a backup: {', '.join(manifest.without_rows)}. Everybody signs in anew."
            )
