"""What stands above every report: what is chosen, and what there is to choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from scans.floor import Floor
from scans.reporting import favourites
from scans.reporting.filters import NO_STATION, RESULTS, Filters
from scans.reporting.words import RESULT_LABELS, SHIFT_LABELS, day_name, hours
from scans.shifts import NAMES, Shift

LABELS = {
    "since": gettext_lazy("From"),
    "until": gettext_lazy("To"),
    "shift": gettext_lazy("Shift"),
    "station": gettext_lazy("Station"),
    "operator": gettext_lazy("Operator"),
    "cp_base": gettext_lazy("CP base"),
    "oc1": "OC1",
    "oc2": "OC2",
    "defect": gettext_lazy("Defect"),
    "result": gettext_lazy("Result"),
    # Of proposals.
    "kind": gettext_lazy("What was proposed"),
    "proposer": gettext_lazy("Proposed by"),
}
# The pages that share the filters: what the address of a page is called, and its title.
PAGES = {
    "scans:reports": gettext_lazy("Overview"),
    "scans:operators": gettext_lazy("Operators"),
    "scans:reinspections": gettext_lazy("Re-inspections"),
    "scans:data_quality": gettext_lazy("Data quality"),
    "scans:rows": gettext_lazy("Scans"),
}

Choice = tuple[str, Any]


@dataclass(frozen=True)
class Field:
    """One of the form's fields, with what was typed into it, and why that makes no sense."""

    name: str
    value: str
    error: str = ""
    choices: list[Choice] = field(default_factory=list)
    # Of a field that is written into: what is offered while it is.
    offers: list[Choice] = field(default_factory=list)

    @property
    def label(self) -> Any:
        return LABELS[self.name]

    @property
    def is_day(self) -> bool:
        return self.name in ("since", "until")


@dataclass(frozen=True)
class Link:
    """A text that leads to a report with other filters."""

    text: str
    query: str
    is_current: bool = False


@dataclass(frozen=True)
class Saved:
    """A filter that its owner has given a name."""

    pk: int
    name: str
    query: str
    is_current: bool


def with_typed(choices: list[Choice], value: str) -> list[Choice]:
    """What an address asks for stays in the form, though nobody knows it."""
    return choices if value in {code for code, _label in choices} else [*choices, (value, value)]


def station_choices(floor: Floor) -> list[Choice]:
    stations = [
        (code, f"{code} {station.name}".strip()) for code, station in floor.stations.items()
    ]
    return [("", _("All")), *stations, (NO_STATION, _("none"))]


def defect_choices(floor: Floor) -> list[Choice]:
    defects = [(code, f"{code} {one.name}") for code, one in sorted(floor.defects.items())]
    return [("", _("All")), *defects]


