"""Counts the roll-ups anew from the records, or compares them."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scans.reporting import rollups

BAR = 30
# Of differences: a table that is wrong throughout would fill the screen.
SHOWN = 50


class Command(BaseCommand):
    help = (
        "Count the roll-ups, which reports are made of, anew from the records; stations go on "
        "scanning meanwhile. --check compares the two instead; exit code 1: they differ."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="compare with the records, change nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            rollups.rebuild(self._draw)
            self.stdout.write("The roll-ups are counted anew.")
            return
        found = rollups.differences(self._draw)
        for line in found[:SHOWN]:
            self.stdout.write(line)
        if found:
            raise CommandError(
                f"{len(found)} counts differ from the records; the first {SHOWN} are above. "
                "`manage.py rebuildrollups` counts all anew."
                if len(found) > SHOWN
                else f"{len(found)} counts differ from the records. "
                "`manage.py rebuildrollups` counts all anew."
            )
        self.stdout.write("The roll-ups are what the records say.")

    def _draw(self, done: int, total: int) -> None:
        """How far it is, for a person."""
        if not sys.stderr.isatty():
            return
        share = done / total if total else 1.0
        bar = "#" * int(BAR * share)
        self.stderr.write(
            f"\r[{bar:-<{BAR}}] {share:4.0%}  shift {done} of {total}  ",
            style_func=str,
            ending="\n" if done == total else "",
        )
        self.stderr.flush()
