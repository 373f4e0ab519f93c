"""The pages with codes to scan: the sheet that is printed, and the card that tests a scanner."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from accounts.rights import page
from scans.barcode import COMMANDS
from scans.code128 import svg
from scans.floor import current_floor
from scans.models import APPROVED, Defect

# Layouts move its characters, each in its own way, and Caps Lock turns its letters around.
SCANNER_TEST = "Az-Qw/Ym;09"
COMMAND_NAMES = {"undo": _("Undo the last scan"), "clear": _("Start this piece again")}


@require_GET
@page("scans.record_scan", "scans.view_scan")
def sheet(request: HttpRequest) -> HttpResponse:
    """Active defects and commands, to be printed and to hang at a station; each `?code=` alone."""
    wanted = set(request.GET.getlist("code"))
    groups = _groups()
    known = [one for group in groups for one in group["codes"]]
    for one in known:
        one["is_chosen"] = one["code"] in wanted
    codes = [one for one in known if one["is_chosen"] or not wanted]
    for one in codes:
        one["drawing"] = svg(one["code"])
    context = {
        "groups": groups,
        "codes": codes,
        "known": known,
        "is_narrowed": bool(wanted),
        "now": timezone.now(),
    }
    return render(request, "scans/sheet.html", context)


def _groups() -> list[dict[str, Any]]:
    """What each sheet needs, then the other defects by the tens of their codes."""
    needed: list[dict[str, Any]] = [
        {"sort": name, "code": code, "name": COMMAND_NAMES[name]} for name, code in COMMANDS.items()
    ]
    tens: dict[str, list[dict[str, Any]]] = {}
    for defect in Defect.objects.filter(active=True):
        one = {"code": defect.code, "name": defect.name, "note_required": defect.note_required}
        if defect.code == APPROVED:
            needed.insert(0, one | {"sort": "approved"})
        else:
            tens.setdefault(defect.code[:-1], []).append(one | {"sort": "reject"})
    titles = ["", *("–".join(sorted({ten[0]["code"], ten[-1]["code"]})) for ten in tens.values())]
    return [
        {
            "title": title,
            "codes": codes,
            "query": urlencode([("code", one["code"]) for one in codes]),
        }
        for title, codes in zip(titles, [needed, *tens.values()], strict=True)
    ]


@require_GET
@page("scans.record_scan", "scans.view_scan")
def scanner(request: HttpRequest) -> HttpResponse:
    """Finds out how a scanner, and the computer behind it, are set."""
    codes = current_floor().codes
    bootstrap = {
        "known": SCANNER_TEST,
        "patterns": codes.patterns,
        "examples": codes.examples,
        "commands": COMMANDS,
    }
    context = {"bootstrap": bootstrap, "drawing": svg(SCANNER_TEST, module_mm=0.5)}
    return render(request, "scans/scanner.html", context)
