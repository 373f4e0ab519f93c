"""Tells how the running shift goes at each station, in one statement."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from scans.models import APPROVED
from scans.shifts import Shift

SILENT_AFTER = timedelta(minutes=10)
PENDING_MOST = 50
PENDING_OLDEST = timedelta(minutes=5)
# A browser tells of itself each 30 s: it is there as long as it has missed no three.
AWAY_AFTER = timedelta(seconds=90)

GOOD, AMBER, RED = "good", "amber", "red"


@dataclass(frozen=True)
class BoardHour:
    """What was scanned in one hour since the shift began."""

    approved: int = 0
    rejected: int = 0


@dataclass
class BoardStation:
    """A station on the board. Nothing in it changes by the passing of time alone but `state`.

    `why` names what the state comes from: "silent", "pending", "old_pending".
    """

    code: str
    name: str
    line: str
    approved: int = 0
    rejected: int = 0
    firsts: int = 0
    firsts_approved: int = 0
    # One for each hour of the shift that has begun, or that has scans.
    hours: list[BoardHour] = field(default_factory=list)
    # Of any shift, by the station's clock.
    last_scan_at: datetime | None = None
    # What its browsers have not delivered, and since when the oldest waits.
    pending: int = 0
    oldest_pending_at: datetime | None = None
    # As the browser told it; `oldest_pending_at` goes on being true.
    oldest_pending_seconds: int = 0
    # None while one is there: that changes each 30 s, and says nothing.
    browsers_seen_at: datetime | None = None
    browsers_are_here: bool = False
    state: str = GOOD
    why: list[str] = field(default_factory=list)

    @property
    def scans(self) -> int:
        return self.approved + self.rejected

    @property
    def fpy(self) -> float | None:
        return self.firsts_approved / self.firsts if self.firsts else None


@dataclass
class BoardLine:
    """Stations of one production line; "" for those of none, and for scans of no station."""

    name: str
    stations: list[BoardStation]


@dataclass
class Board:
    """One shift, line by line. The same rows make the same board, as long as no state changes."""

    shift: Shift
    lines: list[BoardLine]
    # Of the floor: with another one the shift may be another one, too.
    revision: int = 0

    @property
    def stations(self) -> list[BoardStation]:
        return [station for line in self.lines for station in line.stations]


# The shift's scans are read by `scan_time`, whether one is its piece's first by `scan_cp` and
# `event_of_scan`, a station's last scan at the end of its part of `scan_station_time`.
_BOARD = f"""
SELECT
    place.code, place.name, place.line, counts.hour, counts.approved, counts.rejected,
    counts.firsts, counts.firsts_approved,
    (
        SELECT scanned_at FROM scans_scan last
        WHERE last.station_id <=> NULLIF(place.code, '') AND last.scanned_at < %(end)s
        ORDER BY last.scanned_at DESC LIMIT 1
    ) AS last_scan_at,
    here.pending, here.oldest_pending_at, here.oldest_pending_seconds, here.seen_at,
    (SELECT MAX(number) FROM scans_revision) AS revision
