"""Roles are data; migrate and `syncroles` keep them in step."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts import roles

pytestmark = pytest.mark.django_db


def rights(role: str) -> set[str]:
    group = Group.objects.get(name=role)
    return {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in group.permissions.select_related("content_type")
    }


@pytest.mark.parametrize("role", roles.ROLES)
def test_migrate_makes_each_role_with_its_rights(role):
    assert rights(role) == roles.ROLES[role]


def test_no_role_may_change_or_delete_a_record():
    for names in roles.ROLES.values():
        assert not {name for name in names if ".delete_" in name}
        assert not names & {"scans.add_scan", "scans.change_scan"}


def test_syncroles_gives_back_what_is_missing_and_keeps_what_was_granted_by_hand():
    group = Group.objects.get(name="auditor")
    extra = Permission.objects.get(codename="view_station")
    group.permissions.set([extra])
    out = StringIO()
    call_command("syncroles", stdout=out)
    assert (
        "auditor: 1 rights added: scans.view_scan; granted by hand beside its own: "
        "scans.view_station" in out.getvalue()
    )
    assert "operator: in step" in out.getvalue()
    assert rights("auditor") == {"scans.view_scan", "scans.view_station"}


def test_revoking_takes_away_what_was_granted_by_hand_and_says_so():
    Group.objects.get(name="auditor").permissions.add(
        Permission.objects.get(codename="view_station")
    )
    custom = Group.objects.create(name="line lead")
    custom.permissions.add(Permission.objects.get(codename="view_station"))
    out = StringIO()
    call_command("syncroles", "--revoke", stdout=out)
    assert "auditor: taken away: scans.view_station" in out.getvalue()
    assert rights("auditor") == {"scans.view_scan"}
    # What is no role of ours is nobody's but the administrator's.
    assert rights("line lead") == {"scans.view_station"}
    again = StringIO()
    call_command("syncroles", "--revoke", stdout=again)
    assert set(again.getvalue().splitlines()) == {f"{role}: in step" for role in roles.ROLES}


def test_each_right_of_a_role_stands_in_the_catalogue_and_exists():
    for names in roles.ROLES.values():
        assert names <= roles.CATALOGUE
    assert len(roles.permissions_of(roles.CATALOGUE)) == len(roles.CATALOGUE)


def test_a_right_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setitem(roles.ROLES, "operator", frozenset({"scans.fly"}))
    with pytest.raises(LookupError, match=r"scans\.fly"):
        roles.sync_roles()
