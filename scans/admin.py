"""Stations, operators and defects in the admin; scans to read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from scans.models import Defect, Operator, Scan, Station


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
    list_display = ("code", "name", "active", "binding")
    search_fields = ("code", "name")

    @admin.display(description=_("Bind this browser"))
    def binding(self, station: Station) -> str:
        address = reverse("scans:bind", query={"station": station.code})
        return format_html('<a href="{}">{}</a>', address, _("Bind"))


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


@admin.register(Scan)
class ScanAdmin(ModelAdmin):
    """To read. Not even a superuser changes a record."""

    list_display = ("cp", "defect", "operator", "station", "scanned_at", "received_at")
    list_select_related = ("defect", "station")
    list_filter = ("station", "defect")
    # Exact: a code is known in full, and its index finds it among millions.
    search_fields = ("cp__exact", "cp_base__exact")
    # The count of all rows would read the whole table for each page.
    show_full_result_count = False
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
