"""What the admin's pages have in common: reasons, history, what is never deleted or changed."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.history import REASON_MAX_LENGTH, write_down

# More rows at once are no selection any more; and each is checked and noted by itself.
MOST_AT_ONCE = 500


def reason_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_MAX_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        **options,
    )


class ReasonForm(forms.ModelForm):
    """Asks why. Who takes something out of use has to say so."""

    activity: ClassVar[str] = "active"
    reason = reason_field(
        required=False, help_text=gettext_lazy("Is kept in the history. Needed to deactivate.")
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_deactivated = (
            self.instance.pk is not None
            and self.activity in self.changed_data
            and not cleaned.get(self.activity)
        )
        if is_deactivated and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("Say why."))
        return cleaned


class BulkForm(forms.Form):
    """The reason for what is done to many at once."""

    reason = reason_field()


class KeptAdmin(SimpleHistoryAdmin, ModelAdmin):
    """Nothing is deleted: records go on naming it. It is deactivated, and its history is kept."""

    form = ReasonForm
    activity = "active"
    actions: Any = ("activate", "deactivate")
    # Drawing a hundred rows takes longer than a person waits gladly.
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        """Without the pages of past states, which also bring them back, and ask for no reason."""
        return [
            one for one in super().get_urls() if not (one.name or "").endswith("_simple_history")
        ]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponseBase:
        """Of what there is: nothing is deleted."""
        response: HttpResponseBase = (
            super().history_view(request, object_id, extra_context)
            if self.get_object(request, unquote(object_id)) is not None
            else self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        )
        return response

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj._change_reason = form.cleaned_data.get("reason", "")
        # Once for all that the form changes: see save_related.
        obj.skip_history_when_saving = True
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        del form.instance.skip_history_when_saving
        if form.has_changed() or not change:
            write_down(form.instance, is_new=not change)

    # ----- Many at once

    def may_set_activity(self, request: HttpRequest, obj: Any, *, active: bool) -> bool:
        return bool(self.has_change_permission(request, obj))

    @admin.action(description=gettext_lazy("Activate the selected"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Any]) -> TemplateResponse | None:
        return self._set_activity(request, queryset, active=True)

    @admin.action(description=gettext_lazy("Deactivate the selected"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> TemplateResponse | None:
        return self._set_activity(request, queryset, active=False)

    def _set_activity(
        self, request: HttpRequest, queryset: QuerySet[Any], *, active: bool
    ) -> TemplateResponse | None:
        """Ask first; then all of them, or none."""
        chosen = list(queryset.filter(**{self.activity: not active})[: MOST_AT_ONCE + 1])
        if objection := self._objection(request, chosen, active=active):
            self.message_user(request, objection, messages.ERROR)
            return None
        form = BulkForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, form, chosen, active=active)
        try:
            with transaction.atomic():
                for one in chosen:
                    self._switch(request, one, form.cleaned_data["reason"], active=active)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return None
        count = len(chosen)
        done = (
            ngettext("%(count)d was activated.", "%(count)d were activated.", count)
            if active
            else ngettext("%(count)d was deactivated.", "%(count)d were deactivated.", count)
        )
        self.message_user(request, done % {"count": count}, messages.SUCCESS)
        return None

    def _objection(self, request: HttpRequest, chosen: list[Any], *, active: bool) -> str:
        if not chosen:
            return _("The selected are active.") if active else _("The selected are inactive.")
        if len(chosen) > MOST_AT_ONCE:
            return _("At most %(count)d at once.") % {"count": MOST_AT_ONCE}
        refused = [
            str(one) for one in chosen if not self.may_set_activity(request, one, active=active)
        ]
        if refused:
            return _("You may not do this to: %(names)s.") % {"names": ", ".join(refused[:10])}
        return ""

    def _ask(
        self, request: HttpRequest, form: forms.Form, chosen: list[Any], *, active: bool
    ) -> TemplateResponse:
        context = self.admin_site.each_context(request) | {
            "title": _("Activate") if active else _("Deactivate"),
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "chosen": chosen,
            "action": "activate" if active else "deactivate",
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/set_activity.html", context)

    def _switch(self, request: HttpRequest, one: Any, reason: str, *, active: bool) -> None:
        setattr(one, self.activity, active)
        one.clean()
        one._change_reason = reason
        one._history_user = request.user
        one.save()
        field: Any = self.opts.get_field(self.activity)
        self.log_change(request, one, [{"changed": {"fields": [str(field.verbose_name)]}}])


class ReadOnlyAdmin(ModelAdmin):
    """What nobody changes, not even a superuser."""

    # To count them all takes longer than to show some.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
