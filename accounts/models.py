"""The people who sign in, and the state of their rights."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history import register

from accounts.history import History


class User(AbstractUser):
    """A login. Not a badge: one login may serve a station where several operators scan theirs."""

    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Chosen with the switch at the top of each page."),
    )

    # Not what people do alone: sign in, choose a language. And no password, hashed or not.
    history = History(
        excluded_fields=["password", "last_login", "language"],
        m2m_fields=["groups", "user_permissions"],
    )


register(Group, app="accounts", records_class=History, m2m_fields=["permissions"])


class RightsRevision(models.Model):
    """One row: a mark that each change of rights replaces, in its own transaction.

    Triggers see to that (migration 0004), so that no way of changing a row goes past it. No mark
    comes again, not even after a rollback or a restored backup.
    """

    id = models.PositiveSmallIntegerField(primary_key=True)
    mark = models.UUIDField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.mark)
