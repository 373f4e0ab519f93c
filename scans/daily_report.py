"""Tells each morning, by e-mail or to a webhook, how the production day before went."""

import logging
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from scans.charts import Bar, Point
from scans.delivering import Undelivered, mail, post
from scans.floor import current_floor
from scans.models import SentReport
from scans.reporting import reports, rollups
from scans.reporting.data_quality import Flaws
from scans.reporting.filters import Filters
from scans.reporting.sums import Totals
from scans.shifts import FACTORY

logger = logging.getLogger(__name__)

DEFECTS = 5
# A shift is judged beside those of so many days.
CHART_DAYS = 30
# The share of rejects of fewer scans says little of a station.
FEW_SCANS = 30
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60, 3600


@dataclass(frozen=True)
class DailyReport:
    """The numbers of a production day: of the shifts that began on it."""

    day: date
    totals: Totals
    shifts: list[tuple[str, Totals]]
    defects: list[Bar]
    # The one with the highest share of rejects.
    worst: tuple[str, Totals] | None
    out: list[Point]
    flaws: Flaws

    @classmethod
    def of(cls, day: date) -> "DailyReport":
        rollups.freshen()
        f = Filters(since=day, until=day)
        stations = [
            (code, found) for code, found in reports.by_station(f) if found.scans >= FEW_SCANS
        ]
        chart = reports.chart(f.but(since=day - timedelta(days=CHART_DAYS - 1)))
        # What is left over is called "": the others.
        bars = [bar for bar in reports.defects(f) if bar.defect]
        return cls(
            day=day,
            totals=reports.totals(f),
            shifts=[(shift.name, found) for shift, found in reports.by_shift(f)],
            defects=bars[:DEFECTS],
            worst=max(stations, key=lambda each: each[1].reject_share or 0, default=None),
            out=[point for point in chart.points if point.is_out and point.label.day == day],
            flaws=reports.data_quality(f).total,
        )

    @property
    def address(self) -> str:
        """Of the report's page; "" where nobody has said how people reach the site."""
        if not settings.SITE_URL:
            return ""
        return f"{settings.SITE_URL}{reverse('scans:reports')}?date={self.day}"

    def as_texts(self) -> tuple[str, str, str]:
        """Subject, plain text and HTML, in the language of the settings."""
        with translation.override(settings.DAILY_REPORT_LANGUAGE):
            names = {code: each.name for code, each in current_floor().defects.items()}
            shifts = {"morning": _("Morning"), "afternoon": _("Afternoon"), "night": _("Night")}
            context = {
                "report": self,
                "fpy": _percent(self.totals.fpy),
                "rejects": _percent(self.totals.reject_share),
                "shifts": [
                    (shifts[name], found, _percent(found.fpy), _percent(found.reject_share))
                    for name, found in self.shifts
                ],
                "defects": [
                    (bar.defect, str(names.get(bar.defect, "")), bar.count, _percent(bar.share))
                    for bar in self.defects
                ],
                "worst": self.worst
                and (
                    self.worst[0] or _("no station"),
                    self.worst[1],
                    _percent(self.worst[1].reject_share),
                ),
                "out": [
                    (
                        shifts[point.label.name],
                        _percent(point.share),
                        _percent(point.lower),
                        _percent(point.upper),
                    )
                    for point in self.out
                ],
            }
            subject = _("Quality on %(day)s: FPY %(fpy)s, %(rejected)d rejected") % {
                "day": self.day,
                "fpy": context["fpy"],
                "rejected": self.totals.rejected,
            }
            text = render_to_string("scans/daily_report.txt", context)
            html = render_to_string("scans/daily_report.html", context | {"subject": subject})
        return subject, text, html

    def as_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "totals": _numbers(self.totals),
            "shifts": [{"shift": name} | _numbers(found) for name, found in self.shifts],
            "defects": [asdict(bar) for bar in self.defects],
            "worst_station": self.worst and {"station": self.worst[0]} | _numbers(self.worst[1]),
            "out_of_limits": [asdict(point) | {"label": point.label.name} for point in self.out],
            "data_quality": asdict(self.flaws),
            "address": self.address,
        }


def _numbers(totals: Totals) -> dict[str, Any]:
    return asdict(totals) | {"fpy": totals.fpy, "reject_share": totals.reject_share}


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    text = f"{100 * share:.1f}"
    return f"{text.replace('.', ',') if translation.get_language() == 'ro' else text} %"


# ----- Who gets it, and when


def channels() -> dict[str, Any]:
    """By name what brings a report somewhere; none unless the settings name one."""
    found: dict[str, Any] = {}
    if settings.DAILY_REPORT_EMAIL:
        found["e-mail"] = _mail
    if settings.DAILY_REPORT_WEBHOOK:
        found["webhook"] = _post
    return found


def _mail(report: DailyReport) -> None:
    subject, text, html = report.as_texts()
    mail(subject, text, html, settings.DAILY_REPORT_EMAIL)


def _post(report: DailyReport) -> None:
    post(settings.DAILY_REPORT_WEBHOOK, report.as_json())


def day_due(now: datetime) -> date | None:
    """The production day that is to be told of by now; None before the hour of the settings."""
    local = now.astimezone(FACTORY)
    if local.time() < settings.DAILY_REPORT_AT:
        return None
    return local.date() - timedelta(days=1)


class _Memory:
    """What this process knows of the report that is due."""

    day: date | None = None
    is_sent = False
    # Who has got it although others have not.
    done: set[str]
    wait_seconds = FIRST_WAIT_SECONDS
    again_at = 0.0


_memory = _Memory()


def send_due() -> None:
    """A chore: sends the report that is due, once over all processes and hosts.

    After a failure it is tried again, after one minute, two, four, at most an hour. One that ends
    between sending and writing it down has it sent twice: rather twice than never.
    """
    wanted = channels()
    day = day_due(timezone.now()) if wanted else None
    if day is None:
        return
    if _memory.day != day:
        _memory.day, _memory.is_sent, _memory.done = day, False, set()
        _memory.wait_seconds, _memory.again_at = FIRST_WAIT_SECONDS, 0.0
    if _memory.is_sent or time.monotonic() < _memory.again_at:
        return
    if SentReport.objects.filter(day=day).exists():
        _memory.is_sent = True
        return
    report = DailyReport.of(day)
    try:
        with transaction.atomic():
            # Whoever comes second waits here, and finds it there or takes over.
            SentReport.objects.create(day=day, sent_at=timezone.now())
            deliver(report, wanted, done=_memory.done)
    except IntegrityError:
        pass
    except Undelivered as error:
        logger.warning(
            "The daily report of %s was not sent: %s. It is tried again in %d s.",
            day,
            error,
            _memory.wait_seconds,
        )
        _memory.again_at = time.monotonic() + _memory.wait_seconds
        _memory.wait_seconds = min(2 * _memory.wait_seconds, LONGEST_WAIT_SECONDS)
        return
    _memory.is_sent = True


def deliver(report: DailyReport, wanted: dict[str, Any], *, done: set[str]) -> None:
    """Bring it to all who have not got it yet, and note in `done` who has. Raises Undelivered."""
    errors = []
    for name, send in wanted.items():
        if name in done:
            continue
        try:
            send(report)
        except Undelivered as error:
            errors.append(str(error))
        else:
            done.add(name)
            logger.info("The daily report of %s was sent by %s.", report.day, name)
    if errors:
        raise Undelivered("; ".join(errors))
