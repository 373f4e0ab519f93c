"""The people who sign in, where they are signed in, and the state of their rights."""

from functools import lru_cache

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connections, models
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
    must_change_password = models.BooleanField(
        _("must choose a new password"),
        default=False,
        help_text=_("Nobody is let in before. Set with each password that an administrator gives."),
    )

    # Not what people do alone: sign in, choose a language. And no password, hashed or not.
    history = History(
        excluded_fields=["password", "last_login", "language", "must_change_password"],
        m2m_fields=["groups", "user_permissions"],
    )

    def get_session_auth_hash(self) -> str:
        return _session_auth_hash(self.password, settings.SECRET_KEY)

    def check_password(self, raw_password: str | None) -> bool:
        _give_back_connections()
        return super().check_password(raw_password)

    def set_password(self, raw_password: str | None) -> None:
        _give_back_connections()
        super().set_password(raw_password)


# Each request of a session compares it, and it is the same as long as the password is.
@lru_cache(maxsize=1024)
def _session_auth_hash(password: str, _secret: str) -> str:
    return AbstractUser.get_session_auth_hash(User(password=password))


def _give_back_connections() -> None:
    """Let others have this thread's connections while a password is hashed, which takes long."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


register(Group, app="accounts", records_class=History, m2m_fields=["permissions"])


class Session(AbstractBaseSession):
    """A browser in which somebody is signed in. Its key is a secret: never show it.

    A trigger deletes a user's sessions when he is disabled or begins to administer (migration
    0005): how long a session lasts is decided at its beginning.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    address = models.CharField(max_length=45)
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    # As the browser was bound at the sign-in; "" at none.
    station = models.CharField(max_length=16)

    class Meta(AbstractBaseSession.Meta):
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user} at {self.address}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.sessions import SessionStore

        return SessionStore


class Attempt(models.Model):
    """Somebody tried to sign in. See `accounts.attempts`."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("right password")
        WRONG = "wrong", _("wrong password")
        WRONG_CODE = "wrong_code", _("wrong code of the second factor")
        UNKNOWN = "unknown", _("unknown user name")
        DISABLED = "disabled", _("disabled account")
        LOCKED = "locked", _("locked after too many failures")

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        User, models.CASCADE, verbose_name=_("user"), null=True, related_name="attempts"
    )
    # As it is stored; a mark for a name that nobody has.
    name = models.CharField(_("username"), max_length=150)
    address = models.CharField(_("address"), max_length=45)
    browser = models.CharField(_("browser"), max_length=200)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    # A failure that is not forgiven.
    counts = models.BooleanField(default=True)

    class Meta:
        default_permissions = ("view",)
        verbose_name = _("sign-in attempt")
        verbose_name_plural = _("sign-in attempts")
        # What counts for a name at an address.
        indexes = [models.Index(fields=["name", "address", "at"], name="attempt_name_address_at")]

    def __str__(self) -> str:
        return f"{self.name} from {self.address} at {self.at:%Y-%m-%d %H:%M:%S}"


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
