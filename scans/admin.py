"""Master data and settings in the admin; records to read."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.views import ChangeList

from accounts.administration import KeptAdmin, ReadOnlyAdmin
from scans.barcode import FIELDS
from scans.exchange import DefectTable, ExchangeMixin, OperatorTable, StationTable
from scans.floor import current_floor
from scans.forms import Clock, SettingsForm, lost_scans, tried
from scans.models import (
    Defect,
    Event,
    Incident,
    Operator,
    Presence,
    Profile,
    Scan,
    Settings,
    Station,
)
from scans.models.records import ScanQuerySet
from scans.paging import ShallowPaginator


class MasterDataAdmin(ExchangeMixin, KeptAdmin):
    """Master data keeps its code: scans go on naming it."""

    list_filter: Any = ("active",)
    code: str

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (self.code,) if obj is not None else ()


@admin.register(Station)
class StationAdmin(MasterDataAdmin):
    code = "code"
    resource_classes = (StationTable,)
    list_display = ("code", "name", "line", "profile", "active", "binding")
    list_select_related = ("profile",)
    list_filter = ("active", "line", "profile")
    search_fields = ("code", "name")

    @admin.display(description=_("Bind this browser"))
    def binding(self, station: Station) -> str:
        address = reverse("scans:bind", query={"station": station.code})
        return format_html('<a href="{}">{}</a>', address, _("Bind"))


@admin.register(Profile)
class ProfileAdmin(KeptAdmin):
    """The first one holds for all stations without one; the others may be empty."""

    actions = ()
    list_display = ("name", "repeat_policy", "double_read_seconds", "undo_seconds", "sound_is_on")


@admin.register(Operator)
class OperatorAdmin(MasterDataAdmin):
    code = "badge"
    resource_classes = (OperatorTable,)
    list_display = ("badge", "name", "active")
    search_fields = ("badge", "name")


@admin.register(Defect)
class DefectAdmin(MasterDataAdmin):
    code = "code"
    resource_classes = (DefectTable,)
    list_display = ("code", "name_en", "name_ro", "note_required", "active")
    list_filter = ("active", "note_required")
    search_fields = ("code", "name_en", "name_ro")


@admin.register(Settings)
class SettingsAdmin(KeptAdmin):
    """One row, and beside it what it would make of codes before it holds."""

    form = SettingsForm
    actions = ()
    formfield_overrides = {models.TimeField: {"widget": Clock}}
    change_form_after_template = "admin/scans/settings_preview.html"
    fieldsets = (
        (
            _("How codes look"),
            {
                "fields": tuple((f"{field}_pattern", f"{field}_example") for field in FIELDS),
                "description": _(
                    "A–Z, 0–9 and “-” stand for themselves, \\d for a digit, [A-F] for one of "
                    "several; {4}, {2,4} or ? behind it says how many; (AB|CD) is one of two texts."
                ),
            },
        ),
        (
            _("Shifts"),
            {
                "fields": ("morning_start", "afternoon_start", "night_start"),
                "description": _("Reports of the past are divided by them too."),
            },
        ),
        (
            _("All station pages"),
            {
                "fields": ("clock_off_seconds", "warning_seconds", "volume_percent"),
                "description": _(
                    "Windows for undo and double reads, and sound, are in the profiles."
                ),
            },
        ),
        (_("Quality"), {"fields": ("four_eyes",)}),
        (None, {"fields": ("reason",)}),
    )

    def get_urls(self) -> list[Any]:
        preview = require_POST(self.admin_site.admin_view(self.preview))
        return [path("preview/", preview, name="scans_settings_preview"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        return Settings.now() if object_id == "1" else None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is nothing to choose from."""
        return redirect("admin:scans_settings_change", 1)

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What the form would make of its samples and of the newest scans."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        form = SettingsForm(request.POST, instance=Settings.now())
        form.full_clean()
        old, new = current_floor().codes, form.instance.codes
        # A pattern that was refused is not tried.
        is_good = form.has_good_codes
        context = {
            "errors": [
                (form.fields[name].label, messages)
                for name, messages in form.errors.items()
                if name in form.fields and name != "reason"
            ],
            "samples": tried(request.POST.get("samples", ""), old, new) if is_good else [],
            "lost": lost_scans(new) if is_good else {},
        }
        return TemplateResponse(request, "admin/scans/settings_tried.html", context)


class AsTheyCame(ChangeList):
    """By arrival alone, whatever the address asks for: else the whole table would be sorted."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        return list(self.model_admin.get_ordering(request))


class RecordAdmin(ReadOnlyAdmin):
    """To read, the newest first; found among millions."""

    paginator = ShallowPaginator
    list_per_page = 50
    sortable_by = ()
    ordering = ("-pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AsTheyCame


def _listed(codes: dict[str, Any]) -> str:
    """In words: the theme would colour JSON in, with styles that the policy refuses."""
    return ", ".join(f"{field}: {code}" for field, code in codes.items()) or "–"


@admin.register(Scan)
class ScanAdmin(RecordAdmin):
    list_display = ("cp", "defect", "operator", "station", "scanned_at", "received_at", "voided")
    list_select_related = ("defect", "station")
    list_filter = ("station", "defect")
    # Exact: a code is known in full, and its index finds it among millions.
    search_fields = ("cp__exact", "cp_base__exact")
    exclude = ("raw",)
    readonly_fields = ("typed",)

    @admin.display(description=_("as scanned"))
    def typed(self, scan: Scan) -> str:
        return _listed(scan.raw)

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
    list_display = ("happened_at", "kind", "station", "read")
    list_select_related = ("station",)
    list_filter = ("kind", "station")
    exclude = ("codes",)
    readonly_fields = ("read",)

    @admin.display(description=_("codes"))
    def read(self, incident: Incident) -> str:
        return _listed(incident.codes)


@admin.register(Presence)
class PresenceAdmin(RecordAdmin):
    list_display = (
        "station", "device", "seen_at", "pending", "oldest_pending_seconds", "attention",
    )  # fmt: skip
    list_select_related = ("station",)
    ordering = ("-seen_at",)
