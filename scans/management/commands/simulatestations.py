"""Simulates stations that scan at a site, and verifies what it has stored."""

import json
import math
import os
import sys
import time
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from scans.models import APPROVED, Defect
from scans.models import Station as Place
from scans.simulation.session import NotSignedIn, Session
from scans.simulation.simulation import Simulation
from scans.simulation.summary import problem_of, summary_of
from scans.simulation.verification import free_orders, verify

BAR = 30
LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Simulate stations: they sign in, scan, keep, send again and ask as the page does. Then "
        "the database is asked whether each confirmed scan is stored once. Exit code 1: it is not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        port = os.environ.get("PORT") or "8000"
        parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="of this database")
        parser.add_argument("--stations", type=_count, default=20, help="default: 20")
        parser.add_argument("--seconds", type=_number, help="how long they scan; default: 60")
        parser.add_argument("--scans", type=_count, help="how many scans they make, all together")
        parser.add_argument(
            "--rate",
            type=_number,
            default=0.5,
            help="scans per second of each; 0: as many as the site takes; default: 0.5",
        )
        parser.add_argument("--user", default="operator", help="who signs in; default: operator")
        parser.add_argument("--json", action="store_true", help="the summary as JSON")
        parser.add_argument("--yes", action="store_true", help="also in production: scans stay")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT and not options["yes"]:
            raise CommandError(
                "Simulated scans count like others, and stay. In production ask for it by --yes."
            )
        seconds, scans = options["seconds"], options["scans"]
        first_order = free_orders()
        session = Session(options["url"], options["user"], _password())
        simulation = Simulation(
            session,
            stations=options["stations"],
            rate=options["rate"],
            seconds=60 if seconds is None and scans is None else seconds,
            scans=scans,
            first_order=first_order,
            codes=list(Place.objects.filter(active=True).values_list("code", flat=True)) or [""],
            defects=_defects(),
        )
        # Nothing is asked of it before the end.
        connection.close()
        began = time.monotonic()
        try:
            with simulation:
                self._watch(simulation)
        except NotSignedIn as error:
            raise CommandError(str(error)) from error
        tally, took = simulation.tally, time.monotonic() - began
        verdict = verify(first_order, tally.made, tally.confirmed)
        summary = summary_of(tally, verdict, took)
        if options["json"]:
            self.stdout.write(json.dumps(summary))
        else:
            for name, value in summary.items():
                self.stdout.write(f"{name.replace('_', ' '):<16}{value:>10}")
        if problem := problem_of(tally, verdict):
            raise CommandError(problem)

    def _watch(self, simulation: Simulation) -> None:
        """Show how far it is, until all is confirmed; Ctrl-C lets what waits be sent."""
        try:
            while not simulation.await_end(LOOK_SECONDS):
                self._draw(simulation)
                if simulation.is_over:
                    simulation.finish()
                    break
        except KeyboardInterrupt:
            simulation.finish()
        self._draw(simulation)
        if sys.stderr.isatty():
            self.stderr.write("")

    def _draw(self, simulation: Simulation) -> None:
        if not sys.stderr.isatty():
            return
        tally, share = simulation.tally, simulation.share
        bar = "#" * int(BAR * share)
        waiting = len(tally.made) - len(tally.confirmed) - len(tally.refused)
        self.stderr.write(
            f"\r[{bar:-<{BAR}}] {share:4.0%}  scanned {len(tally.made)}, "
            f"confirmed {len(tally.confirmed)}, waiting {waiting}, "
            f"sent again {tally.retried.total()}  ",
            style_func=str,
            ending="",
        )
        self.stderr.flush()


def _defects() -> list[str]:
    """Those that a station may scan without a note."""
    usable = Defect.objects.filter(active=True, note_required=False).exclude(code=APPROVED)
    return list(usable.values_list("code", flat=True)) or [APPROVED]


def _password() -> str:
    known: str = getattr(settings, "DEMO_PASSWORD", "")
    return known or getpass("Password: ")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or number < 0:
        raise ValueError(text)
    return number
