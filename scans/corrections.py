"""Corrects what was recorded: by events, never by changing a record."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.floor import floor_at
from scans.models import Event, Revision, Scan
from scans.recording import offset_minutes
from scans.submission import Void


class NotAllowed(Exception):
    """This scan is not this station's to void any more; the message says why."""


def _check(scan: Scan, void: Void, undo_seconds: int) -> None:
    """Whether a station may take back its own scan. Raises NotAllowed."""
    if (scan.station_id or "") != void.station:
        raise NotAllowed(_("This scan was made at another station."))
    # By the station's clock, be it right or wrong: it may be sent hours later.
    if void.voided_at - scan.scanned_at > timedelta(seconds=undo_seconds):
        raise NotAllowed(
            _("A scan can be undone within %(seconds)d s. Quality can void it later.")
            % {"seconds": undo_seconds}
        )


def void_scan(uid: UUID, void: Void, user: User, *, may_correct_any: bool) -> tuple[Event, bool]:
    """Append that a scan counts no more; returns the event, and whether it is new.

    A scan is voided once: who says so later gets the first one's event. Raises Scan.DoesNotExist,
    and NotAllowed for a station that may not void it.
    """
    revision = Subquery(Revision.objects.values("number")[:1])
    scan: Any = Scan.objects.with_voids().annotate(revision=revision).get(uid=uid)
    if scan.is_voided:
        return scan.events.get(kind=Event.Kind.VOID), False
    floor = floor_at(scan.revision)
    if not may_correct_any:
        _check(scan, void, floor.profile_of(scan.station_id or "").undo_seconds)
    event = Event(
        scan=scan,
        kind=Event.Kind.VOID,
        reason=void.reason,
        station=floor.stations.get(void.station),
        happened_at=void.voided_at,
        happened_offset_minutes=offset_minutes(void.voided_at),
        received_at=timezone.now(),
        recorded_by=user,
    )
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError:
        # `event_once` decides between two that arrive at the same moment.
        if stored := scan.events.filter(kind=Event.Kind.VOID).first():
            return stored, False
        raise
    return event, True