class Bar:
    """The filters of one request; or those that made no sense, as they were typed."""

    def __init__(self, floor: Floor, user: User, *, view_name: str, today: date) -> None:
        self.today = today
        self.view_name = view_name
        self.filters: Filters | None = None
        self._floor = floor
        self._user = user
        self._typed: Mapping[str, str] = {}
        self._errors: Mapping[str, str] = {}

    def choose(self, filters: Filters) -> None:
        self.filters = filters
        days = {"since": str(filters.since), "until": str(filters.until)}
        self._typed = {**days, **filters.chosen}

    def refuse(self, typed: Mapping[str, str], errors: Mapping[str, str]) -> None:
        # The address may name both days at once.
        day = typed.get("date", "")
        self._typed = {"since": day, "until": day} | dict(typed)
        self._errors = errors

    @property
    def other_error(self) -> str:
        """Of what the form has no field for: the page of a list."""
        return " ".join(text for name, text in self._errors.items() if name not in LABELS)

    # -- What is chosen

    @property
    def query(self) -> str:
        return self.filters.as_query() if self.filters else ""

    @property
    def period(self) -> str:
        """The days, and with one of them alone the shift's hours."""
        if self.filters is None:
            return ""
        since, until = self.filters.since, self.filters.until
        if since != until:
            return f"{date_format(since, 'DATE_FORMAT')} – {date_format(until, 'DATE_FORMAT')}"
        day = f"{day_name(since)}, {date_format(since, 'DATE_FORMAT')}"
        if not self.filters.shift:
            return day
        return f"{day}, {hours(Shift(since, self.filters.shift, self._floor.starts))}"

    @property
    def is_today(self) -> bool:
        return self.filters is not None and self.filters.until >= self.today

    @property
    def chips(self) -> list[Link]:
        """What filters beside the days; each leads to the report without it."""
        if self.filters is None:
            return []
        return [
            Link(
                f"{LABELS[name]}: {self._said(name, value)}",
                self.filters.but(**{name: ""}).as_query(),
            )
            for name, value in self.filters.chosen.items()
        ]

    def _said(self, name: str, value: str) -> str:
        match name:
            case "shift":
                return str(SHIFT_LABELS[value])
            case "result":
                return str(RESULT_LABELS[value])
            case "station" if value == NO_STATION:
                return _("none")
            case "defect" if value in self._floor.defects:
                return f"{value} {self._floor.defects[value].name}"
            case "operator" if value in self._floor.operators:
                return f"{value} {self._floor.operators[value].name}"
        return value

    @property
    def all_of_it(self) -> str:
        """The days alone."""
        if self.filters is None:
            return ""
        return Filters(since=self.filters.since, until=self.filters.until).as_query()

    # -- What there is to choose

    @property
    def periods(self) -> list[Link]:
        """Quick choices; whatever else is chosen stays."""
        today, day = self.today, timedelta(days=1)
        offered = [
            (_("Today"), today, today),
            (_("Yesterday"), today - day, today - day),
            (_("This week"), today - today.weekday() * day, today),
            (_("7 days"), today - 6 * day, today),
            (_("30 days"), today - 29 * day, today),
        ]
        kept = self.filters or Filters(since=today, until=today)
        here = (kept.since, kept.until) if self.filters else None
        links = []
        for text, since, until in offered:
            query = kept.but(since=since, until=until).as_query()
            links.append(Link(text, query, (since, until) == here))
            if here == (since, until):
                here = None  # On a Monday "this week" is today.
        return links

    @property
    def tabs(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "title": title, "is_current": name == self.view_name}
            | {"address": f"{reverse(name)}?{self.query}"}
            for name, title in PAGES.items()
        ]

    @property
    def main_fields(self) -> list[Field]:
        shifts = [(name, SHIFT_LABELS[name]) for name in NAMES]
        return [
            self._field("since"),
            self._field("until"),
            self._field("shift", choices=[("", _("All")), *shifts]),
            self._field("station", choices=station_choices(self._floor)),
            self._field("defect", choices=defect_choices(self._floor)),
        ]

    @property
    def more_fields(self) -> list[Field]:
        operators = [(badge, one.name) for badge, one in sorted(self._floor.operators.items())]
        results = [(name, RESULT_LABELS[name]) for name in RESULTS]
        return [
            self._field("result", choices=[("", _("All")), *results]),
            self._field("operator", offers=operators),
            self._field("cp_base"),
            self._field("oc1"),
            self._field("oc2"),
        ]

    @property
    def has_more(self) -> bool:
        """Whether one of those is in use: then they are in sight."""
        return any(one.value or one.error for one in self.more_fields)

    def _field(self, name: str, **choices: list[Choice]) -> Field:
        value = str(self._typed.get(name) or "")
        if offered := choices.get("choices"):
            choices["choices"] = with_typed(offered, value)
        return Field(name, value, self._errors.get(name, ""), **choices)

    # -- What was saved

    @cached_property
    def saved(self) -> list[Saved]:
        found = []
        for one in favourites.of(self._user):
            query = favourites.opened(one, today=self.today)
            found.append(Saved(one.pk, one.name, query, query == self.query))
        return found

    @property
    def saved_days(self) -> str:
        """Which days a filter has that is saved now."""
        if self.filters is None:
            return ""
        if not favourites.is_relative(self.filters, today=self.today):
            return self.period
        if self.filters.until < self.today:
            return _("counted back from the day before the one on which you open it")
        return _("counted back from the day on which you open it")
