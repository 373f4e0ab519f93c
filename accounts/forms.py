"""What people fill in to sign in."""

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    """Django's own, with one answer whatever was wrong: who guesses learns nothing by it."""

    error_messages = {
        "invalid_login": _(
            "User name or password is wrong. After 5 wrong ones within 15 minutes the right one is "
            "refused, too: then wait, or ask an administrator."
        ),
    }
