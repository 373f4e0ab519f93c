"""The pages with codes to scan: the sheet that is printed, and the card that tests a scanner."""

from typing import Any

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
    """The active defects and the commands, to be printed and to hang at a station."""
    commands = [
        {"sort": name, "name": COMMAND_NAMES[name], "drawing": svg(code)}
        for name, code in COMMANDS.items()
    ]
    codes: list[dict[str, Any]] = [
        {
            "sort": "approved" if defect.code == APPROVED else "reject",
            "code": defect.code,
            "name": defect.name,
            "note_required": defect.note_required,
            "drawing": svg(defect.code),
        }
        for defect in Defect.objects.filter(active=True)
    ]
    context = {"commands": commands, "codes": codes, "now": timezone.now()}
    return render(request, "scans/sheet.html", context)


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
