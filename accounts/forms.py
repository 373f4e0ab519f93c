"""What people fill in to sign in, and about how they do."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, SetPasswordMixin
from django.contrib.auth.password_validation import (
    get_default_password_validators,
    password_validators_help_text_html,
)
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from accounts.passwords import NotTheSame


class SignInForm(AuthenticationForm):
    """Django's own, with one answer whatever was wrong: who guesses learns nothing by it."""

    error_messages = {
        "invalid_login": _(
            "User name or password is wrong. After 5 wrong ones within 15 minutes the right one is "
            "refused, too: then wait, or ask an administrator."
        ),
    }


class OwnForm(forms.Form):
    """A form about the account of whoever fills it in."""

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        self.user = user
        self.request = request
        super().__init__(*args, **kwargs)


class WithPassword(OwnForm):
    """Asks for the password once more: the browser may stand open, and its owner elsewhere."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    @sensitive_variables("password")
    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        name = self.user.get_username()
        # Counts as an attempt to sign in: here, too, somebody may guess.
        if authenticate(self.request, username=name, password=password) is None:
            raise ValidationError(_("That is not your password."), code="password_incorrect")
        return password


class NewPasswordForm(SetPasswordMixin, OwnForm):
    """For who has given the old password a moment ago."""

    new_password1, new_password2 = SetPasswordMixin.create_password_fields(
        _("New password"), _("New password once more")
    )

    def clean(self) -> dict[str, Any] | None:
        self.validate_passwords("new_password1", "new_password2")
        self.validate_password_for_user(self.user, "new_password1")
        return super().clean()

    def save(self) -> None:
        self.user.must_change_password = False
        self.user.set_password(self.cleaned_data["new_password1"])
        self.user.save(update_fields=["password", "must_change_password"])


class FirstAdministratorForm(SetPasswordMixin, forms.ModelForm):
    """The name and the password of whoever comes first."""

    new_password1, new_password2 = SetPasswordMixin.create_password_fields(
        _("New password"), _("New password once more")
    )

    class Meta:
        model = User
        fields = ("username",)
        labels: ClassVar[dict[str, Any]] = {"username": _("User name")}
        widgets: ClassVar[dict[str, Any]] = {
            "username": forms.TextInput(
                attrs={
                    "autocomplete": "username",
                    "autocapitalize": "none",
                    "autofocus": True,
                    "spellcheck": "false",
                }
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # There is no password of until now.
        rules = [
            one for one in get_default_password_validators() if not isinstance(one, NotTheSame)
        ]
        self.fields["new_password1"].help_text = password_validators_help_text_html(rules)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self.validate_passwords("new_password1", "new_password2")
        # Also that it is not like the name.
        self.instance.username = cleaned.get("username", "")
        self.validate_password_for_user(self.instance, "new_password1")
        return cleaned


class ChangePasswordForm(WithPassword, NewPasswordForm):
    """For who is signed in."""

    field_order = ["password", "new_password1", "new_password2"]


class CodeForm(OwnForm):
    """Asks for a code of the app, or one from the paper."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )


class SetUpForm(CodeForm):
    """The first code of an app that has just read the key; `key` is a signed `Proposal`."""

    key = forms.CharField(max_length=500, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What comes before it is read first.
        del self.fields["code"].widget.attrs["autofocus"]


class SetUpLaterForm(SetUpForm, WithPassword):
    """For who is signed in."""

    field_order = ["key", "code", "password"]


class ManageForm(WithPassword):
    """New codes on paper, or no second factor any more."""

    do = forms.ChoiceField(choices=[("renew", "renew"), ("remove", "remove")])
