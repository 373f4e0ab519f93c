"""The running shift on a screen on the wall, which asks again and again whether anything is new."""

import hashlib
from dataclasses import asdict
from typing import Any, cast

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.rights import api, page
from scans.floor import floor_at, held_floor
from scans.reporting.board import PENDING_MOST, PENDING_OLDEST, SILENT_AFTER, Board, board
from scans.shifts import shift_at

WHO_MAY = "scans.view_board"


def _running() -> Board:
    """The running shift, in one statement; once more only where shifts have just been changed."""
    now = timezone.now()
    known = held_floor()
    found = board(shift_at(now, known.starts), now)
    floor = floor_at(found.revision)
    if floor.starts != known.starts:
        found = board(shift_at(now, floor.starts), now)
    return found


def _as_dict(found: Board) -> dict[str, Any]:
    shift = found.shift
    return {
        "shift": {"day": shift.day, "name": shift.name, "start": shift.start, "end": shift.end},
        "lines": [
            {"name": line.name, "stations": [asdict(station) for station in line.stations]}
            for line in found.lines
        ],
        # A page of another version, or with other limits, reads other words of it.
        "limits": {
            "silent_seconds": SILENT_AFTER.total_seconds(),
            "pending_most": PENDING_MOST,
            "pending_seconds": PENDING_OLDEST.total_seconds(),
        },
    }


def _as_text(found: Board) -> tuple[str, str]:
    """The board as JSON, and the tag that tells this state of it from every other one."""
    text = DjangoJSONEncoder(separators=(",", ":")).encode(_as_dict(found))
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


@require_safe
@page(WHO_MAY)
@never_cache
def board_page(request: HttpRequest) -> HttpResponse:
    """Line by line, station by station; the script draws it, and keeps it up to date."""
    text, tag = _as_text(_running())
    # In a script's element, which is never run: a "<" there may end it.
    context = {"text": text.replace("<", "\\u003c"), "tag": tag, "now": timezone.now()}
    return render(request, "scans/board.html", context)


@require_safe
@api(WHO_MAY)
def board_json(request: HttpRequest) -> HttpResponseBase:
    """304 and nothing else for who has this state already. It is no sign of a person."""
    text, tag = _as_text(_running())
    answer = HttpResponse(text, content_type="application/json", headers={"ETag": tag})
    return cast(HttpResponse, get_conditional_response(request, etag=tag, response=answer))
