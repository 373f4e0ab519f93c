"""Corrects what was recorded: by events, never by changing a record."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from scans.floor import current_floor, floor_at
from scans.models import Event, Proposal, Revision, Scan, Station
from scans.recording import offset_minutes
from scans.replacing import CORRECTABLE, changes_of, replacement_of
from scans.submission import Refused, Void, read_correction

# No station is without its server for longer than it says. So far back reaches who lies about the
# moment, and no further.
LATEST = timedelta(days=1)


class NotAllowed(Exception):
    """This cannot be done, or not by this person or station any more; the message says why."""


class Ended(NotAllowed):
    """The scan was voided or replaced before; the message says by whom, when and why."""

    def __init__(self, event: Event) -> None:
        self.event = event
        texts = {
            Event.Kind.VOID: _("%(who)s voided this scan on %(when)s: %(why)s"),
            Event.Kind.REPLACE: _("%(who)s replaced this scan on %(when)s: %(why)s"),
        }
        super().__init__(
            texts[Event.Kind(event.kind)]
            % {
                "who": event.recorded_by.get_username(),
                "when": date_format(timezone.localtime(event.happened_at), "SHORT_DATETIME_FORMAT"),
                "why": event.reason,
            }
        )


class Proposed(NotAllowed):
    """Another correction of this scan waits for a second person."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        super().__init__(
            _("%(who)s has proposed a correction of this scan: that one is to be decided first.")
            % {"who": proposal.proposed_by.get_username()}
        )


def lock(pk: int) -> Scan:
    """The scan, for the one transaction that may end it now. Raises Ended."""
    scan = Scan.objects.select_for_update().get(pk=pk)
    refuse_ended(scan)
    return scan


def refuse_ended(scan: Scan) -> None:
    """Raises Ended when an event has ended it."""
    if event := Event.objects.select_related("recorded_by").filter(scan=scan).first():
        raise Ended(event)


# ----- Voiding


def _is_own(scan: Scan, void: Void, user: User, bound: str) -> bool:
    """Whether the station that says so has made the scan.

    Anybody can write a station's name: the browser is bound to it, or else the login is the same.
    """
    if (scan.station_id or "") != void.station:
        return False
    if bound and void.station:
        return bound == void.station
    return scan.recorded_by_id == user.pk


def _is_late(scan: Scan, void: Void, undo_seconds: int) -> bool:
    """Whether it is too late for the station."""
    # By the station's clock, be it right or wrong: it may be sent hours later.
    is_late = void.voided_at - scan.scanned_at > timedelta(seconds=undo_seconds)
    return is_late or timezone.now() - scan.received_at > LATEST


