"""Sends or prints the report of a production day."""

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scans.daily_report import DailyReport, channels, deliver
from scans.delivering import Undelivered
from scans.floor import current_floor
from scans.models import SentReport
from scans.shifts import shift_at


class Command(BaseCommand):
    help = (
        "Send the report of a production day to whom DAILY_REPORT_EMAIL and DAILY_REPORT_WEBHOOK "
        "name, whether it was sent before or not; or print it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="default: the day before")
        parser.add_argument("--print", action="store_true", help="send nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        running = shift_at(timezone.now(), current_floor().starts)
        day: date = options["day"] or running.day - timedelta(days=1)
        report = DailyReport.of(day)
        if options["print"]:
            subject, text, _html = report.as_texts()
            self.stdout.write(f"{subject}\n\n{text}")
            return
        wanted = channels()
        if not wanted:
            raise CommandError("Name somebody: DAILY_REPORT_EMAIL or DAILY_REPORT_WEBHOOK.")
        try:
            deliver(report, wanted, done=set())
        except Undelivered as error:
            raise CommandError(f"The report of {day} was not sent: {error}.") from error
        # The chore need not send it once more.
        SentReport.objects.get_or_create(day=day, defaults={"sent_at": timezone.now()})
        self.stdout.write(f"The report of {day} was sent by {', '.join(wanted)}.")
