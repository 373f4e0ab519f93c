"""Loads the demo data and makes the demo logins."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.demo import seed_logins
from accounts.roles import ROLES
from scans.demo import seed_master_data


def demo_password() -> str:
    """DEMO_PASSWORD, or a random one that is kept so that the next start prints the same."""
    if given := os.environ.get("DEMO_PASSWORD"):
        return given
    path = settings.VAR_DIR / "demo-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return str(path.read_text())


class Command(BaseCommand):
    help = "Load demo stations, operators, defects and logins. Never in production."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "Demo logins have no place in production. "
                "On a development machine set DEVELOPMENT=1."
            )
        password = demo_password()
        seed_master_data()
        seed_logins(password)
        self.stdout.write(f"Demo logins: {', '.join(ROLES)}")
        self.stdout.write(f"Password: {password}")
