"""Which rights there are to be handed out, and which role holds which."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User

# What administrators compose roles of, by module, in people's words. Whatever is not here, single
# rights of Django's and being a superuser, only a superuser hands out.
MODULES: dict[Any, dict[str, Any]] = {
    _("Scanning"): {
        "scans.record_scan": _("Record scans at a station"),
        "scans.bind_station": _("Bind a browser to a station"),
    },
    _("Records"): {
        "scans.view_scan": _("See scans and reports"),
        "scans.view_board": _("See the live board"),
        "scans.correct_scan": _("Correct any scan at any time"),
        "scans.view_event": _("See corrections"),
        "scans.view_incident": _("See incidents"),
        "scans.view_presence": _("See browsers"),
    },
    _("Master data"): {
        "scans.view_station": _("See stations"),
        "scans.add_station": _("Add stations"),
        "scans.change_station": _("Change stations"),
        "scans.view_profile": _("See station profiles"),
        "scans.add_profile": _("Add station profiles"),
        "scans.change_profile": _("Change station profiles"),
        "scans.view_operator": _("See operators"),
        "scans.add_operator": _("Add operators"),
        "scans.change_operator": _("Change operators"),
        "scans.view_defect": _("See defects"),
        "scans.add_defect": _("Add defects"),
        "scans.change_defect": _("Change defects"),
        "scans.view_settings": _("See the settings"),
        "scans.change_settings": _("Change the settings"),
    },
    _("People"): {
        "accounts.view_user": _("See users"),
        "accounts.add_user": _("Add users"),
        "accounts.change_user": _("Change users, their roles and passwords"),
        "accounts.view_attempt": _("See who tried to sign in"),
        "auth.view_group": _("See roles"),
        "auth.add_group": _("Add roles"),
        "auth.change_group": _("Change roles"),
    },
    _("Operations"): {
        "monitor.view_pool": _("See the connection pool, alerts and the runbook"),
        "monitor.manage_pool": _("Close connections and end statements"),
        # Downloading one is not here: it holds all that there is.
        "backups.view_backup": _("See backups"),
    },
}
CATALOGUE = frozenset(right for rights in MODULES.values() for right in rights)

# No role may add, change or delete a scan: records are made at a station and never change.
ROLES: dict[str, frozenset[str]] = {
    "operator": frozenset({"scans.record_scan"}),
    "quality": frozenset({"scans.view_scan", "scans.view_board", "scans.correct_scan"}),
    "auditor": frozenset({"scans.view_scan"}),
    # All but what is done with the hands at a station or on a piece.
    "admin": CATALOGUE - {"scans.record_scan", "scans.correct_scan"},
}


def name_of(permission: Permission) -> str:
    """`app.codename`; its content type had better be there already."""
    return f"{permission.content_type.app_label}.{permission.codename}"


def _all_permissions(*, using: str) -> dict[str, Permission]:
    permissions = Permission.objects.using(using).select_related("content_type")
    return {name_of(permission): permission for permission in permissions}


def permissions_of(names: Iterable[str], *, using: str = "default") -> list[Permission]:
    """The permissions of these `app.codename` names. Raises LookupError for one not there."""
    wanted = set(names)
    found = _all_permissions(using=using)
    if missing := wanted - found.keys():
        raise LookupError(f"No such permission: {', '.join(sorted(missing))}.")
    return [found[name] for name in wanted]


def beyond_catalogue() -> list[Permission]:
    """What only a superuser hands out."""
    return [
        permission
        for name, permission in _all_permissions(using="default").items()
        if name not in CATALOGUE
    ]


def is_beyond(whose: User | Group) -> bool:
    """Whether somebody, or a role, holds more than the catalogue has.

    No administrator changes such a one: with its password or its people he would be more himself.
    """
    if isinstance(whose, User):
        if whose.is_superuser:
            return True
        held = Permission.objects.filter(Q(user=whose) | Q(group__user=whose))
    else:
        held = Permission.objects.filter(group=whose)
    return any(name_of(one) not in CATALOGUE for one in held.select_related("content_type"))


@dataclass
class Sync:
    """What became of a role: rights it was given, and those that it has beside its own."""

    given: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)


def sync_roles(*, using: str = "default", revoke: bool = False) -> dict[str, Sync]:
    """Make each role of ours with its rights; returns what became of each.

    Rights that an administrator has granted to a role by hand stay, unless they are to be revoked.
    """
    done = {}
    for role, names in ROLES.items():
        own = {name_of(one): one for one in permissions_of(names, using=using)}
        group, _created = Group.objects.using(using).get_or_create(name=role)
        held = {
            name_of(one): one
            for one in group.permissions.using(using).select_related("content_type")
        }
        sync = Sync(given=sorted(own.keys() - held.keys()))
        group.permissions.add(*(own[name] for name in sync.given))
        beside = sorted(held.keys() - own.keys())
        if revoke:
            group.permissions.remove(*(held[name] for name in beside))
            sync.revoked = beside
        else:
            sync.by_hand = beside
        done[role] = sync
    return done
