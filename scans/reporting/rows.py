"""Reads the scans of a filter, page by page or all of them, however many there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from scans.floor import current_floor
from scans.models import APPROVED, Event, Scan
from scans.pausing import pause
from scans.reporting.filters import NO_STATION, BadFilter, Filters, Window
from scans.reporting.narrowing import narrowed
from scans.reporting.reports import totals

PAGE_SIZE = 100
# So many windows in one statement at most: a shift's range of years has a window for each day.
MOST_WINDOWS = 256
# What no index finds is looked for in so long a time at once, as statements are limited in time.
LONGEST_SEARCH = timedelta(days=14)
TICK = timedelta(microseconds=1)


class Row(NamedTuple):
    """A scan with what became of it, as the database has it: moments in UTC, without a zone."""

    id: int
    uid: str
    station: str | None
    operator: str
    cp: str
    cp_base: str
    oc1: str
    oc2: str
    defect: str
    note: str
    raw: str
    scanned_at: datetime
    scanned_offset_minutes: int
    received_at: datetime
    recorded_by: str
    device: str | None
    sequence: int | None
    clock_skew_seconds: int | None
    reinspection_of: str | None
    # None: it counts. Else a kind of event.
    ended: str | None
    ended_reason: str | None
    ended_at: datetime | None
    ended_offset_minutes: int | None
    ended_by: str | None
    replacement: str | None


_ROW = """
    s.id, s.uid, s.station_id, s.operator, s.cp, s.cp_base, s.oc1, s.oc2, s.defect_id, s.note,
    s.raw, s.scanned_at, s.scanned_offset_minutes, s.received_at, u.username, s.device, s.sequence,
    s.clock_skew_seconds, s.reinspection_of_id,
    e.kind, e.reason, e.happened_at, e.happened_offset_minutes, eu.username, r.uid
"""
_ROW_JOINS = """
    JOIN accounts_user u ON u.id = s.recorded_by_id
    LEFT JOIN scans_event e ON e.scan_id = s.id AND e.id <= %(last_event)s
    LEFT JOIN accounts_user eu ON eu.id = e.recorded_by_id
    LEFT JOIN scans_scan r ON r.id = e.replacement_id
