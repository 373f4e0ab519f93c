"""The page of backups in the admin, and their download."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.errors import BackupError
from quality.backups.manifest import Kind, Manifest, Outcome
from quality.backups.models import Backup

audit = logging.getLogger("quality.settings")

SEE, DOWNLOAD = "backups.view_backup", "backups.download_backup"
PIECE_BYTES = 256 * 1024


@admin.register(Backup)
class BackupAdmin(ModelAdmin):
    """A page of what lies in BACKUP_DIR in the place of a list of rows."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("", view(require_safe(self.page)), name="backups_backup_changelist"),
            path("<str:file>/download/", view(self.download), name="backups_backup_download"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def page(self, request: HttpRequest) -> HttpResponseBase:
        _refuse_without(request, SEE)
        problem, found = "", []
        try:
            found = shelf.backups(shelf.folder())
        except BackupError:
            problem = _("BACKUP_DIR is not set: name the folder in which backups shall lie.")
        except OSError as error:
            problem = str(error)
        context = self.admin_site.each_context(request) | {
            "title": _("Backups"),
            "backups": [_row(one) for one in found],
            "problem": problem,
            "may_download": request.user.has_perm(DOWNLOAD),
        }
        return TemplateResponse(request, "backups/list.html", context)

    def download(self, request: HttpRequest, file: str) -> HttpResponseBase:
        """Asks once more; then gives out a backup, or its manifest for `part=manifest`."""
        _refuse_without(request, DOWNLOAD)
        place, one = _found(file)
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": _("Download a backup"),
                "backup": _row(one),
            }
            return TemplateResponse(request, "backups/download.html", context)
        chosen = place / one.file
        if request.POST.get("part") == "manifest":
            chosen = manifests.path_of(chosen)
        try:
            # Now, and not with the first piece: it may be dropped meanwhile.
            raw = os.fdopen(os.open(chosen, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except OSError:
            # Another one has taken its place since it was listed.
            raise Http404 from None
        try:
            _write_down(request, chosen)
        except BaseException:
            raw.close()
            raise
        return StreamingHttpResponse(
            _Pieces(raw),
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{chosen.name}"',
                "Content-Length": str(os.fstat(raw.fileno()).st_size),
                "X-Accel-Buffering": "no",
            },
        )


def _refuse_without(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(right):
        raise PermissionDenied


def _found(file: str) -> tuple[Path, Manifest]:
    """Only what is listed is given out: no path is made of what an address says."""
    try:
        place = shelf.folder()
        return place, next(one for one in shelf.backups(place) if one.file == file)
    except (BackupError, OSError, StopIteration):
        raise Http404 from None


def _write_down(request: HttpRequest, chosen: Path) -> None:
    """What could not be written down is not given out."""
    LogEntry.objects.create(
        user_id=request.user.pk or 0,
        content_type=ContentType.objects.get_for_model(Backup),
        object_id=chosen.name,
        object_repr=chosen.name,
        action_flag=CHANGE,
        change_message="download",
    )
    audit.info("backup %s: downloaded by %s", chosen.name, request.user.get_username())


class _Pieces:
    """An open file in pieces; it is closed with the answer, whether that was read or not."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.close = raw.close

    def __iter__(self) -> Iterator[bytes]:
        # The session was asked for after the view: nobody keeps a connection for a slow reader.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()
        while piece := self._raw.read(PIECE_BYTES):
            yield piece


def _row(one: Manifest) -> dict[str, Any]:
    # What a version after this one may write is shown as it is.
    kinds: dict[str, str] = {
        Kind.NIGHTLY: _("nightly"),
        Kind.BY_HAND: _("by hand"),
        Kind.BEFORE_MIGRATIONS: _("before migrations"),
        Kind.BEFORE_RESTORE: _("before a restore"),
    }
    outcomes: dict[str, str] = {
        Outcome.PENDING: _("not tested yet"),
        Outcome.PASSED: _("restored, the same rows"),
        Outcome.FAILED: _("failed"),
        Outcome.SKIPPED: _("not tested"),
        Outcome.UNREADABLE: _("not tested: no key here"),
    }
    return {
        "file": one.file,
        "taken_at": timezone.localtime(one.moment),
        "bytes": one.bytes,
        "rows": number_format(one.total_rows, force_grouping=True),
        "kind": kinds.get(one.kind, one.kind),
        "test": outcomes.get(one.outcome, one.outcome),
        "has_failed": one.outcome == Outcome.FAILED,
        "why": one.test.get("why", ""),
        "is_encrypted": one.is_encrypted,
    }
