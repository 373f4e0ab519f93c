"""Makes the scan that takes the place of one that said something wrong."""

from collections.abc import Mapping
from uuid import uuid4

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.barcode import CP_BASE_LENGTH, FIELDS
from scans.floor import Floor
from scans.models import Scan
from scans.recording import objections
from scans.submission import Errors, Refused, misfit

# What may be put right: what the operator scanned or wrote. Where and when it was stays.
CORRECTABLE = (*FIELDS, "note")


def content_of(scan: Scan) -> dict[str, str]:
    """What a scan says of the piece, by the names under which it is sent."""
    return {
        "operator": scan.operator,
        "cp": scan.cp,
        "oc1": scan.oc1,
        "oc2": scan.oc2,
        "defect": scan.defect_id,
        "note": scan.note,
    }


def changes_of(scan: Scan, content: Mapping[str, str], floor: Floor) -> dict[str, str]:
    """What `content` says otherwise than the scan. Raises Refused when it cannot be said so.

    What stays as it was is not judged once more: a badge or a defect may have been given up since.
    """
    before = content_of(scan)
    changes = {name: value for name, value in content.items() if value != before[name]}
    if not changes:
        raise Refused({"content": [_("This is what the scan says already.")]})
    errors: Errors = {
        name: [misfit(name, code, floor.codes)]
        for name, code in changes.items()
        if name in FIELDS and not floor.codes.matches(name, code)
    }
    judged = changes.keys() | ({"note"} if "defect" in changes else set())
    found = objections(_changed(scan, changes), floor, is_repeated=False)
    if errors := {name: found[name] for name in found.keys() & judged} | errors:
        raise Refused(errors)
    return changes


def _changed(scan: Scan, changes: Mapping[str, str]) -> Scan:
    content = content_of(scan) | dict(changes)
    return Scan(
        station_id=scan.station_id,
        operator=content["operator"],
        cp=content["cp"],
        cp_base=content["cp"][:CP_BASE_LENGTH],
        oc1=content["oc1"],
        oc2=content["oc2"],
        defect_id=content["defect"],
        note=content["note"],
        scanned_at=scan.scanned_at,
        scanned_offset_minutes=scan.scanned_offset_minutes,
    )


def replacement_of(scan: Scan, changes: Mapping[str, str], user: User) -> Scan:
    """The new one, not yet stored: of the same moment and station, and no browser's."""
    replacement = _changed(scan, changes)
    replacement.uid = uuid4()
    replacement.received_at = timezone.now()
    replacement.recorded_by = user
    # Reads `scan_cp`, as recording does; the one that is replaced counts no more.
    first = (
        Scan.objects.valid()
        .filter(cp=replacement.cp)
        .exclude(pk=scan.pk)
        .order_by("scanned_at", "pk")
        .first()
    )
    if first is not None and first.scanned_at <= replacement.scanned_at:
        replacement.reinspection_of_id = first.uid
    return replacement
