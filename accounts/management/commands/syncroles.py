"""Gives every role its rights."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.roles import Sync, sync_roles


def _said(sync: Sync) -> str:
    parts = {
        f"{len(sync.given)} rights added": sync.given,
        "granted by hand beside its own": sync.by_hand,
        "taken away": sync.revoked,
    }
    said = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
    return said or "in step"


class Command(BaseCommand):
    help = "Give every role its rights, and say what it holds beside them. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--revoke", action="store_true", help="take away what was granted by hand"
        )

    def handle(self, *args: Any, revoke: bool, **options: Any) -> None:
        for role, sync in sync_roles(revoke=revoke).items():
            self.stdout.write(f"{role}: {_said(sync)}")
