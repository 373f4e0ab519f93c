"""Records what a station sends: once, however often it is sent."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.barcode import CP_BASE_LENGTH
from scans.floor import Floor, current_floor, floor_at
from scans.models import Incident, Profile, Scan
from scans.retrying import retried_whole
from scans.submission import COUNT_MAX, Errors, Refused, Report, Submission, misfits


class ScanConflict(Exception):
    """Another scan was stored under the same id."""


def offset_minutes(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None  # noqa: S101 - submission lets no other time through
    return int(offset.total_seconds() // 60)


def _skew_seconds(received_at: datetime, sent_at: datetime | None) -> int | None:
    """How far the station's clock is behind; no more than the column takes."""
    if sent_at is None:
        return None
    seconds = round((received_at - sent_at).total_seconds())
    return max(-COUNT_MAX, min(seconds, COUNT_MAX))


def _scan(submission: Submission, user: User) -> Scan:
    received_at = timezone.now()
    return Scan(
        uid=submission.uid,
        station_id=submission.station or None,
        operator=submission.operator,
        cp=submission.cp,
        cp_base=submission.cp[:CP_BASE_LENGTH],
        oc1=submission.oc1,
        oc2=submission.oc2,
        defect_id=submission.defect,
        note=submission.note,
        raw=submission.raw,
        scanned_at=submission.scanned_at,
        scanned_offset_minutes=offset_minutes(submission.scanned_at),
        received_at=received_at,
        recorded_by_id=user.pk,
        device=submission.device,
        sequence=submission.sequence,
        clock_skew_seconds=_skew_seconds(received_at, submission.sent_at),
    )


# Reads `scan_cp`, of the few scans of this CP `event_of_scan`.
_EARLIER_SCAN = """
SELECT r.number, s.uid, s.scanned_at
FROM (SELECT MAX(number) AS number FROM scans_revision) r
LEFT JOIN (
    scans_scan s LEFT JOIN scans_event e ON e.scan_id = s.id
) ON s.cp = %s AND e.id IS NULL
ORDER BY s.scanned_at, s.id
LIMIT 1
"""


class Earlier(NamedTuple):
    """A scan of the same CP."""

    uid: UUID
    scanned_at: datetime


def _look_up(cp: str) -> tuple[Floor, Earlier | None]:
    """The floor, and the first valid scan of this CP, in one statement.

    That may be the same one, sent again: the unique key on `uid` finds out. Two that arrive at the
    same moment don't see each other: a piece lies at one station at a time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER_SCAN, [cp])
        revision, uid, scanned_at = cursor.fetchone()
    floor = floor_at(revision or 0)
    return floor, Earlier(UUID(uid), scanned_at.replace(tzinfo=UTC)) if uid is not None else None


def objections(scan: Scan, floor: Floor, *, is_repeated: bool) -> Errors:
    """What the master data has against this scan."""
    errors: Errors = {}
    defect = floor.defects.get(scan.defect_id)
    if defect is None or not defect.active:
        errors["defect"] = [_("No defect has the code %(code)s.") % {"code": scan.defect_id}]
    elif defect.note_required and not scan.note:
        errors["note"] = [_("This defect needs a note.")]
    operator = floor.operators.get(scan.operator)
    if operator is not None and not operator.active:
        errors["operator"] = [
            _("The badge %(badge)s is no longer active.") % {"badge": scan.operator}
        ]
    station = scan.station_id or ""
    if station and floor.station(station) is None:
        errors["station"] = [_("No station is called %(code)s.") % {"code": station}]
    policy = floor.profile_of(station).repeat_policy
    if is_repeated and policy == Profile.RepeatPolicy.BLOCK:
        errors["cp"] = [_("%(cp)s was scanned before.") % {"cp": scan.cp}]
    return errors


# What the station said. Who was signed in when it got through is no part of it: a scan that waited
# for a new sign-in is still the same scan. Nor is the raw text: a repair may get better.
_CONTENT = (
    "station_id", "operator", "cp", "oc1", "oc2", "defect_id", "note", "scanned_at",
    "scanned_offset_minutes",
)  # fmt: skip
# As far as both say it: a newer page sends again what an older one has kept.
_OPTIONAL_CONTENT = ("device", "sequence")


def _differ(one: Scan, other: Scan) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in _CONTENT) or any(
        len({getattr(one, name), getattr(other, name)} - {None}) > 1 for name in _OPTIONAL_CONTENT
    )


def _stored_before(scan: Scan) -> Scan | None:
    """The row under this scan's id. Raises ScanConflict when it says something else."""
    stored = Scan.objects.filter(uid=scan.uid).first()
    if stored is not None and _differ(stored, scan):
        raise ScanConflict
    return stored


