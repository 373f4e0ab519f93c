"""Tells what happened to a piece: what was scanned, corrected, proposed, and left unfinished."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from scans.barcode import repair
from scans.floor import Floor, current_floor
from scans.models import Decision, Event, Incident, Proposal, Scan
from scans.replacing import content_of

# More scans of one piece are no work but a mistake: the newest count.
MOST_SCANS = 200
# What a station did instead of a scan, it did around a scan of the piece.
AROUND = timedelta(hours=1)
MOST_WINDOWS = 20
# What is delivered later than that had to wait: for the network, the server, a sign-in.
LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Change:
    """What one field said, and what it says now; in words where it has any."""

    name: str
    label: str
    old: str
    new: str


@dataclass(frozen=True)
class Entry:
    """Something that happened, as the template of its kind tells it."""

    kind: str
    at: datetime
    scan: Scan | None = None
    event: Event | None = None
    proposal: Proposal | None = None
    decision: Decision | None = None
    incident: Incident | None = None
    changes: list[Change] = field(default_factory=list)
    late_seconds: int = 0


@dataclass(frozen=True)
class Timeline:
    """All of it, the oldest first."""

    cp: str
    entries: list[Entry]
    # The newest valid scan: what the piece is now.
    state: Scan | None
    is_cut: bool


def labels() -> dict[str, str]:
    return {
        "operator": _("operator"),
        "cp": "CP",
        "oc1": "OC1",
        "oc2": "OC2",
        "defect": _("defect"),
        "note": _("note"),
    }


def in_words(name: str, code: str, floor: Floor) -> str:
    """A code with what it stands for."""
    if name == "defect" and (defect := floor.defects.get(code)):
        return f"{code} {defect.name}"
    if name == "operator" and (operator := floor.operators.get(code)):
        return f"{code} {operator.name}"
    return code


def changes_between(old: Mapping[str, str], new: Mapping[str, str], floor: Floor) -> list[Change]:
    """What `new` says otherwise; what it does not name stays."""
    return [
        Change(name, label, in_words(name, old[name], floor), in_words(name, new[name], floor))
        for name, label in labels().items()
        if name in new and new[name] != old[name]
    ]


def timeline_of(cp: str) -> Timeline:
    """What happened to the piece with this CP. Reads `scan_cp`, and what belongs to its scans."""
    floor = current_floor()
    found: list[Any] = list(
        Scan.objects.with_voids()
        .filter(cp=cp)
        .select_related("defect", "station", "recorded_by", "reinspection_of")
        .order_by("-scanned_at", "-pk")[: MOST_SCANS + 1]
    )
    scans = found[:MOST_SCANS]
    ids = [scan.pk for scan in scans]
    events = (
        Event.objects.filter(Q(scan__in=ids) | Q(replacement__in=ids))
        .select_related("scan", "replacement", "recorded_by", "station")
        .order_by("pk")
    )
    entries: list[Entry] = []
    replacements, ended = set(), {}
    for event in events:
        ended[event.scan_id] = event
        changes: list[Change] = []
        if event.replacement is not None:
            replacements.add(event.replacement_id)
            old, new = content_of(event.scan), content_of(event.replacement)
            changes = changes_between(old, new, floor)
        entries.append(
            Entry(event.kind, event.happened_at, scan=event.scan, event=event, changes=changes)
        )
    # A replacement is of the same moment as what it replaces: its event tells of it.
    entries += [_scanned(scan, ended.get(scan.pk)) for scan in scans if scan.pk not in replacements]
    entries += _proposed(ids, floor)
    entries += _left(cp, scans)
    return Timeline(
        cp=cp,
        entries=sorted(entries, key=lambda entry: entry.at),
        state=next((scan for scan in scans if not scan.is_voided), None),
        is_cut=len(found) > MOST_SCANS,
    )


def _scanned(scan: Scan, ended_by: Event | None) -> Entry:
    return Entry(
        "scan", scan.scanned_at, scan=scan, event=ended_by, late_seconds=late_seconds_of(scan)
    )


def late_seconds_of(scan: Scan) -> int:
    """How long a browser kept it, if long. What others wrote down later is no delivery."""
    late = scan.received_at - scan.scanned_at
    return round(late.total_seconds()) if scan.device is not None and late > LATE else 0


def _proposed(ids: list[int], floor: Floor) -> list[Entry]:
    entries = []
    proposals = Proposal.objects.filter(scan__in=ids).select_related(
        "scan", "proposed_by", "decision__decided_by"
    )
    for proposal in proposals:
        changes = changes_between(content_of(proposal.scan), proposal.content, floor)
        entries.append(
            Entry(
                "proposal",
                proposal.proposed_at,
                scan=proposal.scan,
                proposal=proposal,
                changes=changes,
            )
        )
        decision = getattr(proposal, "decision", None)
        if decision is not None:
            entries.append(
                Entry(
                    "decision",
                    decision.decided_at,
                    scan=proposal.scan,
                    proposal=proposal,
                    decision=decision,
                )
            )
    return entries


def _left(cp: str, scans: list[Any]) -> list[Entry]:
    """Double reads and unfinished pieces around its scans. Reads `incident_time`."""
    around = Q()
    for scan in scans[:MOST_WINDOWS]:
        moment = scan.scanned_at
        around |= Q(happened_at__gt=moment - AROUND, happened_at__lt=moment + AROUND)
    if not around:
        return []
    found = Incident.objects.filter(around, codes__cp__isnull=False).select_related("station")
    return [
        Entry("incident", incident.happened_at, incident=incident)
        for incident in found
        if repair(str(incident.codes["cp"])) == cp
    ]
