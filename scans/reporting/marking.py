"""Finds the hours whose roll-ups are not true any more, and marks them to be counted anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.db import OperationalError, connection, transaction
from django.utils import timezone

from scans.floor import current_floor, floor_at
from scans.keeping.settling import settled_up_to
from scans.models import Event, Recount, RollUpState, Scan
from scans.shifts import FACTORY, NAMES, Shift, Starts, shift_at

# Another one has all counted anew: to be raised with each change of what the roll-ups say.
VERSION = 1
LATE_SECONDS = 3600
# A look counts no more records than so many behind those that are known.
LOOK_MOST = 20_000
# Records of one transaction.
SLICE = 100_000
LOCK_WAIT_SECONDS = 2
# MariaDB's numbers: waited too long for a lock, and for each other.
LOCKED = {1205, 1213}
HOUR = timedelta(hours=1)
# Before all moments that a scan may have.
_EPOCH = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rules:
    """All that decides what the roll-ups say, beside the records."""

    starts: Starts
    clock_off_seconds: int

    @classmethod
    def now(cls, revision: int | None = None) -> Self:
        """As of a revision of the floor that was read a moment ago, or is read here."""
        floor = current_floor() if revision is None else floor_at(revision)
        return cls(floor.starts, floor.settings.clock_off_seconds)

    def __str__(self) -> str:
        starts = " ".join(start.isoformat() for _name, start in self.starts)
        return f"{VERSION} {starts} {self.clock_off_seconds} {LATE_SECONDS}"

    def shift(self, day: Any, number: int) -> Shift:
        return Shift(day, NAMES[number], self.starts)


@dataclass(frozen=True)
class Look:
    """What the roll-ups know of, and what there is beyond it."""

    state: RollUpState
    rules: Rules
    newer_scans: int
    newer_events: int
    waiting: int

    @property
    def uncounted(self) -> int:
        """Records of which the roll-ups don't know; from LOOK_MOST on there may be more."""
        state = self.state
        scans = self.newer_scans - state.newer_scans
        events = self.newer_events - state.newer_events
        return max(0, scans) + max(0, events)

    @property
    def is_by_other_rules(self) -> bool:
        return self.state.rules != str(self.rules)

    @property
    def is_new(self) -> bool:
        state = self.state
        return (
            self.newer_scans != state.newer_scans
            or self.newer_events != state.newer_events
            # Beyond it nothing was looked at.
            or LOOK_MOST in (self.newer_scans, self.newer_events)
        )


def _newer(table: str, column: str) -> str:
    """How many records are behind those that are settled.

    Ids are given out before a record is committed, so one with a lower id may appear later: it
    changes the number. The primary key is read from where they begin.
    """
    known = f"IFNULL((SELECT {column} FROM scans_rollupstate WHERE id = 1), 0)"  # noqa: S608 - ours
    return (
        "(SELECT COUNT(*) FROM "  # noqa: S608 - ours
        f"(SELECT id FROM scans_{table} WHERE id > {known} ORDER BY id LIMIT %(most)s) newer)"
    )


_LOOK = f"""
SELECT
    state.*, {_newer("scan", "scan_id")} AS scans, {_newer("event", "event_id")} AS events,
    (SELECT COUNT(*) FROM scans_recount) AS waiting,
    (SELECT MAX(number) FROM scans_revision) AS revision
FROM (SELECT 1) one LEFT JOIN scans_rollupstate state ON state.id = 1
"""  # noqa: S608 - of our own constants


def look() -> Look:
    """Whether there is anything new, by one statement that reads little more than what is."""
    (row,) = RollUpState.objects.raw(_LOOK, {"most": LOOK_MOST})
    found: Any = row
    return Look(
        # Without a row there was never anything counted.
        state=row if row.pk else RollUpState(),
        rules=Rules.now(found.revision or 0),
        newer_scans=found.scans,
        newer_events=found.events,
        waiting=found.waiting,
    )


@contextmanager
def unless_locked() -> Iterator[None]:
    """Give up what waits in vain for another one."""
    try:
        yield
    except OperationalError as error:
        if error.args[0] not in LOCKED:
            raise


def mark(*, is_everything: bool = False, is_settling: bool = True) -> None:
    """Have the shifts of all that is new counted anew; all shifts when they were by other rules.

    With `is_settling` it takes note of what need not be looked at again, which waits for writers
    that are slow.
    """
    while True:
        known = look().state
        if known.pk is None:
            _make_state()
        settled = (known.scan_id, known.event_id)
        if is_settling:
            # Of a writer who is stuck what is new is looked at again and again.
            with unless_locked():
                settled = (settled_up_to(Scan, known.scan_id), settled_up_to(Event, known.event_id))
        if _mark_slice(*settled, is_everything=is_everything):
            return


