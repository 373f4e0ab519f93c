"""Which scans a report, a list or an export is about: the same filters everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from scans.barcode import CP_BASE_LENGTH, repair
from scans.shifts import NAMES, STANDARD, YEARS, Shift, Starts

MAX_LENGTH = 32
CODES = ("station", "operator", "cp_base", "oc1", "oc2", "defect")
# What people type or scan into a field; the others are chosen from a list.
TYPED = ("operator", "cp_base", "oc1", "oc2")
RESULTS = ("approved", "rejected")
# Of the station: those of browsers that were bound to none.
NO_STATION = "-"

Window = tuple[datetime, datetime]


class BadFilter(ValueError):
    """What an address asks for makes no sense; `errors` says of each name why."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Days on which shifts began, both included; "" does not filter.

    A code that nobody knows is no error: nothing was scanned with it.
    """

    since: date
    until: date
    shift: str = ""
    station: str = ""
    operator: str = ""
    cp_base: str = ""
    oc1: str = ""
    oc2: str = ""
    defect: str = ""
    result: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any], *, today: date) -> Self:
        """From an address; `date` is both days at once, and without any it is today.

        Raises BadFilter.
        """
        errors: dict[str, str] = {}
        days = {}
        for name in ("since", "until"):
            text = query.get(name) or query.get("date") or ""
            days[name] = _day(text) if text else None
            if text and days[name] is None:
                errors[name] = _("“%(text)s” is no date such as 2026-11-20.") % {
                    "text": text[:MAX_LENGTH]
                }
        since = days["since"] or days["until"] or today
        until = days["until"] or max(since, today)
        if not errors and since > until:
            errors["since"] = _("The first day is behind the last one.")
        codes = {name: str(query.get(name) or "").strip() for name in CODES}
        for name, code in codes.items():
            if len(code) > MAX_LENGTH or not code.isprintable():
                errors[name] = _("A code has at most %(most)d characters.") % {"most": MAX_LENGTH}
            elif name in TYPED:
                codes[name] = repair(code)
        # Who scans a piece means its order.
        codes["cp_base"] = codes["cp_base"][:CP_BASE_LENGTH]
        shift = query.get("shift") or ""
        if shift and shift not in NAMES:
            errors["shift"] = _("No shift is called so; there are %(names)s.") % {
                "names": ", ".join(NAMES)
            }
        result = query.get("result") or ""
        if result and result not in RESULTS:
            errors["result"] = _("It is one of %(names)s.") % {"names": ", ".join(RESULTS)}
        if errors:
            raise BadFilter(errors)
        return cls(since=since, until=until, shift=shift, result=result, **codes)

    def but(self, **changes: Any) -> Self:
        """These with other values."""
        return replace(self, **changes)

    @property
    def chosen(self) -> dict[str, str]:
        """What filters beside the days, by name."""
        return {
            field.name: value
            for field in fields(self)
            if field.name not in ("since", "until") and (value := getattr(self, field.name))
        }

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def as_query(self) -> str:
        """As the address has it, behind the "?"."""
        return urlencode({"since": self.since, "until": self.until, **self.chosen})

    def windows(self, starts: Starts = STANDARD) -> list[Window]:
        """When it was scanned: from a moment on and before another one, the oldest first.

        One for all days; with a shift one for each, as other shifts lie between them.
        """
        if not self.shift:
            first, last = Shift(self.since, NAMES[0], starts), Shift(self.until, NAMES[-1], starts)
            return [(first.start, last.end)]
        days = (self.since + timedelta(days=number) for number in range(self.days))
        shifts = [Shift(day, self.shift, starts) for day in days]
        return [(shift.start, shift.end) for shift in shifts]


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None
