"""Gives every role its rights."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.roles import sync_roles


class Command(BaseCommand):
    help = "Give every role its rights. Rights granted by hand stay. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        for role, given in sync_roles().items():
            self.stdout.write(f"{role}: {given} rights added" if given else f"{role}: in step")
