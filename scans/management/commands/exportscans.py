"""Writes the scans of a filter to a file, as the reports' download does."""

import getpass
import os
import sys
from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scans.exporting.export import FORMATS, Export
from scans.floor import current_floor
from scans.management.progress import Bar
from scans.reporting import rollups, rows
from scans.reporting.filters import BadFilter, Filters
from scans.shifts import shift_at

NAMES = [field.name for field in fields(Filters)]


class Command(BaseCommand):
    help = (
        "Write scans to a file, CSV or XLSX, with the filters that the reports have. It is there "
        "under its name when all of it is written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=FORMATS, help="default: as the file's name ends")
        parser.add_argument("--output", type=Path, help="the file; without it: standard output")
        parser.add_argument("--date", default="", help="--since and --until at once")
        for name in NAMES:
            parser.add_argument(f"--{name.replace('_', '-')}", default="", help="as in the reports")

    def handle(self, *args: Any, **options: Any) -> None:
        floor = current_floor()
        today = shift_at(timezone.now(), floor.starts).day
        try:
            f = Filters.read({name: options[name] for name in [*NAMES, "date"]}, today=today)
        except BadFilter as error:
            lines = [f"--{name.replace('_', '-')}: {why}" for name, why in error.errors.items()]
            raise CommandError("\n".join(lines)) from error
        path: Path | None = options["output"]
        form = options["format"] or (path.suffix.lower().lstrip(".") if path else "csv")
        if form not in FORMATS:
            raise CommandError(f"--format is one of {', '.join(FORMATS)}.")
        export = Export(f, form, who=f"command exportscans ({getpass.getuser()})", floor=floor)
        rollups.freshen()
        bar = Bar("exported", rows.count(f))
        if path is not None:
            _write_to(path, export, bar)
        elif form == "xlsx" and sys.stdout.isatty():
            raise CommandError("XLSX is nothing for a terminal. Name a file: --output FILE.")
        else:
            try:
                _write(sys.stdout.buffer, export, bar)
            except BrokenPipeError as error:
                # What is left in the buffer is for nobody, and no second error.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise CommandError("Whoever read it has ended; it is not complete.") from error
        print(f"{export.done:,} scans", file=sys.stderr)


def _write(file: BinaryIO, export: Export, bar: Bar) -> None:
    with bar:
        for chunk in export.chunks():
            file.write(chunk)
            bar.show(export.done)
        bar.show(export.done)
        file.flush()


def _write_to(path: Path, export: Export, bar: Bar) -> None:
    """Under another name until it is whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            _write(file, export, bar)
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        aside.unlink(missing_ok=True)
