"""Makes up what a factory scans in a shift: always the same for the same shift."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from scans.bulk import NewScan
from scans.demo import STATIONS
from scans.models import APPROVED
from scans.shifts import FACTORY, NAMES, STANDARD, Shift, Starts

SEED = "quality"
NAMESPACE = UUID("5b1b0a4e-7d53-5d0c-9a44-6f6d1a1f2a10")
SCANS = 450  # of a station in a shift
PIECES = 240  # of an order
# The first shift of all: shifts are numbered from here, and orders with them.
FIRST_DAY = date(2020, 1, 1)
# One of so many is bad, so that there is one in any 90 days.
BAD_PERIOD, BAD_NUMBER = 270, 101
BAD_SHARE = 0.06
# 60 % of the rejects are of three sorts.
DEFECTS = {
    "001": 26, "002": 20, "007": 14, "003": 8, "004": 5, "005": 5, "008": 5, "010": 4, "009": 4,
    "012": 3, "006": 2, "013": 1, "011": 1, "014": 1, "099": 1,
}  # fmt: skip
# Three teams of four take turns, week by week.
BADGES = [f"OP{100 + number:04}" for number in range(1, 13)]
NOTES = ["Margine tăiată strâmb", "Fir tras", "Zgomot la scuturare", "Miros de solvent"]
UNDO_REASONS = ["Cod de defect greșit", "Piesă greșită", "Scanat de două ori"]
OFFICE_REASONS = ["Reverificată: piesa este bună", "Defect confundat, vezi fișa de reclamație"]
# Seconds after the start of an eight-hour shift, and how long nothing is scanned.
PAUSES = [(2 * 3600, 900), (4 * 3600, 1800), (6 * 3600 + 900, 900)]
PERIOD = 20  # shifts, after which the numbers of voids and re-inspections come again


@dataclass(frozen=True)
class MadeVoid:
    """That a scan counts no more; of no station when the office says so."""

    scan: UUID
    reason: str
    station: str | None
    at: datetime


@dataclass(frozen=True)
class MadeIncident:
    """What a station did instead of recording a scan."""

    uid: UUID
    kind: str
    station: str
    at: datetime
    device: UUID
    codes: dict[str, str]


@dataclass
class MadeShift:
    """All that comes of a shift; scans as they arrive."""

    scans: list[NewScan] = field(default_factory=list)
    voids: list[MadeVoid] = field(default_factory=list)
    incidents: list[MadeIncident] = field(default_factory=list)


def number_of(shift: Shift) -> int:
    return (shift.day - FIRST_DAY).days * len(NAMES) + NAMES.index(shift.name)


def shift_of(number: int, starts: Starts = STANDARD) -> Shift:
    days, position = divmod(number, len(NAMES))
    return Shift(FIRST_DAY + timedelta(days=days), NAMES[position], starts)


def is_bad(number: int) -> bool:
    return number % BAD_PERIOD == BAD_NUMBER


def device_of(station: str) -> UUID:
    """The browser that stands there."""
    return uuid5(NAMESPACE, station)


def make_shift(shift: Shift, recorded_by: int) -> MadeShift:
    """What the stations scan in this shift."""
    made = MadeShift()
    for position in range(len(STATIONS)):
        _Station(shift, position, recorded_by).work(made)
    # As they arrive.
    made.scans.sort(key=lambda scan: scan.received_at)
    return made


# ----- How many of what: the pieces of an order go on where the last shift ended


def _reinspections(number: int) -> int:
    return 4 + number % 2  # 1 %


def _voids(number: int) -> int:
    return 2 if number % PERIOD in (1, 4, 7, 9, 12, 15, 18) else 1  # 0.3 %


def _pieces(number: int) -> int:
    # One that was voided is scanned again at once.
    return SCANS - _reinspections(number) - _voids(number)


_PIECES_OF_PERIOD = sum(map(_pieces, range(PERIOD)))


def _pieces_before(number: int) -> int:
    periods, rest = divmod(number, PERIOD)
    return periods * _PIECES_OF_PERIOD + sum(map(_pieces, range(rest)))


class _Station:
    """A station in a shift."""

    def __init__(self, shift: Shift, position: int, recorded_by: int) -> None:
        self.shift = shift
        self.number = number_of(shift)
        self.position = position
        self.code = STATIONS[position]
        self.recorded_by = recorded_by
        self.device = device_of(self.code)
        self.random = random.Random(f"{SEED} {self.number} {self.code}")  # noqa: S311
        week = self.number // (7 * len(NAMES))
        team = (self.number + week) % len(NAMES)
        self.operator = BADGES[team * len(STATIONS) + position]
        # Behind the server by so much, once in a while.
        self.skew_seconds = 95 if self.number % 37 == 5 and position == 2 else 0

    def work(self, made: MadeShift) -> None:
        moments = list(self._moments())
        received = self._received(moments)
        voided, again = self._voided(), self._again()
        defects = self._defects()
        piece = _pieces_before(self.number)
        firsts: list[NewScan] = []
        for index, moment in enumerate(moments):
            first = None
            if index - 1 in voided:
                # The same piece again, as it should have been. By then nobody in the office has
                # looked at the first one.
                before = made.scans[-1]
                cp, defect = before.cp, APPROVED
                first = before if made.voids[-1].station is None else None
            elif index in again:
                first = self._one_to_inspect(firsts)
                cp, defect = first.cp, APPROVED if self.random.random() < 0.8 else first.defect
            else:
                cp, defect = self._cp(piece), defects.pop()
                piece += 1
            scan = self._scan(index, cp, defect, moment, received[index], first)
            made.scans.append(scan)
            if index in voided:
                made.voids.append(self._void(scan))
            elif index not in again:
                firsts.append(scan)
        self._add_incidents(made, moments)

    def _moments(self) -> Iterator[datetime]:
        """Counted in seconds that pass, so that the nights in which clocks change have theirs."""
        start, end = self.shift.start.astimezone(UTC), self.shift.end.astimezone(UTC)
        length = (end - start).total_seconds()
        factor = length / (8 * 3600)
        pauses = [(at * factor, seconds) for at, seconds in PAUSES]
        working = length - sum(seconds for _at, seconds in pauses) - 420
        step = working / SCANS
        for index in range(SCANS):
            seconds = 180 + index * step + self.random.uniform(0, 0.8) * step
            for at, pause in pauses:
                if seconds >= at:
                    seconds += pause
            yield start + timedelta(milliseconds=int(seconds * 1000))

    def _received(self, moments: list[datetime]) -> list[datetime]:
        """A moment later; once in a while the network was away, and many come at once."""
        received = [
            moment + timedelta(milliseconds=self.random.randint(60, 900)) for moment in moments
        ]
        if (self.number * 7 + self.position * 5) % 41 == 0:
            first = self.random.randrange(60, 380)
            back = moments[first] + timedelta(minutes=self.random.randint(15, 45))
            back = min(back, self.shift.end.astimezone(UTC) - timedelta(minutes=1))
            for index in range(first, SCANS):
                if received[index] >= back:
                    break
                received[index] = back + timedelta(milliseconds=40 * (index - first))
        return received

    def _voided(self) -> set[int]:
        # Neither they nor what comes behind them is where a re-inspection may be.
        return {4 * place + 1 for place in self.random.sample(range(10, 100), _voids(self.number))}

    def _again(self) -> set[int]:
        taken: set[int] = set()
        while len(taken) < _reinspections(self.number):
            taken.add(4 * self.random.randrange(30, 112))
        return taken

    def _defects(self) -> list[str]:
        """Of each piece, the last one first."""
        share = BAD_SHARE if is_bad(self.number) else self.random.uniform(0.025, 0.036)
        count = round(SCANS * share)
        rejected = self.random.choices(list(DEFECTS), list(DEFECTS.values()), k=count)
        defects = [*rejected, *[APPROVED] * (SCANS - count)]
        self.random.shuffle(defects)
        return defects

    def _one_to_inspect(self, firsts: list[NewScan]) -> NewScan:
        rejected = [scan for scan in firsts[:-20] if scan.defect != APPROVED]
        return self.random.choice(rejected or firsts[:-20])

    def _cp(self, piece: int) -> str:
        order, number = divmod(piece, PIECES)
        return f"CP{20_000_000 + order * len(STATIONS) + self.position}-{number + 1:04}"

    def _scan(
        self,
        index: int,
        cp: str,
        defect: str,
        moment: datetime,
        received: datetime,
        first: NewScan | None,
    ) -> NewScan:
        order = int(cp[2:10]) - 20_000_000
        offset = moment.astimezone(FACTORY).utcoffset()
        assert offset is not None  # noqa: S101 - it has a zone
        return NewScan(
            uid=UUID(int=self.random.getrandbits(128), version=4),
            station=self.code,
            operator=self.operator,
            cp=cp,
            oc1=f"OC{1 + order // len(STATIONS) % 4:02}",
            oc2=f"OC{11 + order // (4 * len(STATIONS)) % 4:02}",
            defect=defect,
            scanned_at=moment,
            offset_minutes=int(offset.total_seconds() // 60),
            received_at=received + timedelta(seconds=self.skew_seconds),
            recorded_by=self.recorded_by,
            note=self.random.choice(NOTES) if defect == "099" else "",
            device=self.device,
            sequence=self.number * SCANS + index + 1,
            clock_skew_seconds=self.skew_seconds,
            reinspection_of=first.uid if first else None,
        )

    def _void(self, scan: NewScan) -> MadeVoid:
        if self.random.random() < 0.7:
            at = scan.scanned_at + timedelta(seconds=self.random.randint(4, 9))
            return MadeVoid(scan.uid, self.random.choice(UNDO_REASONS), self.code, at)
        left = self.shift.end.astimezone(UTC) - scan.received_at
        at = scan.received_at + self.random.uniform(0.3, 0.9) * left
        return MadeVoid(scan.uid, self.random.choice(OFFICE_REASONS), None, at)

    def _add_incidents(self, made: MadeShift, moments: list[datetime]) -> None:
        kinds = ["double_read"] * self.random.randint(1, 3)
        if self.random.random() < 0.4:
            kinds.append("abandoned")
        mine = [scan for scan in made.scans if scan.station == self.code]
        for kind in kinds:
            scan = self.random.choice(mine)
            codes = {"operator": scan.operator, "cp": scan.cp, "oc1": scan.oc1}
            if kind == "double_read":
                codes |= {"oc2": scan.oc2, "defect": scan.defect}
            made.incidents.append(
                MadeIncident(
                    UUID(int=self.random.getrandbits(128), version=4),
                    kind,
                    self.code,
                    scan.scanned_at + timedelta(seconds=3),
                    self.device,
                    codes,
                )
            )
