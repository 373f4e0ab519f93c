"""Takes a backup of the database, now or each night, and lists those that there are."""

import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quality.backups import nightly, shelf
from quality.backups.errors import BackupError
from quality.backups.keys import new_key, read_keys
from quality.backups.manifest import Kind, Manifest, Outcome
from quality.backups.taking import take, waiting_migrations
from quality.backups.telling import Line, ending_cleanly, megabytes


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - it has no zone
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time such as 02:30") from None


class Command(BaseCommand):
    help = (
        "Back up the database to BACKUP_DIR: of one moment, compressed, encrypted where BACKUP_KEY "
        "is set, and tested by restoring it aside. Exit code 1: there is none, or its test failed."
    )
    # They ask the database, which may be what is wrong.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument(
            "--nightly", type=_time, metavar="HH:MM", help="run on, and take one each night"
        )
        one.add_argument(
            "--before-migrations",
            action="store_true",
            help="only if migrations wait for a database that is not empty",
        )
        one.add_argument("--list", action="store_true", help="which there are")
        one.add_argument("--new-key", action="store_true", help="print a new key for BACKUP_KEY")
        parser.add_argument("--no-test", action="store_true", help="do not restore it aside")

    def handle(self, *args: Any, **options: Any) -> None:
        self.test = not options["no_test"]
        try:
            if options["new_key"]:
                self.stdout.write(new_key(), ending="")
            elif options["list"]:
                self._list()
            elif options["nightly"] is not None:
                self._nightly(options["nightly"])
            elif options["before_migrations"]:
                self._before_migrations()
            else:
                self._take(Kind.BY_HAND)
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _take(self, kind: Kind) -> None:
        with ending_cleanly(), Line() as line:
            taken = take(kind, test=self.test, progress=line.show)
        self._tell(taken)
        if taken.outcome == Outcome.FAILED:
            raise CommandError(
                f"Its restore test failed: {taken.test['why']} It is kept, and counts as none. "
                "RUNBOOK.md, BackupUnusable, says what to do."
            )

    def _tell(self, taken: Manifest) -> None:
        self.stdout.write(
            f"{shelf.folder() / taken.file}: {taken.total_rows:,} rows of {len(taken.rows)} tables "
            f"in {taken.seconds:g} s, {megabytes(taken)}, "
            f"{'encrypted' if taken.is_encrypted else 'not encrypted'}."
        )
        if taken.outcome == Outcome.PASSED:
            self.stdout.write(
                f"Restored aside in {taken.test['seconds']:g} s: the same rows in all tables, and "
                "an unbroken chain of seals."
                if taken.heads
                else f"Restored aside in {taken.test['seconds']:g} s: the same rows in all tables."
            )
        elif taken.outcome != Outcome.FAILED:
            self.stdout.write(f"Not tested: {taken.test.get('why', 'as you wished (--no-test)')}.")

    def _before_migrations(self) -> None:
        waiting = waiting_migrations()
        if not waiting:
            self.stdout.write("No migration waits for data: no backup is needed.")
            return
        self.stdout.write(f"{len(waiting)} migrations wait, the first {waiting[0]}.")
        self._take(Kind.BEFORE_MIGRATIONS)

    def _list(self) -> None:
        found = shelf.backups(shelf.folder())
        for one in found:
            age_hours = (timezone.now() - one.moment).total_seconds() / 3600
            self.stdout.write(
                f"{one.file}  {timezone.localtime(one.moment):%Y-%m-%d %H:%M}  "
                f"{age_hours:.1f} h old  {megabytes(one)}  {one.total_rows:,} rows  "
                f"{one.kind}  test: {one.outcome}"
            )
        if not found:
            self.stdout.write(f"There is no backup in {shelf.folder()}.")

    def _nightly(self, at: time) -> None:
        stopped = threading.Event()
        # What would fail each night fails now.
        place, _keys = shelf.folder(), read_keys(settings.BACKUP_KEY)

        def say(text: str) -> None:
            self.stdout.write(text)
            self.stdout.flush()

        def stop(number: int, _frame: object) -> None:
            stopped.set()
            sys.exit(0)

        with ending_cleanly(stop):
            say(f"A backup to {place} each night at {at:%H:%M}, {settings.TIME_ZONE}.")
            nightly.run(
                at,
                timezone.get_default_timezone(),
                found=lambda: shelf.backups(place),
                take=lambda: self._tell(take(Kind.NIGHTLY, test=self.test)),
                say=say,
                stopped=stopped,
            )
