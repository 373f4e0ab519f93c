"""Starts, stops, shows or empties the developers' private MariaDB."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from quality.devdb.configuration import DevdbError
from quality.devdb.mariadb import PrivateMariaDB


class Command(BaseCommand):
    help = "Starts, stops, shows or empties the private MariaDB in VAR_DIR/mariadb."
    # It must work while there is no database, and no database to check.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "reset"])
        parser.add_argument("--yes", action="store_true", help="reset: do not ask")
        parser.add_argument("--port", type=int, help="start: listen on 127.0.0.1:PORT too")

    def handle(self, *args: Any, **options: Any) -> None:
        server = PrivateMariaDB(settings.VAR_DIR / "mariadb", port=options["port"])
        try:
            getattr(self, options["action"])(server, ask=not options["yes"])
        except DevdbError as error:
            raise CommandError(str(error)) from error

    def start(self, server: PrivateMariaDB, *, ask: bool) -> None:
        server.start()
        self.status(server, ask=ask)
        self.stdout.write(f"DATABASE_URL={server.url()}")

    def stop(self, server: PrivateMariaDB, *, ask: bool) -> None:
        server.stop()
        self.status(server, ask=ask)

    def status(self, server: PrivateMariaDB, *, ask: bool) -> None:
        running = f", pid {server.pid}, socket {server.socket}" if server.pid else ""
        self.stdout.write(f"MariaDB in {server.home}: {server.status()}{running}")

    def reset(self, server: PrivateMariaDB, *, ask: bool) -> None:
        if ask and input(f"Delete all data in {server.datadir}? [y/N] ").lower() != "y":
            raise CommandError("Nothing deleted.")
        server.reset()
        self.status(server, ask=ask)
