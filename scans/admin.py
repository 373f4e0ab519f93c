"""Master data in the admin; records to read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from scans.models import Defect, Event, Incident, Operator, Presence, Profile, Scan, Station
from scans.models.records import ScanQuerySet


class MasterDataAdmin(ModelAdmin):
    """Master data is deactivated, never deleted, and keeps its code: scans go on naming it."""

    list_filter = ("active",)
    code: str

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (self.code,) if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Station)
class StationAdmin(MasterDataAdmin):
    code = "code"
    list_display = ("code", "name", "profile", "active", "binding")
    list_select_related = ("profile",)
    search_fields = ("code", "name")

    @admin.display(description=_("Bind this browser"))
    def binding(self, station: Station) -> str:
        address = reverse("scans:bind", query={"station": station.code})
        return format_html('<a href="{}">{}</a>', address, _("Bind"))


@admin.register(Profile)
class ProfileAdmin(ModelAdmin):
    list_display = ("name", "repeat_policy", "double_read_seconds", "undo_seconds", "sound_is_on")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The first one holds for all stations without one; the others may be empty."""
        return False


@admin.register(Operator)
class OperatorAdmin(MasterDataAdmin):
    code = "badge"
    list_display = ("badge", "name", "active")
    search_fields = ("badge", "name")


@admin.register(Defect)
class DefectAdmin(MasterDataAdmin):
    code = "code"
    list_display = ("code", "name_en", "name_ro", "note_required", "active")
    search_fields = ("code", "name_en", "name_ro")


class RecordAdmin(ModelAdmin):
    """To read. Not even a superuser changes a record."""

    # The count of all rows would read the whole table for each page.
    show_full_result_count = False
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Scan)
class ScanAdmin(RecordAdmin):
    list_display = ("cp", "defect", "operator", "station", "scanned_at", "received_at", "voided")
    list_select_related = ("defect", "station")
    list_filter = ("station", "defect")
    # Exact: a code is known in full, and its index finds it among millions.
    search_fields = ("cp__exact", "cp_base__exact")

    def get_queryset(self, request: HttpRequest) -> ScanQuerySet:
        return Scan.objects.with_voids().order_by(*self.ordering)

    @admin.display(description=_("voided"), boolean=True)
    def voided(self, scan: Scan) -> bool:
        return scan.is_voided


@admin.register(Event)
class EventAdmin(RecordAdmin):
    list_display = ("scan", "kind", "reason", "station", "happened_at", "recorded_by")
    list_select_related = ("scan", "station", "recorded_by")
    list_filter = ("kind", "station")


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    list_display = ("happened_at", "kind", "station", "codes")
    list_select_related = ("station",)
    list_filter = ("kind", "station")


@admin.register(Presence)
class PresenceAdmin(RecordAdmin):
    list_display = (
        "station", "device", "seen_at", "pending", "oldest_pending_seconds", "attention",
    )  # fmt: skip
    list_select_related = ("station",)
    ordering = ("-seen_at",)
