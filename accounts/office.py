"""What administrators fill in about people and roles."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group, Permission
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import UserChangeForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.administration import ReasonForm
from accounts.models import User
from accounts.roles import CATALOGUE, MODULES, ROLES, beyond_catalogue, name_of, permissions_of


class UserForm(ReasonForm, UserChangeForm):
    """Django's, with a reason."""

    activity = "is_active"

    class Meta(UserChangeForm.Meta):
        model = User


class RoleForm(ReasonForm):
    """Composes a role out of the catalogue; a superuser's has `permissions` for all the rest."""

    rights = forms.MultipleChoiceField(
        label=gettext_lazy("Rights"),
        choices=[(module, list(rights.items())) for module, rights in MODULES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held: list[Permission] = []
        if self.instance.pk is not None:
            held = list(self.instance.permissions.select_related("content_type"))
        self.initial["rights"] = [name for one in held if (name := name_of(one)) in CATALOGUE]
        if further := self.fields.get("permissions"):
            pks = [permission.pk for permission in beyond_catalogue()]
            further.queryset = further.queryset.filter(pk__in=pks)  # type: ignore[attr-defined]
            self.initial["permissions"] = [one for one in held if name_of(one) not in CATALOGUE]

    def clean_rights(self) -> list[str]:
        rights: list[str] = self.cleaned_data["rights"]
        own = ROLES.get(self.instance.name, frozenset())
        if missing := own - set(rights):
            labels = {name: of[name] for of in MODULES.values() for name in of}
            raise forms.ValidationError(
                _("The role “%(role)s” always has: %(rights)s. Make another role without."),
                params={
                    "role": self.instance.name,
                    "rights": ", ".join(str(labels[name]) for name in sorted(missing)),
                },
            )
        return rights

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        further: Any = self.cleaned_data.get("permissions", Permission.objects.none())
        self.instance.permissions.set([*permissions_of(self.cleaned_data["rights"]), *further])
