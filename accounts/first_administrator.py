"""Makes the first administrator, once, while nobody is there who could make one."""

import logging

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.core import signing
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import RightsRevision, User

logger = logging.getLogger(__name__)

LINK_SECONDS = 24 * 60 * 60

# Of a query, as that stands in no log: whoever reads logs could else be the first to open it.
PARAMETER = "link"

_SALT = "accounts.first_administrator"
_ROLE = "admin"
_RIGHT = Q(codename="change_user", content_type__app_label="accounts")


class SomebodyAdministers(Exception):
    """Whoever comes now has to ask them."""


class LinkError(Exception):
    """The link does not hold; `reason` says why: `used`, `expired`, or `broken`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def somebody_administers() -> bool:
    """Whether there is anybody who could make others administrators."""
    people = User.objects.filter(is_active=True)
    if people.filter(is_superuser=True).exists():
        return True
    by_role = Q(groups__in=Group.objects.filter(permissions__in=_rights()))
    return people.filter(by_role | Q(user_permissions__in=_rights()), is_staff=True).exists()


def new_link() -> str:
    """The path that lets whoever opens it first become the first administrator.

    Nothing is kept of it: it is signed, and names the state of all rights, which changes for good
    when somebody is given the role. So it holds in every process of every host, and once.
    """
    return f"{reverse('accounts:first')}?{PARAMETER}={signing.dumps(_state(), salt=_SALT)}"


def check_link(token: str) -> None:
    """Return when the link of this token holds now. Raises LinkError."""
    try:
        state = signing.loads(token, salt=_SALT, max_age=LINK_SECONDS)
    except signing.SignatureExpired:
        raise LinkError("expired") from None
    except signing.BadSignature:
        raise LinkError("broken") from None
    if somebody_administers() or state != _state():
        raise LinkError("used")


def make(username: str, password: str, *, how: str, address: str = "") -> User:
    """The first administrator, with every right. Raises SomebodyAdministers.

    Of two that try at once the second waits here, and then finds the first.
    """
    # Hashed outside of the transaction: it takes long, and others wait for the row.
    user = User(username=username, is_staff=True, is_superuser=True)
    user.set_password(password)
    with transaction.atomic():
        _state(is_locked=True)
        if somebody_administers():
            raise SomebodyAdministers
        user.save()
        # Marks the state of rights, which ends every link; see accounts/migrations/0004.
        user.groups.add(Group.objects.get(name=_ROLE))
        LogEntry.objects.log_actions(
            user.pk, [user], ADDITION, f"the first administrator, {how}", single_object=True
        )
    fields = {"user": user.pk, "address": address, "how": how}
    logger.warning("%s is the first administrator", username, extra={"fields": fields})
    return user


def _rights() -> QuerySet[Permission]:
    return Permission.objects.filter(_RIGHT)


def _state(*, is_locked: bool = False) -> str:
    """The mark of the present state of rights, which nobody changes while it is locked."""
    rows = RightsRevision.objects.filter(pk=1)
    if is_locked:
        rows = rows.select_for_update()
    revision = rows.first()
    return str(revision.mark) if revision is not None else ""