def void_scan(
    uid: UUID, void: Void, user: User, *, may_correct_any: bool, bound: str = ""
) -> tuple[Event | Proposal, bool]:
    """Append that a scan counts no more; returns the event, and whether it is new.

    A scan ends once: who says so later gets the first event. A station, whose browser is `bound`
    to it, knows no scans but its own. Whoever may correct any proposes it, when that takes a second
    person. Raises Scan.DoesNotExist, and NotAllowed when it is too late.
    """
    revision = Subquery(Revision.objects.values("number")[:1])
    scan: Any = Scan.objects.with_voids().annotate(revision=revision).get(uid=uid)
    is_own = _is_own(scan, void, user, bound)
    if not may_correct_any and not is_own:
        raise Scan.DoesNotExist
    if scan.is_voided:
        return scan.events.get(), False
    floor = floor_at(scan.revision)
    undo_seconds = floor.profile_of(scan.station_id or "").undo_seconds
    is_undo = is_own and not _is_late(scan, void, undo_seconds)
    if not is_undo and not may_correct_any:
        raise NotAllowed(
            _("A scan can be undone within %(seconds)d s. Quality can void it later.")
            % {"seconds": undo_seconds}
        )
    if not is_undo and floor.settings.four_eyes:
        return _propose_void(scan, void.reason, user)
    event = _event(
        scan,
        Event.Kind.VOID,
        void.reason,
        user,
        happened_at=void.voided_at,
        station=floor.stations.get(void.station),
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


def _propose_void(scan: Scan, reason: str, user: User) -> tuple[Event | Proposal, bool]:
    try:
        return propose(scan, Event.Kind.VOID, {}, reason, user), True
    except Ended as ended:
        return ended.event, False
    except Proposed as proposed:
        # The same wish once more.
        if proposed.proposal.kind == Event.Kind.VOID and proposed.proposal.proposed_by == user:
            return proposed.proposal, False
        raise


def _event(
    scan: Scan,
    kind: Event.Kind,
    reason: str,
    user: User,
    *,
    happened_at: datetime,
    station: Station | None = None,
    replacement: Scan | None = None,
) -> Event:
    return Event(
        scan=scan,
        kind=kind,
        replacement=replacement,
        reason=reason,
        station=station,
        happened_at=happened_at,
        happened_offset_minutes=offset_minutes(happened_at),
        received_at=timezone.now(),
        recorded_by=user,
    )


def correct_scan(uid: UUID, form: Mapping[str, Any], user: User) -> Event | Proposal:
    """Do what somebody who may correct any scan has filled in: `kind`, `reason`, and the fields.

    Raises what replace_scan does, Ended also for a void.
    """
    kind, reason = form.get("kind"), str(form.get("reason", ""))
    if kind not in Event.Kind.values:
        raise Refused({"kind": [_("Say what shall become of it.")]})
    if kind == Event.Kind.REPLACE:
        content = {name: str(form[name]) for name in CORRECTABLE if name in form}
        return replace_scan(uid, content, reason, user)
    reason = read_correction({"reason": reason}).reason
    scan = Scan.objects.get(uid=uid)
    if current_floor().settings.four_eyes:
        return propose(scan, Event.Kind.VOID, {}, reason, user)
    with transaction.atomic():
        return end(lock(scan.pk), Event.Kind.VOID, {}, reason, user)


# ----- Replacing


def replace_scan(
    uid: UUID, content: Mapping[str, Any], reason: str, user: User
) -> Event | Proposal:
    """Put another scan in the place of one, or propose it when that takes a second person.

    `content` has the fields that may be otherwise, as somebody typed them. Raises
    Scan.DoesNotExist; Refused with what is wrong, by field ("content": nothing is otherwise);
    NotAllowed when the scan has ended or something is proposed already.
    """
    correction = read_correction({**content, "reason": reason})
    scan = Scan.objects.get(uid=uid)
    floor = current_floor()
    if floor.settings.four_eyes:
        changes = changes_of(scan, correction.content, floor)
        return propose(scan, Event.Kind.REPLACE, changes, correction.reason, user)
    with transaction.atomic():
        scan = lock(scan.pk)
        changes = changes_of(scan, correction.content, floor)
        return end(scan, Event.Kind.REPLACE, changes, correction.reason, user)


def end(scan: Scan, kind: str, changes: Mapping[str, str], reason: str, user: User) -> Event:
    """Void or replace a scan that this transaction has locked; `changes` are good."""
    replacement = None
    if kind == Event.Kind.REPLACE:
        replacement = replacement_of(scan, changes, user)
        replacement.save(force_insert=True)
    event = _event(
        scan,
        Event.Kind(kind),
        reason,
        user,
        happened_at=timezone.localtime(),
        replacement=replacement,
    )
    event.save(force_insert=True)
    return event


def propose(
    scan: Scan, kind: Event.Kind, changes: Mapping[str, str], reason: str, user: User
) -> Proposal:
    """Have a correction wait for a second person. Raises Ended and Proposed."""
    with transaction.atomic():
        scan = lock(scan.pk)
        waiting = scan.proposals.filter(decision=None).select_related("proposed_by")
        if before := waiting.first():
            raise Proposed(before)
        return Proposal.objects.create(
            scan=scan,
            kind=kind,
            content=dict(changes),
            reason=reason,
            proposed_by=user,
            proposed_at=timezone.now(),
        )
