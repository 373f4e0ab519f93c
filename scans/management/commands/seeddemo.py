"""Loads the demo data and makes the demo logins."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.demo import seed_logins
from accounts.roles import ROLES
from scans.demo import seed_master_data
from scans.demo_load import DAYS, load_past
from scans.management.progress import Bar
from scans.reporting import rollups


class Command(BaseCommand):
    help = "Load demo stations, operators, defects and logins. Never in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--full", action="store_true", help="and what four stations scan in 90 days"
        )
        parser.add_argument("--days", type=int, default=DAYS, help="with --full: so many days")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "Demo logins have no place in production. "
                "On a development machine set DEVELOPMENT=1."
            )
        password = settings.DEMO_PASSWORD
        seed_master_data()
        seed_logins(password)
        if options["full"]:
            self._load_past(options["days"])
        self.stdout.write(f"Demo logins: {', '.join(ROLES)}")
        self.stdout.write(f"Password: {password}")

    def _load_past(self, days: int) -> None:
        with Bar("shifts", days * 3) as bar:
            stored = load_past(timezone.now(), days=days, progress=lambda done, _: bar.show(done))
        self.stdout.write(f"Scans of {days} days: {stored:,} are new.")
        if stored:
            with Bar("shifts counted", days * 3) as bar:
                rollups.rebuild(progress=lambda done, _: bar.show(done))
