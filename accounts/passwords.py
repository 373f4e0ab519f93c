"""What a password may not be, beside what Django itself refuses."""

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User


class LongEnough(MinimumLengthValidator):
    """A validator: Django's own, which says what is wrong in English alone."""

    def get_error_message(self) -> str:
        return ngettext(
            "It is too short: it must have at least %(count)d character.",
            "It is too short: it must have at least %(count)d characters.",
            self.min_length,
        ) % {"count": self.min_length}


class NotTheSame:
    """A validator: whoever has learnt the old password is not to stay in with the new one."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is not None and user.pk and user.check_password(password):
            raise ValidationError(_("That is the password of until now."), code="password_same")

    def get_help_text(self) -> str:
        return _("It is not the password of until now.")


class Varied:
    """A validator: two keys by turns are long enough, and stand in no list of common passwords."""

    def __init__(self, least_characters: int = 5) -> None:
        self.least_characters = least_characters

    def validate(self, password: str, user: User | None = None) -> None:
        if len(set(password)) < self.least_characters:
            raise ValidationError(self.get_help_text(), code="password_monotonous")

    def get_help_text(self) -> str:
        return _("It has at least %(count)d different characters.") % {
            "count": self.least_characters
        }
