"""Loads the demo's past: what four stations have scanned in 90 days."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from scans import bulk
from scans.demo import LINES
from scans.floor import current_floor
from scans.made_up import BADGES, MadeShift, device_of, make_shift, number_of, shift_of
from scans.models import Incident, Operator, Scan, Station
from scans.pausing import pause
from scans.recording import offset_minutes
from scans.shifts import FACTORY, NAMES, Shift, shift_at

DAYS = 90
OPERATORS = dict(
    zip(
        BADGES,
        (
            *("Maria Ionescu", "Andrei Stan", "Elena Dumitru", "Mihai Radu", "Ioana Marin"),
            *(
                "Ștefan Toma",
                "Cristina Pavel",
                "Vasile Lazăr",
                "Daniela Florea",
                "Gheorghe Țurcanu",
            ),
            *("Simona Bălan", "Răzvan Neagu"),
        ),
        strict=True,
    )
)

# What ended a scan, by the id that the scan was given just now.
_VOID = """
INSERT INTO scans_event (
    scan_id, kind, reason, station_id, happened_at, happened_offset_minutes, received_at,
    recorded_by_id
) SELECT id, 'void', %s, %s, %s, %s, %s, %s FROM scans_scan WHERE uid = %s
"""


def load_past(
    now: datetime, *, days: int = DAYS, progress: Callable[[int, int], Any] = lambda *_: None
) -> int:
    """Add the shifts before the running one that are not there; returns how many scans.

    A shift is stored as a whole. `progress` is told of shifts: those that are done, and all.
    """
    starts = current_floor().starts
    _seed_people()
    operator = User.objects.get(username="operator")
    office = User.objects.get(username="quality")
    running = number_of(shift_at(now, starts))
    numbers = range(running - days * len(NAMES), running)
    stored = 0
    for done, number in enumerate(numbers):
        progress(done, len(numbers))
        pause()
        shift = shift_of(number, starts)
        if not _is_there(shift):
            made = make_shift(shift, operator.pk)
            _store(made, operator, office)
            stored += len(made.scans)
    progress(len(numbers), len(numbers))
    return stored


def _is_there(shift: Shift) -> bool:
    """Whether a browser of the demo's, which nobody else has, scanned in it."""
    # Reads `scan_device_time`.
    first = device_of(next(iter(LINES)))
    scans = Scan.objects.filter(device=first, scanned_at__gte=shift.start)
    return scans.filter(scanned_at__lt=shift.end).exists()


def _seed_people() -> None:
    for badge, name in OPERATORS.items():
        Operator.objects.get_or_create(badge=badge, defaults={"name": name})
    for station in Station.objects.filter(code__in=LINES, line=""):
        station.line = LINES[station.code]
        station.save()


@transaction.atomic
def _store(made: MadeShift, operator: User, office: User) -> None:
    bulk.insert(made.scans)
    moment = connection.ops.adapt_datetimefield_value
    second = timedelta(seconds=1)
    with connection.cursor() as cursor:
        for void in made.voids:
            cursor.execute(
                _VOID,
                [
                    void.reason,
                    void.station,
                    moment(void.at),
                    offset_minutes(void.at.astimezone(FACTORY)),
                    moment(void.at + second),
                    (operator if void.station else office).pk,
                    str(void.scan),
                ],
            )
    Incident.objects.bulk_create(
        Incident(
            uid=incident.uid,
            kind=incident.kind,
            happened_at=incident.at,
            station_id=incident.station,
            device=incident.device,
            codes=incident.codes,
            received_at=incident.at + second,
            recorded_by=operator,
        )
        for incident in made.incidents
    )
