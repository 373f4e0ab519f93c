"""Which role holds which rights."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission

# No role may add, change or delete a scan: records are made at a station and never change.
ROLES: dict[str, frozenset[str]] = {
    "operator": frozenset({"scans.record_scan"}),
    "quality": frozenset({"scans.view_scan", "scans.correct_scan"}),
    "auditor": frozenset({"scans.view_scan"}),
    "admin": frozenset(
        {f"scans.view_{model}" for model in ("scan", "event", "incident", "presence")}
        | {f"accounts.{verb}_user" for verb in ("view", "add", "change")}
        | {"accounts.view_attempt"}
        # To give roles, not to change what they may: else an administrator could take any right.
        | {"auth.view_group"}
        | {"scans.bind_station"}
        | {"monitor.view_pool", "monitor.manage_pool"}
        | {
            f"scans.{verb}_{model}"
            for verb in ("view", "add", "change")
            for model in ("station", "operator", "defect", "profile")
        }
    ),
}


def _permissions(names: Iterable[str], *, using: str) -> list[Permission]:
    """The permissions of these `app.codename` names. Raises LookupError for one not there."""
    wanted = set(names)
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).select_related("content_type")
    }
    if missing := wanted - found.keys():
        raise LookupError(f"No such permission: {', '.join(sorted(missing))}.")
    return [found[name] for name in wanted]


def sync_roles(*, using: str = "default") -> dict[str, int]:
    """Make each role with its rights; returns how many rights each was given now.

    Rights that an administrator has granted to a role by hand stay.
    """
    given = {}
    for role, names in ROLES.items():
        group, _created = Group.objects.using(using).get_or_create(name=role)
        held = set(group.permissions.using(using).values_list("pk", flat=True))
        new = [right for right in _permissions(names, using=using) if right.pk not in held]
        group.permissions.add(*new)
        given[role] = len(new)
    return given
