"""Sees to it that somebody administers."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from accounts import first_administrator
from accounts.forms import FirstAdministratorForm
from accounts.models import User

LINK = """\
Nobody administers this site yet. Whoever opens this within 24 hours becomes the first
administrator, once:

    {address}
"""


class Command(BaseCommand):
    help = (
        "While nobody administers the site: make ADMIN_USERNAME the first administrator, with "
        "ADMIN_PASSWORD; without these, print a link that lets whoever opens it choose both. It "
        "holds for 24 hours, and once. Safe to run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if first_administrator.somebody_administers():
            self.stdout.write("Somebody administers this site already.")
        elif User.objects.filter(username=settings.ADMIN_USERNAME).exists():
            # Was deactivated since, perhaps for a reason; yet no start of the site may fail of it.
            self.stdout.write(f"{settings.ADMIN_USERNAME} is there, and administers no more.")
            self._print_link()
        elif settings.ADMIN_USERNAME or settings.ADMIN_PASSWORD:
            # As all that commands say; the form would speak the people's language.
            with translation.override("en"):
                self._make(settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD)
        else:
            self._print_link()

    def _print_link(self) -> None:
        address = (settings.SITE_URL or "") + first_administrator.new_link()
        self.stdout.write(LINK.format(address=address))
        if not settings.SITE_URL:
            self.stdout.write("Put the address of the site before it (SITE_URL is not set).")

    def _make(self, username: str, password: str) -> None:
        if not (username and password):
            missing = "ADMIN_PASSWORD (or ADMIN_PASSWORD_FILE)" if username else "ADMIN_USERNAME"
            raise CommandError(
                f"{missing} is not set, and its other half is: set both, or none for a link."
            )
        form = FirstAdministratorForm(
            {"username": username, "new_password1": password, "new_password2": password}
        )
        if not form.is_valid():
            raise CommandError(_told(form))
        try:
            first_administrator.make(username, password, how="by ADMIN_USERNAME")
        except first_administrator.SomebodyAdministers:
            self.stdout.write("Somebody else was made the administrator at the same moment.")
        else:
            self.stdout.write(f"{username} is the first administrator.")


def _told(form: FirstAdministratorForm) -> str:
    """What is wrong by the variable that it came from; never the password itself."""
    names = {"username": "ADMIN_USERNAME"}
    errors: dict[str, list[ValidationError]] = form.errors.as_data()
    return "\n".join(
        f"{names.get(field, 'ADMIN_PASSWORD')}: {message}"
        for field, found in errors.items()
        for error in found
        for message in error.messages
    )
