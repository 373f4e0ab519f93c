"""Made-up histories of scans, and what the roll-ups have to say of them: slow and obvious."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from scans.models import Event, RollUp, RollUpState, Scan, Settings, ShiftRollUp
from scans.reporting.levels import LEVELS
from scans.shifts import NAMES, Shift

MEASURES = (
    "scans", "firsts", "lasts", "again", "again_approved_first", "voided", "replaced", "skewed",
    "late",
)  # fmt: skip
FINE = ("day", "shift", "hour", "station", "operator", "cp_base", "oc1", "oc2", "defect")
COARSE = ("day", "shift", "hour", "station", "operator", "oc1", "oc2", "defect")
# Around the two changes of clocks, and an ordinary change of days.
MOMENTS = [
    datetime(2026, 10, 24, 18, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 20, 3, 30, tzinfo=UTC),
    datetime(2027, 3, 27, 19, 45, tzinfo=UTC),
]
LONG_AGO = timedelta(minutes=5)

Table = dict[tuple[Any, ...], dict[str, int]]


def make_scan(user: User, scanned_at: datetime, **changes: Any) -> Scan:
    """One that was stored long ago, as far as anybody waits for what is on its way."""
    cp = changes.pop("cp", "CP10045821-0001")
    values: dict[str, Any] = {
        "uid": uuid4(),
        "station_id": "FG-01",
        "operator": "OP0001",
        "cp": cp,
        "cp_base": cp[:10],
        "oc1": "OC01",
        "oc2": "OC11",
        "defect_id": "000",
        "scanned_at": scanned_at,
        "scanned_offset_minutes": 120,
        "received_at": timezone.now() - LONG_AGO,
        "recorded_by": user,
    }
    return Scan.objects.create(**values | changes)


def end(scan: Scan, user: User, replacement: Scan | None = None) -> Event:
    """Void a scan, or have it replaced."""
    return Event.objects.create(
        scan=scan,
        kind="replace" if replacement else "void",
        replacement=replacement,
        reason="test",
        happened_at=timezone.now(),
        happened_offset_minutes=0,
        received_at=timezone.now() - LONG_AGO,
        recorded_by=user,
    )


class History:
    """Scans, voids and replacements by chance, the same for the same seed."""

    def __init__(self, seed: int, user: User) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a seed is the point
        self._user = user
        # Ids that were given out to transactions which have not committed yet.
        self._pending_ids: list[int] = []

    def scan(self, **changes: Any) -> Scan:
        chance = self.chance
        scanned_at = changes.pop("scanned_at", None) or chance.choice(MOMENTS) + timedelta(
            minutes=15 * chance.randrange(60)
        )
        values: dict[str, Any] = {
            "cp": f"CP1004582{chance.randrange(2)}-000{chance.randrange(4)}",
            "station_id": chance.choice([None, "FG-01", "FG-02"]),
            "operator": chance.choice(["OP0001", "OP0002"]),
            "oc1": chance.choice(["OC01", "OC02"]),
            "defect_id": chance.choice(["000", "000", "001", "002"]),
            "device": chance.choice([uuid4(), uuid4(), None]),
            "clock_skew_seconds": chance.choice([None, 0, 60, -61, 61]),
            "received_at": chance.choice(
                [scanned_at, scanned_at + timedelta(hours=1, seconds=chance.choice([0, 1]))]
            ),
        }
        return make_scan(self._user, scanned_at, **values | changes)

    def overtake(self) -> None:
        """Another transaction has got an id, and commits later than those that come after it."""
        scan = self.scan(received_at=timezone.now())
        self._pending_ids.append(scan.pk + 1)
        self.scan(id=scan.pk + 2, received_at=timezone.now())

    def commit_late(self) -> None:
        settled = RollUpState.objects.filter(pk=1).values_list("scan_id", flat=True).first() or 0
        while self._pending_ids:
            # Nobody commits a minute later than those that come after.
            if (pending := self._pending_ids.pop()) > settled:
                self.scan(id=pending, received_at=timezone.now())
                return

    def end(self) -> None:
        scan = self.chance.choice([*Scan.objects.valid().order_by("pk"), None])
        if scan is None:
            return
        if self.chance.random() < 0.5:
            end(scan, self._user)
        else:
            # Of the same moment and station; the CP may have been the mistake.
            replacement = self.scan(scanned_at=scan.scanned_at, station_id=scan.station_id)
            end(scan, self._user, replacement)


@dataclass
class Judged:
    """A scan with all that is true of it."""

    scan: Scan
    shift: Shift
    hour: int
    ended_by: str
    # Of its piece, by the scans that count; None when it counts no more.
    first: Scan | None
    last: Scan | None

    @property
    def counts(self) -> bool:
        return not self.ended_by

    @property
    def is_first(self) -> bool:
        return self.scan == self.first

    @property
    def is_last(self) -> bool:
        return self.scan == self.last

    @property
    def is_approved(self) -> bool:
        return self.scan.defect_id == "000"


def judged() -> list[Judged]:
    """All scans, one by one."""
    ended = dict(Event.objects.values_list("scan_id", "kind"))
    pieces: dict[str, list[Scan]] = defaultdict(list)
    for scan in Scan.objects.all():
        if scan.pk not in ended:
            pieces[scan.cp].append(scan)
    for scans in pieces.values():
        scans.sort(key=lambda scan: (scan.scanned_at, scan.pk))
    found = []
    for scan in Scan.objects.all():
        shift = next(shift for shift in _around(scan.scanned_at) if _runs(shift, scan.scanned_at))
        hour = int((scan.scanned_at - shift.start).total_seconds() // 3600)
        if scan.pk in ended:
            found.append(Judged(scan, shift, hour, ended[scan.pk], None, None))
        else:
            piece = pieces[scan.cp]
            found.append(Judged(scan, shift, hour, "", piece[0], piece[-1]))
    return found


def is_skewed(scan: Scan) -> bool:
    return abs(scan.clock_skew_seconds or 0) > Settings.now().clock_off_seconds


def is_late(scan: Scan) -> bool:
    return bool(scan.device) and scan.received_at > scan.scanned_at + timedelta(hours=1)


def expected() -> Table:
    """What the roll-ups have to say."""
    table: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for one in judged():
        scan = one.scan
        counts = table[
            one.shift.day, NAMES.index(one.shift.name), one.hour, scan.station_id or "",
            scan.operator, scan.cp_base, scan.oc1, scan.oc2, scan.defect_id,
        ]  # fmt: skip
        if not one.counts:
            counts["voided"] += 1
            counts["replaced"] += one.ended_by == "replace"
            continue
        counts["scans"] += 1
        counts["firsts"] += one.is_first
        counts["lasts"] += one.is_last
        is_again = one.is_last and not one.is_first
        counts["again"] += is_again
        counts["again_approved_first"] += is_again and one.first.defect_id == "000"
        counts["skewed"] += is_skewed(scan)
        counts["late"] += is_late(scan)
    return {key: {name: counts[name] for name in MEASURES} for key, counts in table.items()}


def _around(moment: datetime) -> list[Shift]:
    starts = Settings.now().starts
    days = [moment.date() + timedelta(days=number) for number in (-2, -1, 0, 1)]
    return [Shift(day, name, starts) for day in days for name in NAMES]


def _runs(shift: Shift, moment: datetime) -> bool:
    return shift.start.astimezone(UTC) <= moment < shift.end.astimezone(UTC)


def stored() -> Table:
    """What they say."""
    return {
        tuple(row[name] for name in FINE): {name: row[name] for name in MEASURES}
        for row in RollUp.objects.values(*FINE, *MEASURES)
    }


def stored_by_shift() -> dict[int, Table]:
    """What the coarser ones say, by level."""
    tables: dict[int, Table] = {level.number: {} for level in LEVELS}
    for row in ShiftRollUp.objects.values("level", *COARSE, *MEASURES):
        key = tuple(row[name] for name in COARSE)
        tables[row["level"]][key] = {name: row[name] for name in MEASURES}
    return tables


def summed(table: Table) -> dict[int, Table]:
    """The finer ones added up to those of each level."""
    found = {}
    for level in LEVELS:
        sums: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for key, counts in table.items():
            named = dict(zip(FINE, key, strict=True))
            for name in ("hour", "station", "operator", "oc1", "oc2"):
                if name not in level.by:
                    named[name] = 0 if name == "hour" else ""
            if "defect" not in level.by and named["defect"] != "000":
                named["defect"] = ""
            for name, count in counts.items():
                sums[tuple(named[each] for each in COARSE)][name] += count
        found[level.number] = {key: dict(counts) for key, counts in sums.items()}
    return found


def state() -> RollUpState:
    return RollUpState.objects.get(pk=1)
