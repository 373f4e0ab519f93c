"""The page of a scan, and what people of quality do about it."""

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from accounts.rights import page
from scans.corrections import Ended, NotAllowed, Proposed, correct_scan
from scans.floor import current_floor
from scans.models import Event, Proposal, Scan
from scans.replacing import CORRECTABLE, content_of
from scans.reporting.timeline import in_words, labels, late_seconds_of, timeline_of
from scans.submission import Errors, Refused

VIEW = "scans.view_scan"
CORRECT = "scans.correct_scan"
LONG_SECONDS = 300


def _scan(uid: UUID) -> Any:
    """Raises Http404."""
    scans = Scan.objects.with_voids().select_related(
        "defect", "station", "recorded_by", "reinspection_of"
    )
    return get_object_or_404(scans, uid=uid)


def _proposal(scan: Scan) -> Proposal | None:
    """What waits for a second person."""
    return scan.proposals.filter(decision=None).select_related("proposed_by").first()


def _closed(event: Event | None, proposal: Proposal | None) -> str:
    """Why a scan cannot be corrected now; "" when it can."""
    if event is not None:
        return str(Ended(event))
    return str(Proposed(proposal)) if proposal is not None else ""


def _lasting(seconds: int) -> str:
    """In words, where seconds say nothing to people."""
    if seconds < LONG_SECONDS:
        return f"{seconds} s"
    moment = timezone.now()
    return timesince(moment - timedelta(seconds=seconds), moment)


@require_GET
@page(VIEW)
def record(request: HttpRequest, uid: UUID) -> HttpResponse:
    """What was recorded, in words, and what became of it."""
    scan = _scan(uid)
    floor = current_floor()
    clock_off_seconds = abs(scan.clock_skew_seconds or 0)
    event = scan.events.select_related("replacement", "recorded_by").first()
    proposal = _proposal(scan)
    context = {
        "scan": scan,
        "event": event,
        "replaced": Event.objects.filter(replacement=scan).select_related("scan").first(),
        "proposal": proposal,
        "is_open": event is None and not (proposal and floor.settings.four_eyes),
        "operator": in_words("operator", scan.operator, floor),
        "raw": [(labels().get(name, name), text) for name, text in scan.raw.items()],
        "is_late": late_seconds_of(scan) > 0,
        "clock_off_by": _lasting(clock_off_seconds),
        "clock_was_off": clock_off_seconds > floor.settings.clock_off_seconds,
        "timeline": timeline_of(scan.cp),
    }
    return render(request, "scans/record.html", context)


# ----- Correcting


@require_http_methods(["GET", "HEAD", "POST"])
@page(CORRECT)
def correct(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A form by which a scan is voided or replaced, or that is proposed."""
    scan = _scan(uid)
    errors: Errors = {}
    problem = ""
    if request.method == "POST":
        try:
            done = correct_scan(uid, request.POST, cast(User, request.user))
        except Refused as refused:
            errors = refused.errors
        except NotAllowed as error:
            problem = str(error)
        else:
            messages.success(request, _said(done))
            return redirect("scans:scan", _shown(done).uid)
    floor = current_floor()
    values = content_of(scan) | {
        name: request.POST[name] for name in CORRECTABLE if name in request.POST
    }
    event = scan.events.select_related("recorded_by").first()
    context = {
        "scan": scan,
        "event": event,
        "closed": _closed(event, _proposal(scan) if floor.settings.four_eyes else None),
        "kind": request.POST.get("kind", Event.Kind.REPLACE),
        "fields": [
            {"name": name, "label": label, "value": values[name], "errors": errors.get(name)}
            for name, label in labels().items()
        ],
        "reason": request.POST.get("reason", ""),
        "errors": errors,
        "problem": problem,
        "defects": [
            defect
            for defect in floor.defects.values()
            if defect.active or defect.code == scan.defect_id
        ],
        "operators": [operator for operator in floor.operators.values() if operator.active],
        "four_eyes": floor.settings.four_eyes,
    }
    status = 422 if errors else 409 if problem else 200
    return render(request, "scans/correct.html", context, status=status)


def _said(done: Event | Proposal) -> str:
    if isinstance(done, Proposal):
        return _("Proposed. The scan counts as it stands until somebody else agrees.")
    if done.kind == Event.Kind.VOID:
        return _("Voided. The scan counts no more.")
    return _("Replaced. This is the scan that counts now.")


def _shown(done: Event | Proposal) -> Scan:
    """The scan that one wants to see then."""
    return getattr(done, "replacement", None) or done.scan