"""


@dataclass(frozen=True)
class Page:
    """Scans, the newest first; `next` leads on, "" at the end.

    Each has `is_voided`, and `ended`: None or the kind of the event that ended it.
    """

    scans: list[Any]
    next: str


@dataclass(frozen=True)
class _Position:
    """The scan behind which it goes on."""

    moment: datetime
    pk: int

    @classmethod
    def read(cls, text: str) -> "_Position":
        """Raises BadFilter."""
        moment, _dash, pk = text.partition("-")
        try:
            since_epoch = timedelta(microseconds=int(moment, 16))
            position = cls(datetime(1970, 1, 1, tzinfo=UTC) + since_epoch, int(pk, 16))
        except (ValueError, OverflowError):
            position = None
        # What int() takes beside, such as "+1" or "1_0", was never given out.
        if position is None or str(position) != text or position.pk >= 2**63:
            raise BadFilter({"after": _("This page is not there. Begin at the first one.")})
        return position

    def __str__(self) -> str:
        since_epoch = self.moment - datetime(1970, 1, 1, tzinfo=UTC)
        return f"{since_epoch // TICK:x}-{self.pk:x}"


class _Search:
    """The scans of a filter in order of (scanned_at, id), from either end.

    Each of our indexes leads to moments in order, but none has the id right behind the moment. So
    it is asked first up to which moment a page goes, then for what lies within: both without
    sorting more than a page.
    """

    def __init__(self, f: Filters, *, newest_first: bool) -> None:
        self.newest_first = newest_first
        self._values: dict[str, Any] = {}
        self._conditions: list[str] = []
        self._index = self._choose(f)
        self.windows = _clipped(f)
        if newest_first:
            self.windows.reverse()

    def _choose(self, f: Filters) -> str:
        """Notes the conditions, and names the index that finds the fewest scans."""
        for name, column in [
            ("operator", "s.operator"),
            ("cp_base", "s.cp_base"),
            ("oc1", "s.oc1"),
            ("oc2", "s.oc2"),
            ("defect", "s.defect_id"),
            ("station", "s.station_id"),
        ]:
            if value := getattr(f, name):
                self._values[name] = value
                self._conditions.append(f"{column} = %({name})s")
        if f.station == NO_STATION:
            self._conditions[-1] = "s.station_id IS NULL"
        if f.result:
            sign = "=" if f.result == "approved" else "<>"
            self._conditions.append(f"s.defect_id {sign} '{APPROVED}'")
        self._is_searching = bool(f.oc1 or f.oc2)
        if f.cp_base:
            return "scan_order"
        if f.defect and f.defect != APPROVED:
            return "scan_defect_time"
        if f.operator:
            return "scan_operator_time"
        return "scan_station_time" if f.station else "scan_time"

    def limit(self, last_scan: int, last_event: int) -> None:
        """Leave out what was stored later."""
        self._values |= {"last_scan": last_scan, "last_event": last_event}
        self._conditions.append("s.id <= %(last_scan)s")

    def _groups(self, after: _Position | None) -> Iterator[list[Window]]:
        """The windows behind a position, those of a statement together: few first, then more."""
        most, span = 4, LONGEST_SEARCH
        group: list[Window] = []
        length = timedelta()
        for window in self._behind(after):
            for piece in self._pieces(window):
                group.append(piece)
                length += piece[1] - piece[0]
                if len(group) >= most or (self._is_searching and length >= span):
                    yield group
                    group, length = [], timedelta()
                    most = min(4 * most, MOST_WINDOWS)
        if group:
            yield group

    def _behind(self, after: _Position | None) -> Iterator[Window]:
        for since, before in self.windows:
            if after is None:
                yield since, before
            elif self.newest_first and since <= after.moment:
                yield since, min(before, after.moment + TICK)
            elif not self.newest_first and before > after.moment:
                yield max(since, after.moment), before

    def _pieces(self, window: Window) -> Iterator[Window]:
        since, before = window
        while self._is_searching and before - since > LONGEST_SEARCH:
            if self.newest_first:
                middle = before - LONGEST_SEARCH
                yield middle, before
                before = middle
            else:
                middle = since + LONGEST_SEARCH
                yield since, middle
                since = middle
        yield since, before

    def take(
        self, columns: str, joins: str, size: int, after: _Position | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """For each group of windows with any: the statement that reads up to `size` of it."""
        for windows in self._groups(after):
            where, values = self._where(windows, after)
            if (edge := self._edge(where, values, size)) is None:
                continue
            way = "DESC" if self.newest_first else "ASC"
            sign = ">=" if self.newest_first else "<="
            yield (
                f"SELECT {columns} FROM scans_scan s FORCE INDEX ({self._index}) {joins}"  # noqa: S608
                f" WHERE {where} AND s.scanned_at {sign} %(edge)s"
                f" ORDER BY s.scanned_at {way}, s.id {way} LIMIT {size}",
                values | {"edge": edge},
            )

    def _edge(self, where: str, values: dict[str, Any], size: int) -> datetime | None:
        """The moment of the last one of a page; None when there is none at all."""
        way, last = ("DESC", "MIN") if self.newest_first else ("ASC", "MAX")
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {last}(scanned_at) FROM (SELECT s.scanned_at FROM scans_scan s"  # noqa: S608
                f" FORCE INDEX ({self._index}) WHERE {where}"
                f" ORDER BY s.scanned_at {way} LIMIT {size}) page",
                values,
            )
            edge: datetime | None = cursor.fetchone()[0]
        return edge

    def _where(self, windows: list[Window], after: _Position | None) -> tuple[str, dict[str, Any]]:
        values = dict(self._values)
        ranges = []
        # In order of time, whichever way they are read.
        for number, (since, before) in enumerate(sorted(windows)):
            values |= {f"since{number}": _moment(since), f"before{number}": _moment(before)}
            ranges.append(
                f"s.scanned_at >= %(since{number})s AND s.scanned_at < %(before{number})s"
            )
        conditions = [*self._conditions, f"({' OR '.join(ranges)})"]
        if after is not None:
            sign = "<" if self.newest_first else ">"
            values |= {"after_moment": _moment(after.moment), "after_pk": after.pk}
            conditions.append(f"(s.scanned_at <> %(after_moment)s OR s.id {sign} %(after_pk)s)")
        return " AND ".join(conditions), values


def _clipped(f: Filters) -> list[Window]:
    """The filter's windows, as far back and ahead as there are scans."""
    if f.days > MOST_WINDOWS:
        with connection.cursor() as cursor:
            # The two ends of `scan_time`.
            cursor.execute("SELECT MIN(scanned_at), MAX(scanned_at) FROM scans_scan")
            first, last = cursor.fetchone()
        if first is None:
            return []
        day = timedelta(days=1)
        f = f.but(since=max(f.since, first.date() - day), until=min(f.until, last.date() + day))
    if f.since > f.until:
        return []
    starts = current_floor().starts
    # No index begins with them.
    return narrowed(f, starts) if f.oc1 or f.oc2 else f.windows(starts)


def _moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def count(f: Filters) -> int:
    """How many scans there are, the voided too, by the roll-ups: call rollups.freshen() before."""
    found = totals(f)
    return found.scans + found.voided


def page(f: Filters, *, after: str = "", size: int = PAGE_SIZE) -> Page:
    """A page of scans, the newest first. Raises BadFilter for an `after` that is none."""
    position = _Position.read(after) if after else None
    search = _Search(f, newest_first=True)
    scans: list[Any] = []
    columns = "s.*, e.kind AS ended"
    joins = "LEFT JOIN scans_event e ON e.scan_id = s.id"
    for sql, values in search.take(columns, joins, size + 1, position):
        scans += Scan.objects.raw(sql, values)
        if len(scans) > size:
            break
    is_more = len(scans) > size
    del scans[size:]
    prefetch_related_objects(scans, "defect", "recorded_by")
    for scan in scans:
        scan.is_voided = scan.ended is not None
    last = scans[-1] if scans else None
    return Page(scans, str(_Position(last.scanned_at, last.pk)) if last and is_more else "")


def batches(f: Filters, *, size: int = 2000) -> Iterator[list[Row]]:
    """All scans, the oldest first, as they were when it began: what comes later is left out.

    Between two batches the connection is given back, so that a slow reader holds none.
    """
    search = _Search(f, newest_first=False)
    search.limit(_newest(Scan), _newest(Event))
    position: _Position | None = None
    while rows := _next_batch(search, size, position):
        pause()
        yield rows
        position = _Position(rows[-1].scanned_at.replace(tzinfo=UTC), rows[-1].id)


def _next_batch(search: _Search, size: int, after: _Position | None) -> list[Row]:
    rows: list[Row] = []
    for sql, values in search.take(_ROW, _ROW_JOINS, size, after):
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows += map(Row._make, cursor.fetchall())
        if len(rows) >= size:
            break
    return rows[:size]


def _newest(model: Any) -> int:
    newest = model.objects.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0