def _prepared(field: Any) -> Callable[..., Any] | None:
    """What makes of a value what the database is sent; nothing for what is sent as it is."""
    told = field.target_field if field.is_relation else field
    is_plain = isinstance(told, models.CharField | models.IntegerField)
    return None if is_plain else field.get_db_prep_save


# All columns but the number, which the database gives. In SQL, as the ORM takes 0.1 ms longer.
_COLUMNS = [field for field in Scan._meta.concrete_fields if not field.primary_key]
_VALUES = [(field.attname, _prepared(field)) for field in _COLUMNS]
_SCAN = (
    f"INSERT INTO `{Scan._meta.db_table}` "  # noqa: S608 - of our own names
    f"({', '.join(f'`{field.column}`' for field in _COLUMNS)}) "
    f"VALUES ({', '.join('%s' for _ in _COLUMNS)})"
)


def _store(scan: Scan) -> None:
    """Insert its row."""
    database = connections[DEFAULT_DB_ALIAS]
    values = [
        getattr(scan, name) if prepare is None else prepare(getattr(scan, name), database)
        for name, prepare in _VALUES
    ]
    with database.cursor() as cursor:
        cursor.execute(_SCAN, values)
        scan.pk = cursor.lastrowid
    scan._state.adding, scan._state.db = False, database.alias


def _as_a_whole() -> AbstractContextManager[object]:
    """Around one statement, which is a transaction of its own and needs no COMMIT.

    Within a caller's transaction it gets a savepoint, or an error would end that.
    """
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


@retried_whole
def record_scan(submission: Submission, user: User) -> tuple[Scan, bool]:
    """Store a scan; returns its row, and whether it is new.

    Raises Refused when its codes do not look as they should or are not known, or its CP was scanned
    before and the station's profile blocks that; ScanConflict when its id is taken by a scan with
    other content. Nothing is stored then.

    Tried again when the database fails it, look-up included: the id tells what became of it.
    """
    scan = _scan(submission, user)
    floor, first = _look_up(scan.cp)
    # One delivered late is no re-inspection of what was scanned after it.
    if first is not None and first.scanned_at <= scan.scanned_at:
        scan.reinspection_of_id = first.uid
    errors = objections(scan, floor, is_repeated=first is not None)
    if errors := errors | misfits(submission, floor.codes):
        # Master data may have changed since the first try was stored and its answer lost.
        if stored := _stored_before(scan):
            return stored, False
        raise Refused(errors)
    try:
        with _as_a_whole():
            _store(scan)
    except IntegrityError:
        # The unique key on `uid` decides, also between two that arrive at the same moment.
        if stored := _stored_before(scan):
            return stored, False
        raise
    return scan, True


def record_incident(report: Report, user: User) -> tuple[Incident, bool]:
    """Store an incident; returns its row, and whether it is new.

    Nobody is asked about it again: a station that is not known any more is left out.
    """
    incident = Incident(
        uid=report.uid,
        kind=report.kind,
        happened_at=report.at,
        station=current_floor().stations.get(report.station),
        device=report.device,
        codes=report.codes,
        received_at=timezone.now(),
        recorded_by=user,
    )
    try:
        with _as_a_whole():
            incident.save(force_insert=True)
    except IntegrityError:
        if stored := Incident.objects.filter(uid=report.uid).first():
            return stored, False
        raise
    return incident, True
