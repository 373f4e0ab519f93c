"""Reads one row of an old table: a scan, or the reason why it is none."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from scans import barcode
from scans.bulk import NewScan
from scans.models import APPROVED
from scans.shifts import YEARS
from scans.submission import NOTE_MAX_LENGTH

NAMESPACE = UUID("b7a0f4a6-2f0c-5a34-8f43-0d1f2a7a9d10")
_CODES = ("operator", "cp", "oc1", "oc2")
# A number that stands for three digits: 0, 7, 7.0.
_NUMBER = re.compile(r"(\d{1,3})(?:\.0+)?", re.ASCII)
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y%m%d")
_TIMES = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M")
# By how much the old computer's clock may have been ahead.
FUTURE = timedelta(days=1)


class Rejected(ValueError):
    """This row is no scan; the message says why, for people who know the old system."""


@dataclass(frozen=True)
class Rules:
    """What holds for all rows of an import."""

    source: str
    columns: Mapping[str, int]
    # How many columns have a name.
    width: int
    codes: barcode.Codes
    defects: frozenset[str]
    stations: frozenset[str]
    zone: ZoneInfo
    station: str | None
    recorded_by: int
    now: datetime
    # Enters a defect that nobody knows; None: its rows are rejected.
    add_defect: Callable[[str], None] | None = None


class Reader:
    """Reads row after row: which of several that are alike it is depends on those before.

    `twice` and `never` count the rows of the hours at a change of the clocks.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.twice = self.never = 0
        self._defects = set(rules.defects)
        # Of each id, or of each content, how many there were: 8 bytes stand for it.
        self._seen: dict[bytes, int] = {}

    def read(self, row: Sequence[str], received_at: datetime) -> NewScan:
        """Raises Rejected."""
        rules = self.rules
        if any(position >= len(row) for position in rules.columns.values()):
            raise Rejected("The row is shorter than the names of the columns.")
        if any(map(str.strip, row[rules.width :])):
            # A text with a comma in it and no quotes: nobody knows which cell is which.
            raise Rejected("The row is longer than the names of the columns.")
        cells = {field: row[position].strip() for field, position in rules.columns.items()}
        uid = self._uid(cells)
        raw: dict[str, str] = {}
        codes = {field: _code(field, cells[field], rules.codes, raw) for field in _CODES}
        defect = self._defect(cells["defect"], raw)
        _check_quantities(cells, defect)
        moment = self._moment(cells["date"], cells["time"])
        local = moment.astimezone(rules.zone)
        offset = local.utcoffset() or timedelta()
        note = cells.get("note", "")
        if len(note) > NOTE_MAX_LENGTH:
            raise Rejected(f"A note has at most {NOTE_MAX_LENGTH} characters.")
        station = cells.get("station") or rules.station
        if station and station not in rules.stations:
            raise Rejected(f"No station is called {station[:20]!r}.")
        return NewScan(
            uid=uid,
            station=station,
            operator=codes["operator"],
            cp=codes["cp"],
            oc1=codes["oc1"],
            oc2=codes["oc2"],
            defect=defect,
            scanned_at=moment,
            offset_minutes=int(offset.total_seconds() // 60),
            received_at=received_at,
            recorded_by=rules.recorded_by,
            note=note,
            raw=raw,
        )

    def _uid(self, cells: Mapping[str, str]) -> UUID:
        """The same in each run: by the row's id, or by its content and which of the same it is."""
        if identity := cells.get("id"):
            if self._count(identity) > 1:
                raise Rejected(f"The id {identity[:40]!r} was there before.")
            return uuid5(NAMESPACE, f"{self.rules.source}\0id\0{identity}")
        content = "\0".join(f"{field}={cells[field]}" for field in sorted(cells))
        return uuid5(NAMESPACE, f"{self.rules.source}\0{content}\0{self._count(content)}")

    def _count(self, text: str) -> int:
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        count = self._seen[key] = self._seen.get(key, 0) + 1
        return count

    def _defect(self, text: str, raw: dict[str, str]) -> str:
        code = text if text.isdigit() else barcode.repair(text)
        if found := _NUMBER.fullmatch(code):
            code = found[1].zfill(3)
        if not self.rules.codes.matches("defect", code):
            raise Rejected(f"defect: {text[:20]!r} is no code such as {APPROVED}.")
        if code not in self._defects:
            if self.rules.add_defect is None:
                raise Rejected(f"No defect has the code {code}.")
            self.rules.add_defect(code)
            self._defects.add(code)
        if code != text:
            raw["defect"] = text
        return code

    def _moment(self, day: str, clock: str) -> datetime:
        naive = datetime.combine(_date(day), _time(clock))
        # Of the hour that there is twice the first; in the one that never was somebody had not set
        # the clock forward yet.
        moment = naive.replace(tzinfo=self.rules.zone, fold=0)
        utc = moment.astimezone(UTC)
        if utc.astimezone(self.rules.zone).replace(tzinfo=None) != naive:
            self.never += 1
        elif moment.utcoffset() != moment.replace(fold=1).utcoffset():
            self.twice += 1
        if utc > self.rules.now + FUTURE:
            raise Rejected(f"{day} {clock} lies in the future.")
        return utc


def _code(field: str, text: str, codes: barcode.Codes, raw: dict[str, str]) -> str:
    if codes.matches(field, text):  # Most do. A pattern has nothing that would be repaired.
        return text
    if len(text) > barcode.MAX_LENGTH:
        raise Rejected(f"{field}: too long for a code, {len(text)} characters.")
    code = barcode.repair(text)
    if not codes.matches(field, code):
        raise Rejected(f"{field}: {text[:40]!r} does not look like {codes.examples[field]}.")
    if code != text:
        raw[field] = text
    return code


def _check_quantities(cells: Mapping[str, str], defect: str) -> None:
    """One piece is either approved or rejected, as its code says; where the table has both."""
    if "approved" not in cells or "rejected" not in cells:
        return
    found = []
    for field in ("approved", "rejected"):
        number = _NUMBER.fullmatch(cells[field] or "0")
        if number is None:
            raise Rejected(f"{field}: {cells[field][:20]!r} is no quantity.")
        found.append(int(number[1]))
    if sorted(found) != [0, 1]:
        raise Rejected(f"{found[0]} approved and {found[1]} rejected: a scan is of one piece.")
    if (found[0] == 1) is not (defect == APPROVED):
        word = "approved" if found[0] else "rejected"
        raise Rejected(f"The piece counts as {word}, but its code is {defect}.")


def _date(text: str) -> date:
    # A date that came with a time of its own, which is midnight.
    text = text.removesuffix("00:00:00").strip(" T")
    try:  # What most are; twice as fast as the rest.
        found = date.fromisoformat(text)
    except ValueError:
        found = _by_format(text, _DATES, "date").date()
    if found.year not in YEARS:
        raise Rejected(f"date: no scan is of the year {found.year}.")
    return found


def _time(text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = _by_format(text, _TIMES, "time").time()
    if found.tzinfo is not None:
        raise Rejected(f"time: {text[:20]!r} has a zone of its own.")
    return found


def _by_format(text: str, formats: Sequence[str], field: str) -> datetime:
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - a zone is given to it later
        except ValueError:
            continue
    raise Rejected(f"{field}: {text[:20]!r} is not understood.")
