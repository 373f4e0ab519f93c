"""Takes master data in from a table, all of it or nothing, and gives it out as one."""

import logging
from html import escape
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from import_export import fields, resources, widgets
from import_export.admin import ImportExportMixin
from import_export.forms import ConfirmImportForm
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from accounts.administration import BulkForm
from scans.models import Defect, Operator, Profile, Station
from scans.tables import FORMATS, MAX_BYTES, Rows, Unreadable, as_meant, harmless

changes = logging.getLogger("quality.settings")


class Diff(resources.Diff):
    """Says what was and what comes; unfold's stylesheet shows it, as the policy allows no other."""

    def as_html(self) -> list[str]:
        return [
            self._cell(str(old), str(new)) for old, new in zip(self.left, self.right, strict=True)
        ]

    def _cell(self, old: str, new: str) -> str:
        if old == new or self.new:
            return mark_safe(escape(new))  # noqa: S308 - escaped
        return mark_safe(f"<del>{escape(old)}</del> → <ins>{escape(new)}</ins>")  # noqa: S308


class Flag(widgets.BooleanWidget):
    """Refuses what import-export takes for nothing said."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        flags = {"1": True, "true": True, "0": False, "false": False}
        if value.lower() not in flags:
            raise ValueError(_("Write 1 or 0, not “%(value)s”.") % {"value": value[:20]})
        return flags[value.lower()]


class Known(widgets.ForeignKeyWidget):
    """Says which one is not there."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        try:
            return super().clean(value, row, **kwargs)
        except ObjectDoesNotExist as error:
            raise ValueError(_("There is no “%(value)s”.") % {"value": value[:100]}) from error


class Table(resources.ModelResource):
    """What all tables of master data have in common."""

    # What the rows are known by.
    key: str
    active = fields.Field("active", "active", Flag())

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        use_transactions = True

    @classmethod
    def get_diff_class(cls) -> type[Diff]:
        return Diff

    def import_data(self, dataset: Rows, *args: Any, **kwargs: Any) -> Any:
        """What is wrong is found in the file by its line."""
        result = super().import_data(dataset, *args, **kwargs)
        for row in result.invalid_rows:
            row.number = dataset.lines[row.number - 1]
        return result

    def before_import(self, dataset: Rows, **kwargs: Any) -> None:
        """Refuses what import-export would pass over in silence."""
        known = self.get_export_headers()
        if unknown := [header for header in dataset.headers if header not in known]:
            raise Unreadable(
                _("There is no column “%(name)s”. There are: %(known)s.")
                % {"name": ", ".join(unknown)[:100], "known": ", ".join(known)}
            )
        if len(set(dataset.headers)) < len(dataset.headers) or self.key not in dataset.headers:
            raise Unreadable(_("The column “%(name)s” has to be there once.") % {"name": self.key})
        seen: set[str] = set()
        for line, code in zip(dataset.lines, dataset[self.key], strict=True):
            if code in seen:
                raise Unreadable(
                    _("Line %(line)d: %(code)s is there twice.") % {"line": line, "code": code}
                )
            seen.add(code)

    def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
        for name, value in row.items():
            row[name] = as_meant(value)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        instance._history_user = kwargs.get("user")
        instance._change_reason = kwargs.get("reason", "")

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> str:
        return harmless(str(super().export_field(field, instance, **kwargs)))


class StationTable(Table):
    key = "code"
    profile = fields.Field("profile", "profile", Known(Profile, "name"))

    class Meta(Table.Meta):
        model = Station
        import_id_fields = ("code",)
        fields = ("code", "name", "line", "active", "profile")


class OperatorTable(Table):
    key = "badge"

    class Meta(Table.Meta):
        model = Operator
        import_id_fields = ("badge",)
        fields = ("badge", "name", "active")


class DefectTable(Table):
    key = "code"

    note_required = fields.Field("note_required", "note_required", Flag())

    class Meta(Table.Meta):
        model = Defect
        import_id_fields = ("code",)
        fields = ("code", "name_en", "name_ro", "note_required", "active")


class FileForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(
                _("This file is too large: %(size)d bytes, at most %(limit)d.")
                % {"size": file.size, "limit": MAX_BYTES}
            )
        return file


class ConfirmForm(BulkForm, ConfirmImportForm):
    """Names the file that was tried, signed: no other file of this machine is read."""

    format = forms.ChoiceField(
        choices=[(str(number), "") for number in range(len(FORMATS))], widget=forms.HiddenInput
    )

    def clean_import_file_name(self) -> str:
        try:
            name: str = signing.loads(self.cleaned_data["import_file_name"], salt="import")
        except signing.BadSignature as error:
            raise forms.ValidationError(_("Choose the file anew.")) from error
        return name


class ExchangeMixin(ImportExportMixin):
    """For who may add and change; what is given out is for who may see it."""

    import_form_class = FileForm
    confirm_form_class = ConfirmForm
    export_form_class = ExportForm
    import_formats = FORMATS
    export_formats = FORMATS

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_confirm_form_initial(self, request: HttpRequest, import_form: Any) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_confirm_form_initial(request, import_form)
        if name := initial.get("import_file_name"):
            initial["import_file_name"] = signing.dumps(name, salt="import")
        return initial

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.pop("form")
        return {
            "rollback_on_validation_errors": True,
            "reason": form.cleaned_data.get("reason", ""),
        }

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        if not isinstance(e, Unreadable):
            raise e
        form.add_error("import_file", str(e))

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().process_import(request, **kwargs)
        except (OSError, Unreadable):
            # The file was imported before, or somebody has cleared what is temporary.
            messages.error(request, _("Choose the file anew."))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
        return response

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            # Somebody has changed master data since it was tried.
            messages.error(request, _("Nothing was imported. Try it anew, and look what is wrong."))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_import")
        changes.info(
            "%s imported %s: %d new, %d changed, %d as they were",
            request.user.get_username(),
            self.opts.label_lower,
            result.totals["new"],
            result.totals["update"],
            result.totals["skip"],
            extra={"fields": {"user": request.user.pk}},
        )
        response: HttpResponse = super().process_result(result, request)
        return response