FROM (
    SELECT code, name, line, active FROM scans_station
    UNION ALL SELECT '', '', '', FALSE
) place
LEFT JOIN (
    SELECT
        station, hour, SUM(defect_id = '{APPROVED}') AS approved,
        SUM(defect_id <> '{APPROVED}') AS rejected, SUM(is_first) AS firsts,
        SUM(is_first AND defect_id = '{APPROVED}') AS firsts_approved
    FROM (
        SELECT
            IFNULL(s.station_id, '') AS station, s.defect_id,
            TIMESTAMPDIFF(HOUR, %(start)s, s.scanned_at) AS hour,
            NOT EXISTS (
                SELECT 1 FROM scans_scan o LEFT JOIN scans_event oe ON oe.scan_id = o.id
                WHERE o.cp = s.cp AND oe.id IS NULL
                    AND (
                        o.scanned_at < s.scanned_at
                        OR (o.scanned_at = s.scanned_at AND o.id < s.id)
                    )
            ) AS is_first
        FROM scans_scan s LEFT JOIN scans_event e ON e.scan_id = s.id
        WHERE s.scanned_at >= %(start)s AND s.scanned_at < %(end)s AND e.id IS NULL
        LIMIT 18446744073709551615
    ) scans
    GROUP BY station, hour
) counts ON counts.station = place.code
LEFT JOIN (
    SELECT
        IFNULL(station_id, '') AS station, SUM(pending) AS pending, MAX(seen_at) AS seen_at,
        MIN(IF(pending > 0, seen_at - INTERVAL oldest_pending_seconds SECOND, NULL))
            AS oldest_pending_at,
        MAX(IF(pending > 0, oldest_pending_seconds, 0)) AS oldest_pending_seconds
    FROM scans_presence GROUP BY station
) here ON here.station = place.code
WHERE place.active OR counts.station IS NOT NULL
ORDER BY place.code = '', place.line, place.code, counts.hour
"""  # noqa: S608 - of our own constants


def board(shift: Shift, now: datetime) -> Board:
    """The stations that are active, and those that have scans in the shift."""
    moment = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_BOARD, {"start": moment(shift.start), "end": moment(shift.end)})
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    stations: dict[str, BoardStation] = {}
    for row in rows:
        station = stations.get(row["code"])
        if station is None:
            station = stations[row["code"]] = _station(row, shift, now)
        if row["hour"] is not None:
            _add_hour(station, row)
    lines: dict[str, BoardLine] = {}
    for station in stations.values():
        lines.setdefault(station.line, BoardLine(station.line, [])).stations.append(station)
    return Board(shift, list(lines.values()), rows[0]["revision"] or 0 if rows else 0)


def _station(row: dict[str, Any], shift: Shift, now: datetime) -> BoardStation:
    # In UTC: two moments of one zone would be subtracted by the wall clock.
    start, end = shift.start.astimezone(UTC), shift.end.astimezone(UTC)
    begun = (min(now, end - timedelta.resolution) - start) // timedelta(hours=1)
    station = BoardStation(
        code=row["code"],
        name=row["name"],
        line=row["line"],
        hours=[BoardHour() for _ in range(max(0, begun + 1))],
        last_scan_at=_aware(row["last_scan_at"]),
        pending=int(row["pending"] or 0),
        oldest_pending_at=_aware(row["oldest_pending_at"]),
        oldest_pending_seconds=int(row["oldest_pending_seconds"] or 0),
        browsers_seen_at=_aware(row["seen_at"]),
    )
    seen_at = station.browsers_seen_at
    if seen_at is not None and now - seen_at <= AWAY_AFTER:
        station.browsers_are_here, station.browsers_seen_at = True, None
    _judge(station, now)
    return station


def _add_hour(station: BoardStation, row: dict[str, Any]) -> None:
    approved, rejected = int(row["approved"]), int(row["rejected"])
    station.approved += approved
    station.rejected += rejected
    station.firsts += int(row["firsts"])
    station.firsts_approved += int(row["firsts_approved"])
    while len(station.hours) <= row["hour"]:
        station.hours.append(BoardHour())
    station.hours[row["hour"]] = BoardHour(approved, rejected)


def _judge(station: BoardStation, now: datetime) -> None:
    """Amber for who is silent, red for what is not delivered."""
    if station.last_scan_at is None or now - station.last_scan_at > SILENT_AFTER:
        station.state = AMBER
        station.why.append("silent")
    reds = []
    if station.pending > PENDING_MOST:
        reds.append("pending")
    if station.oldest_pending_at is not None and now - station.oldest_pending_at > PENDING_OLDEST:
        reds.append("old_pending")
    if reds:
        station.state = RED
        # What is worse comes first.
        station.why[:0] = reds


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
