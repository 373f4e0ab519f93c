"""Finds what a code, or a part of one, was scanned as."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max, Min
from django.utils.translation import gettext as _

from scans.barcode import CP_BASE_LENGTH, MAX_LENGTH, repair
from scans.floor import Floor, current_floor
from scans.models import Scan
from scans.models.records import ScanQuerySet
from scans.queries import progress_of
from scans.reporting.filters import Filters
from scans.reporting.parts import Found, letters_of, newest_where, scans_with, scans_with_oc
from scans.reporting.timeline import Timeline, in_words, timeline_of
from scans.shifts import shift_at

# More are no help: each of the scans leads to its own.
MOST_ORDERS = 12
# Of one letter there is no end.
LEAST_LENGTH = 2


@dataclass(frozen=True)
class Match:
    """One thing that the code may be, and its newest scans."""

    title: str
    scans: list[Any]
    has_more: bool = False
    # Scans that arrived before were not looked at; None when all were.
    searched_since: datetime | None = None
    # Of the reports, behind the "?"; "" when no filter says the same.
    query: str = ""
    # Of an order: its pieces by their last valid scan.
    progress: dict[str, int] | None = None
    orders: list[str] = field(default_factory=list)

    @property
    def pieces(self) -> int:
        return sum((self.progress or {}).values())


@dataclass(frozen=True)
class Trace:
    """All that a code may be, the likeliest first."""

    typed: str
    code: str
    scan: Scan | None = None
    timeline: Timeline | None = None
    matches: list[Match] = field(default_factory=list)
    # What was not found was not looked for among the scans that arrived before.
    searched_since: datetime | None = None
    # It is too short or too long to be looked for; says why.
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.scan or self.timeline or self.matches)


def trace(code: str) -> Trace:
    """What a code was scanned as; it is repaired as a station does. Takes at most some 0.5 s."""
    typed, code = code, repair(code)
    if not code:
        return Trace(typed, code)
    if len(code) > MAX_LENGTH or len(code) < LEAST_LENGTH:
        problem = _("Write %(least)d to %(most)d characters of a code.") % {
            "least": LEAST_LENGTH,
            "most": MAX_LENGTH,
        }
        return Trace(typed, code, problem=problem)
    if scan := _scan_of(code):
        return Trace(typed, code, scan=scan)
    floor = current_floor()
    for cp in (code, _with_letters(code, floor)):
        if Scan.objects.filter(cp=cp).exists():
            return Trace(typed, cp, timeline=timeline_of(cp))
    looks = (_order, _operator, _station, _defect, _oc)
    looked = [match for look in looks if (match := look(code, floor)) is not None]
    is_known = any(match.scans for match in looked)
    # What is a defect of three digits may be a part of a longer code as well; no other is.
    is_other = is_known or {"operator", "oc1", "oc2"} & set(floor.codes.fields_for(code))
    if not is_other or code in floor.defects:
        looked.append(_part(code, floor))
    matches = [match for match in looked if match.scans]
    missed = [match.searched_since for match in looked if not match.scans]
    since = next(filter(None, missed), None)
    return Trace(typed, code, matches=matches, searched_since=since)


def _scan_of(code: str) -> Scan | None:
    try:
        return Scan.objects.filter(uid=UUID(code)).first()
    except ValueError:
        return None


def _match(title: str, found: Found, floor: Floor, **filtered: str) -> Match:
    scans = _scans(found.ids)
    if not scans:
        # Nothing, as far as it was looked for.
        return Match(title, [], searched_since=found.searched_since)
    first, last = scans[-1].scanned_at, scans[0].scanned_at
    query = _query(first, last, floor, **filtered) if filtered else ""
    return Match(title, scans, found.has_more, found.searched_since, query)


def _scans(ids: list[int]) -> list[Any]:
    scans: ScanQuerySet = Scan.objects.with_voids().select_related("defect")
    return list(scans.filter(pk__in=ids).order_by("-scanned_at", "-pk"))


def _query(first: datetime, last: datetime, floor: Floor, **filtered: str) -> str:
    """The filter of the reports that shows these scans, and others of the same days."""
    oldest, newest = (shift_at(moment, floor.starts).day for moment in (first, last))
    return Filters(since=oldest, until=newest, **filtered).as_query()


# ----- What a code may be


def _with_letters(code: str, floor: Floor) -> str:
    """A CP or its order as it is in full: people leave out the letters that all begin with."""
    return repair(letters_of(floor.codes.examples["cp"]) + code)


def _order(code: str, floor: Floor) -> Match:
    if len(full := _with_letters(code, floor)) == CP_BASE_LENGTH:
        code = full
    found = newest_where("cp_base", code, "scan_order")
    match = _match(_("Order %(code)s") % {"code": code}, found, floor, cp_base=code)
    if not match.scans:
        return match
    first, last = (
        Scan.objects.filter(cp_base=code).aggregate(Min("scanned_at"), Max("scanned_at")).values()
    )
    query = _query(first, last, floor, cp_base=code)
    return replace(match, progress=progress_of(code), query=query)


def _operator(code: str, floor: Floor) -> Match:
    found = newest_where("operator", code, "scan_operator_time")
    title = in_words("operator", code, floor)
    return _match(_("Operator %(name)s") % {"name": title}, found, floor, operator=code)


def _station(code: str, floor: Floor) -> Match | None:
    if code not in floor.stations:
        return None
    found = newest_where("station_id", code, "scan_station_time")
    return _match(_("Station %(name)s") % {"name": code}, found, floor, station=code)


def _defect(code: str, floor: Floor) -> Match | None:
    if code not in floor.defects:
        return None
    found = newest_where("defect_id", code, "scan_defect_time")
    title = in_words("defect", code, floor)
    return _match(_("Defect %(name)s") % {"name": title}, found, floor, defect=code)


def _oc(code: str, floor: Floor) -> Match | None:
    if not {"oc1", "oc2"} & set(floor.codes.fields_for(code)):
        return None
    match = _match(code, scans_with_oc(code), floor)
    if not match.scans:
        return match
    # Nobody can tell the two from each other but by where they stand.
    name = "oc1" if any(scan.oc1 == code for scan in match.scans) else "oc2"
    first, last = match.scans[-1].scanned_at, match.scans[0].scanned_at
    query = _query(first, last, floor, **{name: code})
    return replace(match, title=f"{name.upper()} {code}", query=query)


def _part(code: str, floor: Floor) -> Match:
    """Pieces of whose CP it is a part."""
    found = scans_with(code, floor.codes.examples["cp"], floor.codes.patterns["cp"])
    match = _match(_("CPs with “%(part)s” in them") % {"part": code}, found, floor)
    orders = sorted({scan.cp_base for scan in match.scans})
    return replace(match, orders=orders if len(orders) <= MOST_ORDERS else [])
