"""Records a scan: once, however often it is sent."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.barcode import CP_BASE_LENGTH
from scans.models import Defect, Operator, Scan, Station
from scans.submission import Errors, ScanRefused, Submission


class ScanConflict(Exception):
    """Another scan was stored under the same id."""


def _unknown_codes(submission: Submission) -> Errors:
    """What the master data has against this scan."""
    errors: Errors = {}
    defect = Defect.objects.filter(code=submission.defect, active=True).first()
    if defect is None:
        errors["defect"] = [_("No defect has the code %(code)s.") % {"code": submission.defect}]
    elif defect.note_required and not submission.note:
        errors["note"] = [_("This defect needs a note.")]
    operator = Operator.objects.filter(badge=submission.operator).first()
    if operator is not None and not operator.active:
        errors["operator"] = [
            _("The badge %(badge)s is no longer active.") % {"badge": submission.operator}
        ]
    if (
        submission.station
        and not Station.objects.filter(code=submission.station, active=True).exists()
    ):
        errors["station"] = [_("No station is called %(code)s.") % {"code": submission.station}]
    return errors


def _scan(submission: Submission, user: User) -> Scan:
    offset = submission.scanned_at.utcoffset()
    assert offset is not None  # noqa: S101 - submission.read() lets no other time through
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
        scanned_offset_minutes=int(offset.total_seconds() // 60),
        received_at=timezone.now(),
        recorded_by=user,
    )


# What the station said. Who was signed in when it got through is no part of it: a scan that waited
# for a new sign-in is still the same scan. Nor is the raw text: a repair may get better.
_CONTENT = (
    "station_id", "operator", "cp", "oc1", "oc2", "defect_id", "note", "scanned_at",
    "scanned_offset_minutes",
)  # fmt: skip


def _stored_before(scan: Scan) -> Scan | None:
    """The row under this scan's id. Raises ScanConflict when it says something else."""
    stored = Scan.objects.filter(uid=scan.uid).first()
    if stored is not None and any(
        getattr(stored, name) != getattr(scan, name) for name in _CONTENT
    ):
        raise ScanConflict
    return stored


def record_scan(submission: Submission, user: User) -> tuple[Scan, bool]:
    """Store a scan; returns its row, and whether it is new.

    Raises ScanRefused when its codes are not known, ScanConflict when its id is taken by a scan
    with other content. Nothing is stored then.
    """
    scan = _scan(submission, user)
    if errors := _unknown_codes(submission):
        # Master data may have changed since the first try was stored and its answer lost.
        if stored := _stored_before(scan):
            return stored, False
        raise ScanRefused(errors)
    try:
        with transaction.atomic():
            scan.save(force_insert=True)
    except IntegrityError:
        # The unique key on `uid` decides, also between two that arrive at the same moment.
        if stored := _stored_before(scan):
            return stored, False
        raise
    return scan, True
