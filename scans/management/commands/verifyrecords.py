"""Verifies that no sealed record was changed, added or taken away."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scans.keeping.archive import ArchiveError, verify_archive
from scans.keeping.verification import Result, verify


class Command(BaseCommand):
    help = (
        "Verify that no sealed record was changed, added or taken away, and name the first broken "
        "link. Exit code 1: there is one."
    )
    # An archive is verified where there is no database.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--archive", type=Path, metavar="DIR", help="verify an archive instead of the database"
        )
        parser.add_argument(
            "--head",
            action="append",
            default=[],
            metavar="DIGEST",
            help="a digest that was noted from the log: it must still be in the chain; repeatable",
        )
        parser.add_argument(
            "--since-seal", type=int, default=1, metavar="N", help="trust all seals before this one"
        )
        parser.add_argument("--json", action="store_true", help="the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_shown = self.stderr.isatty() and not options["json"]
        try:
            result = self._verify(options)
        except ArchiveError as error:
            raise CommandError(str(error)) from error
        if self.is_shown:
            self.stderr.write("")
        if options["json"]:
            self.stdout.write(json.dumps(asdict(result)))
        else:
            self._tell(result)
        if not result.is_good:
            sys.exit(1)

    def _verify(self, options: dict[str, Any]) -> Result:
        heads = options["head"]
        if options["archive"] is not None:
            return verify_archive(options["archive"], heads=heads, progress=self._progress)
        return verify(since_seal=options["since_seal"], heads=heads, progress=self._progress)

    def _progress(self, count: int) -> None:
        if self.is_shown:
            self.stderr.write(f"\r{count:,} records read", ending="")

    def _tell(self, result: Result) -> None:
        for table, count in result.sealed.items():
            behind = result.unsealed.get(table)
            rest = "" if behind is None else f", {behind:,} not sealed yet"
            head = result.heads[table] or "no seal"
            self.stdout.write(
                f"{table}: {count:,} records in {result.seals[table]:,} seals{rest}; head: {head}"
            )
        if result.is_good:
            self.stdout.write(self.style.SUCCESS("All that was sealed is as it was."))
            return
        first, *others = result.findings
        self.stdout.write(self.style.ERROR(f"First broken link: {first}"))
        for finding in others:
            self.stdout.write(f"  then: {finding}")
        if more := result.count - len(result.findings):
            self.stdout.write(f"  and {more:,} more.")
