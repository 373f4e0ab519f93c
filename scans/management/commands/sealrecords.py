"""Seals the records that have settled."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from scans.keeping.sealing import seal_now


class Command(BaseCommand):
    help = "Seal what was recorded up to a minute ago, without waiting for a batch to be full."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="no progress")

    def handle(self, *args: Any, **options: Any) -> None:
        is_shown = self.stderr.isatty() and not options["quiet"]

        def progress(count: int) -> None:
            if is_shown:
                self.stderr.write(f"\r{count:,} records sealed", ending="")

        count = seal_now(progress)
        if is_shown:
            self.stderr.write("")
        self.stdout.write(f"{count:,} records sealed.")
