"""Loads the demo data and makes the demo logins."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.demo import seed_logins
from accounts.roles import ROLES
from scans.demo import seed_master_data


class Command(BaseCommand):
    help = "Load demo stations, operators, defects and logins. Never in production."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "Demo logins have no place in production. "
                "On a development machine set DEVELOPMENT=1."
            )
        password = settings.DEMO_PASSWORD
        seed_master_data()
        seed_logins(password)
        self.stdout.write(f"Demo logins: {', '.join(ROLES)}")
        self.stdout.write(f"Password: {password}")
