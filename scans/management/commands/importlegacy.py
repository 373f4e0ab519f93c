"""Brings the scans of the old system over, after a look at what would come of them."""

import csv
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from accounts.models import User
from scans.floor import current_floor
from scans.legacy.importing import Tally, bring_over
from scans.legacy.mapping import USUAL, Unmapped, columns_of
from scans.legacy.reading import Reader, Rules
from scans.legacy.sources import Source, Unreadable, from_csv, from_table
from scans.management.progress import Bar
from scans.models import Defect, LegacyImport
from scans.reporting import rollups
from scans.shifts import FACTORY
from scans.tables import harmless

SHOWN = 10


class Command(BaseCommand):
    help = (
        "Bring scans over from a table or a CSV of the old system. Without --commit nothing is "
        "stored: it says what would be. Run it again as often as you like: no row comes twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--csv", type=Path, help="a file with the names in its first line")
        source.add_argument("--table", help="e.g. scanfg_orders, or database.scanfg_orders")
        parser.add_argument("--database-url", default="", help="of the table; default: our own")
        parser.add_argument("--encoding", default="utf-8-sig", help="of the file; default: UTF-8")
        parser.add_argument(
            "--source", default="", help="what its rows are known by; default: its name"
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help=f"which column is which; fields: {', '.join(USUAL)}; may be repeated",
        )
        parser.add_argument("--user", required=True, help="who answers for the import")
        parser.add_argument("--station", default="", help="where all of it was scanned")
        parser.add_argument(
            "--time-zone", default=FACTORY.key, help=f"of its clock; default: {FACTORY.key}"
        )
        parser.add_argument(
            "--add-defects", action="store_true", help="those not known, inactive, named by code"
        )
        parser.add_argument("--rejects", type=Path, help="file for rows that are no scans")
        parser.add_argument("--commit", action="store_true", help="store them")

    def handle(self, *args: Any, **options: Any) -> None:
        self._added: list[str] = []
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"--user: there is no {options['user']}.")
        try:
            source = (
                from_csv(options["csv"], encoding=options["encoding"])
                if options["csv"]
                else from_table(options["table"], options["database_url"])
            )
            name = options["source"] or source.name
            path = options["rejects"] or Path(re.sub(r"[^\w.-]", "_", name) + "-rejects.csv")
            if options["csv"] and path.exists() and path.samefile(options["csv"]):
                raise CommandError(f"--rejects {path}: it is the file that is read.")
            reader = self._reader(source, name, user, options)
            record = None
            if options["commit"]:
                record = LegacyImport.objects.create(
                    source=name[:200], started_at=timezone.now(), imported_by=user
                )
            with _Rejects(path, source.headings) as rejects, Bar("read", source.total) as bar:
                tally = bring_over(source, reader, record, reject=rejects.write, progress=bar.show)
        except (Unreadable, Unmapped) as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError(
                "Another import of the same rows is under way, or master data was taken away. "
                f"What was stored stays; run it again. ({error.args[-1]})"
            ) from error
        except OperationalError as error:
            raise CommandError(
                f"The database is away. What was stored stays; run it again. ({error.args[-1]})"
            ) from error
        self._say(tally, reader, path, is_stored=record is not None)
        if tally.stored and record is not None:
            rollups.refresh()

    def _reader(self, source: Source, name: str, user: User, options: dict[str, Any]) -> Reader:
        floor = current_floor()
        station = options["station"]
        if station and station not in floor.stations:
            raise CommandError(f"--station: there is no {station}. Enter it in the admin first.")
        try:
            zone = ZoneInfo(options["time_zone"])
        except (KeyError, ValueError, OSError) as error:
            raise CommandError(f"--time-zone: there is no {options['time_zone']}.") from error
        asked = dict(_pair(text) for text in options["map"])

        def add_defect(code: str) -> None:
            self._added.append(code)
            if options["commit"]:
                # Nobody scans it any more. What it means is for the office to enter.
                Defect.objects.create(code=code, name_en=code, name_ro=code, active=False)

        return Reader(
            Rules(
                source=name,
                columns=columns_of(source.headings, asked),
                width=len(source.headings),
                codes=floor.codes,
                defects=frozenset(floor.defects),
                stations=frozenset(floor.stations),
                zone=zone,
                station=station or None,
                recorded_by=user.pk,
                now=timezone.now(),
                add_defect=add_defect if options["add_defects"] else None,
            )
        )

    def _say(self, tally: Tally, reader: Reader, path: Path, *, is_stored: bool) -> None:
        say = self.stdout.write
        say(f"rows read       {tally.read:>12,}")
        say(f"{'stored' if is_stored else 'to be stored':<16}{tally.stored:>12,}")
        say(f"there before    {tally.repeated:>12,}")
        say(f"rejected        {tally.rejected:>12,}")
        for reason, count in tally.reasons.most_common(SHOWN):
            say(f"  {count:,} × {reason}")
        if len(tally.reasons) > SHOWN:
            say(f"  and {len(tally.reasons) - SHOWN:,} more reasons")
        if self._added:
            say(f"Defects that nobody knew: {', '.join(sorted(self._added))}")
        if reader.twice:
            say(f"{reader.twice:,} rows are of an hour that there was twice: taken as the first.")
        if reader.never:
            say(
                f"{reader.never:,} rows are of an hour that never was, as clocks were set forward: "
                "taken as by a clock that was not."
            )
        if tally.rejected:
            say(f"Rejected rows and why: {path}")
        if not is_stored:
            say("Nothing was stored. To store it, add --commit.")


def _pair(text: str) -> tuple[str, str]:
    field, sign, column = text.partition("=")
    if not sign:
        raise CommandError(f"--map {text}: write FIELD=COLUMN.")
    return field.strip(), column.strip()


class _Rejects:
    """A file of rows that are no scans, as they were, and why; made when there is one."""

    def __init__(self, path: Path, headings: Sequence[str]) -> None:
        self._path = path
        self._headings = headings
        self._file: Any = None

    def write(self, line: int, row: list[str], reason: str) -> None:
        if self._file is None:
            try:
                self._file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as error:
                raise CommandError(f"--rejects {self._path}: {error.strerror}.") from error
            self._writer = csv.writer(self._file)
            self._put(["line", *self._headings, "reason"])
        # Each reason stands below the other, and behind it what has no heading.
        width = len(self._headings)
        named = [*row[:width], *[""] * (width - len(row))]
        self._put([str(line), *named, reason, *row[width:]])

    def _put(self, cells: list[str]) -> None:
        self._writer.writerow([harmless(cell) for cell in cells])

    def __enter__(self) -> "_Rejects":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()