def _mark_slice(scan_id: int, event_id: int, *, is_everything: bool) -> bool:
    """Mark what is new, up to a bound; returns whether that was all."""
    with transaction.atomic():
        state = _locked_state()
        rules = Rules.now()
        scan_id, event_id = max(scan_id, state.scan_id), max(event_id, state.event_id)
        is_everything = is_everything or state.rules != str(rules)
        is_last = is_everything or scan_id - state.scan_id <= SLICE
        if not is_last:
            scan_id, event_id = state.scan_id + SLICE, state.event_id
        # Before the records themselves are read: whatever is committed in between is found to be
        # new once more, and not missed.
        newer = _newer_than(scan_id, event_id) if is_last else (0, 0)
        if is_everything:
            _mark_all(rules)
        else:
            _mark_hours(rules, _hours_of_scans(state.scan_id, None if is_last else scan_id))
            _mark_hours(rules, _hours_of_events(state.event_id))
        state.newer_scans, state.newer_events = newer
        state.scan_id, state.event_id = scan_id, event_id
        state.rules = str(rules)
        state.counted_at = timezone.now()
        state.save()
    return is_last


def _locked_state() -> RollUpState:
    """The one row: of several processes that find something new one marks it."""
    (state,) = RollUpState.objects.raw(
        "SELECT * FROM scans_rollupstate WHERE id = 1 FOR UPDATE WAIT %s", [LOCK_WAIT_SECONDS]
    )
    return state


def _make_state() -> None:
    """By itself: who inserts it and goes on to lock it may stand in another one's way."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT IGNORE INTO scans_rollupstate "
            "(id, scan_id, event_id, newer_scans, newer_events, rules) "
            "VALUES (1, 0, 0, 0, 0, '')"
        )


def _newer_than(scan_id: int, event_id: int) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT COUNT(*) FROM scans_scan WHERE id > %s), "
            "(SELECT COUNT(*) FROM scans_event WHERE id > %s)",
            [scan_id, event_id],
        )
        found: tuple[int, int] = cursor.fetchone()
    return found


# ----- Which hours

# A record changes which scan of a piece is the first and which the last, perhaps on other days.
_OTHERS = f"SELECT DISTINCT TIMESTAMPDIFF(HOUR, '{_EPOCH:%Y-%m-%d}', o.scanned_at) FROM"


def _hours_of_scans(after: int, up_to: int | None) -> list[int]:
    """In which hours all scans lie of the CPs of these. Reads the primary key, and `scan_cp`."""
    bound = "" if up_to is None else f"AND s.id <= {int(up_to)}"
    return _numbers(
        f"{_OTHERS} scans_scan s JOIN scans_scan o ON o.cp = s.cp WHERE s.id > %s {bound}", after
    )


def _hours_of_events(after: int) -> list[int]:
    return _numbers(
        f"{_OTHERS} scans_event e JOIN scans_scan s ON s.id = e.scan_id "
        "JOIN scans_scan o ON o.cp = s.cp WHERE e.id > %s",
        after,
    )


def _numbers(sql: str, after: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [after])
        return [number for (number,) in cursor.fetchall()]


def _mark_hours(rules: Rules, numbers: list[int]) -> None:
    hours: dict[Shift, int] = {}
    for number in numbers:
        start = _EPOCH + number * HOUR
        end, moment = start + HOUR, start
        while moment < end:
            # It may be within two hours of a shift, or two shifts.
            shift = shift_at(moment, rules.starts)
            began, ends = shift.start.astimezone(UTC), shift.end.astimezone(UTC)
            hour = (moment - began) // HOUR
            hours[shift] = hours.get(shift, 0) | 1 << hour
            moment = min(ends, began + (hour + 1) * HOUR)
    _write(hours)


def _mark_all(rules: Rules) -> None:
    """Each shift that has scans, or had some as long as shifts began at other times."""
    _write(dict.fromkeys(shifts_with_scans(rules.starts), Recount.ALL))
    with connection.cursor() as cursor:
        for table in ("scans_rollup", "scans_shiftrollup"):
            cursor.execute(
                f"INSERT INTO scans_recount (day, shift, hours) "  # noqa: S608 - our own constants
                f"SELECT DISTINCT day, shift, {Recount.ALL} FROM {table} {_AS_WELL}"
            )


def shifts_with_scans(starts: Starts) -> set[Shift]:
    """From one entry of `scan_time` to the first one of a later shift."""
    shifts = set()
    moment: datetime | None = datetime(1, 1, 2, tzinfo=FACTORY)
    while moment is not None:
        times = Scan.objects.filter(scanned_at__gte=moment).order_by("scanned_at")
        moment = times.values_list("scanned_at", flat=True).first()
        if moment is not None:
            shift = shift_at(moment, starts)
            shifts.add(shift)
            moment = shift.end
    return shifts


_AS_WELL = "ON DUPLICATE KEY UPDATE hours = hours | VALUES(hours)"


def _write(hours: dict[Shift, int]) -> None:
    rows = [(shift.day, NAMES.index(shift.name), bits) for shift, bits in hours.items()]
    with connection.cursor() as cursor:
        # Waits for who is counting this very shift: he may not have seen what is new.
        cursor.executemany(
            f"INSERT INTO scans_recount (day, shift, hours) "  # noqa: S608 - our own constants
            f"VALUES (%s, %s, %s) {_AS_WELL}",
            sorted(rows),
        )
