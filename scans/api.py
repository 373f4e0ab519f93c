"""What the station page speaks with: JSON in, JSON out."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.rights import api
from accounts.sessions import SessionStore
from scans import binding, queries
from scans.corrections import NotAllowed, void_scan
from scans.floor import bootstrap, current_floor, floor_at, held_floor
from scans.models import APPROVED, Event, Proposal, Scan
from scans.models.records import local
from scans.pace import paced
from scans.presence import note_heartbeat
from scans.recording import ScanConflict, record_incident, record_scan
from scans.shifts import shift_at
from scans.submission import Refused, read, read_heartbeat, read_incident, read_tally, read_void

MAX_BODY_BYTES = 16 * 1024
RECORD = "scans.record_scan"
CORRECT = "scans.correct_scan"


def _body(request: HttpRequest) -> bytes | None:
    """The body; None when it is longer than a scan may be."""
    length = request.META.get("CONTENT_LENGTH")
    if length and int(length) > MAX_BODY_BYTES:
        return None
    if not length and request.META.get("wsgi.input_terminated"):
        # Sent in chunks, as some proxies do: no length is told, gunicorn knows where it ends.
        body: bytes = request.META["wsgi.input"].read(MAX_BODY_BYTES + 1)
        return body if len(body) <= MAX_BODY_BYTES else None
    return request.body


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Each field once: of two that differ, who reads along may believe the other."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A field is there twice.")
    return found


def _error(message: str, *, status: int) -> JsonResponse:
    return JsonResponse({"error": message}, status=status)


def takes_object(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """Gives the view the JSON object of the body: 400 and 413 without one, 422 when refused."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        body = _body(request)
        if body is None:
            message = _("A scan has at most %(limit)d bytes.") % {"limit": MAX_BODY_BYTES}
            return _error(message, status=413)
        try:
            payload = json.loads(body, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return _error(_("Send one scan as a JSON object."), status=400)
        try:
            return view(request, payload, *args, **kwargs)
        except Refused as refused:
            return JsonResponse({"errors": refused.errors}, status=422)

    return answer


# ----- What a station records


def _as_json(scan: Scan | queries.Newest, *, is_voided: bool = False) -> dict[str, Any]:
    """A stored scan as the station gets it."""
    return {
        "id": str(scan.uid),
        "station": scan.station_id or "",
        "operator": scan.operator,
        "cp": scan.cp,
        "oc1": scan.oc1,
        "oc2": scan.oc2,
        "defect": scan.defect_id,
        "approved": scan.defect_id == APPROVED,
        "note": scan.note,
        "scanned_at": local(scan.scanned_at, scan.scanned_offset_minutes).isoformat(),
        "received_at": scan.received_at.isoformat(),
        "clock_skew_seconds": scan.clock_skew_seconds,
        "reinspection_of": str(scan.reinspection_of_id) if scan.reinspection_of_id else None,
        "voided": is_voided,
    }


@require_POST
@api(RECORD)
@paced
@takes_object
def record(request: HttpRequest, payload: dict[str, Any]) -> JsonResponse:
    """Store one scan. Statuses: see the contract in scans/README.md."""
    try:
        scan, created = record_scan(read(payload), cast(User, request.user))
    except ScanConflict:
        return _error(_("Another scan was stored under this id. Nothing was changed."), status=409)
    # As it was stored, and so the same each time: whether it was voided since is not asked.
    return JsonResponse(_as_json(scan), status=201 if created else 200)


def _void_as_json(event: Event | Proposal, uid: UUID) -> dict[str, Any]:
    if isinstance(event, Proposal):
        return {"id": str(uid), "voided": False, "proposed": True}
    return {
        "id": str(uid),
        "voided": True,
        "reason": event.reason,
        "voided_at": event.happened_at_local.isoformat(),
        "received_at": event.received_at.isoformat(),
    }


@require_POST
@api(RECORD, CORRECT)
@paced
@takes_object
def void(request: HttpRequest, payload: dict[str, Any], uid: UUID) -> JsonResponse:
    """Append that a scan counts no more: a station its own of the last minute, quality any.

    202: it counts until a second person agrees.
    """
    user = cast(User, request.user)
    try:
        event, created = void_scan(
            uid,
            read_void(payload),
            user,
            may_correct_any=user.has_perm(CORRECT),
            bound=binding.bound_station(request),
        )
    except Scan.DoesNotExist:
        return _error(_("There is no such scan."), status=404)
    except NotAllowed as error:
        return _error(str(error), status=409)
    answer = _void_as_json(event, uid)
    if isinstance(event, Proposal):
        return JsonResponse(answer, status=202)
    return JsonResponse(answer, status=201 if created else 200)


@require_POST
@api(RECORD)
@paced
@takes_object
def incidents(request: HttpRequest, payload: dict[str, Any]) -> JsonResponse:
    """Store what a station did instead of recording a scan."""
    incident, created = record_incident(read_incident(payload), cast(User, request.user))
    answer = {
        "id": str(incident.uid),
        "kind": incident.kind,
        "received_at": incident.received_at.isoformat(),
    }
    return JsonResponse(answer, status=201 if created else 200)


@require_POST
@api(RECORD)
@paced
@takes_object
def heartbeat(request: HttpRequest, payload: dict[str, Any]) -> JsonResponse:
    """Note that a browser is there; the answer says whether the floor has changed."""
    revision = note_heartbeat(read_heartbeat(payload))
    cast(SessionStore, request.session).note_seen(by_person=False)
    return JsonResponse({"revision": revision})


# ----- What a station asks


@require_GET
@api(RECORD)
def recent(request: HttpRequest) -> JsonResponse:
    """The newest scans, the running shift's totals and an order's; `?station=` and `?cp_base=`."""
    now = timezone.now()
    station, base = request.GET.get("station", ""), request.GET.get("cp_base", "")
    known = held_floor()
    shift = shift_at(now, known.starts)
    found = queries.poll(shift, station=station, cp_base=base)
    floor = floor_at(found.revision)
    if floor.starts != known.starts:
        # Shifts have just been changed: once more, by the new ones.
        shift = shift_at(now, floor.starts)
        found = queries.poll(shift, station=station, cp_base=base)
    return JsonResponse(
        {
            "scans": [_as_json(scan, is_voided=scan.is_voided) for scan in found.scans],
            "totals": found.totals,
            "order": {"base": base, **found.order} if found.order is not None else None,
            "shift": {
                "name": shift.name,
                "start": shift.start.isoformat(),
                "end": shift.end.isoformat(),
            },
            "now": now.isoformat(),
            "revision": found.revision,
            # Where this browser stands, which the page learns of while it is open.
            "bound": floor.known(binding.bound_station(request)),
        }
    )


@require_GET
@api(RECORD)
def floor(request: HttpRequest) -> JsonResponse:
    """What the page was opened with, as it is now."""
    return JsonResponse(bootstrap(current_floor(), binding.bound_station(request)))


@require_GET
@api(RECORD)
def tally(request: HttpRequest) -> JsonResponse:
    """How many scans of `?device=` arrived that were made from `?since=` and before `?until=`."""
    try:
        device, since, until = read_tally(request.GET)
    except Refused as refused:
        return JsonResponse({"errors": refused.errors}, status=422)
    return JsonResponse({"count": queries.tally(device, since, until)})
