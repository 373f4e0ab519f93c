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

# No station is without its server for longer than it says. So far back reaches who lies about the
# moment, and no further.
LATEST = timedelta(days=1)


class NotAllowed(Exception):
    """This scan is not this station's to void any more; the message says why."""


def _is_own(scan: Scan, void: Void, user: User, bound: str) -> bool:
    """Whether the station that says so has made the scan.

    Anybody can write a station's name: the browser is bound to it, or else the login is the same.
    """
    if (scan.station_id or "") != void.station:
        return False
    if bound and void.station:
        return bound == void.station
    return scan.recorded_by_id == user.pk


def _check(scan: Scan, void: Void, undo_seconds: int) -> None:
    """Whether it is not too late for the station. Raises NotAllowed."""
    # By the station's clock, be it right or wrong: it may be sent hours later.
    is_late = void.voided_at - scan.scanned_at > timedelta(seconds=undo_seconds)
    if is_late or timezone.now() - scan.received_at > LATEST:
        raise NotAllowed(
            _("A scan can be undone within %(seconds)d s. Quality can void it later.")
            % {"seconds": undo_seconds}
        )


def void_scan(
    uid: UUID, void: Void, user: User, *, may_correct_any: bool, bound: str = ""
) -> tuple[Event, bool]:
    """Append that a scan counts no more; returns the event, and whether it is new.

    A scan is voided once: who says so later gets the first one's event. A station, whose browser
    is `bound` to it, knows no scans but its own. Raises Scan.DoesNotExist, and NotAllowed when it
    is too late.
    """
    revision = Subquery(Revision.objects.values("number")[:1])
    scan: Any = Scan.objects.with_voids().annotate(revision=revision).get(uid=uid)
    if not may_correct_any and not _is_own(scan, void, user, bound):
        raise Scan.DoesNotExist
    if scan.is_voided:
        return scan.events.get(), False
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
        # `event_of_scan` decides between two that arrive at the same moment.
        if stored := scan.events.first():
            return stored, False
        raise
    return event, True
