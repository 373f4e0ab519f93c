"""An administrator composes roles, and cannot make himself more than an administrator by it."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import User
from accounts.roles import CATALOGUE, ROLES, name_of
from tests.accounts.test_admin import user_form

ADD = "/admin/auth/group/add/"


def right(name: str) -> Permission:
    label, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=label, codename=codename)


def rights_of(role: str) -> set[str]:
    held = Permission.objects.filter(group__name=role).select_related("content_type")
    return {name_of(one) for one in held}


def change(role: Group) -> str:
    return f"/admin/auth/group/{role.pk}/change/"


@pytest.fixture
def admin(client_of):
    return client_of("admin")


@pytest.fixture
def root(db):
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def beyond(db):
    """A role with a right that only a superuser hands out."""
    role = Group.objects.create(name="archivist")
    role.permissions.add(right("admin.view_logentry"))
    return role


def test_a_role_is_composed_of_the_catalogue(admin):
    rights = ["scans.view_scan", "scans.view_operator"]
    form = {"name": "line lead", "rights": rights, "reason": "for the new line"}
    assert admin.post(ADD, form).status_code == 302
    assert rights_of("line lead") == set(rights)
    role = Group.objects.get(name="line lead")
    assert set(admin.get(change(role)).context["adminform"].form["rights"].initial) == set(rights)
    assert admin.post(change(role), form | {"rights": rights[:1]}).status_code == 302
    assert rights_of("line lead") == {"scans.view_scan"}
    newest, *_, first = role.history.all()
    assert newest.history_change_reason == "for the new line"
    assert newest.history_user.username == "admin"
    assert [one.permission.codename for one in newest.permissions.all()] == ["view_scan"]
    assert first.history_type == "+"
    # One for each time that the form was sent, whatever it changed.
    assert role.history.count() == 2


def test_a_role_given_holds_at_the_next_request(admin, client_of, person):
    client, user = client_of("operator"), person("operator")
    assert client.get("/scans/reports/").status_code == 403
    admin.post(ADD, {"name": "reader", "rights": ["scans.view_scan"]})
    role = Group.objects.get(name="reader")
    operator = Group.objects.get(name="operator")
    groups = user_form(user, groups=[role.pk, operator.pk])
    assert admin.post(f"/admin/accounts/user/{user.pk}/change/", groups).status_code == 302
    assert client.get("/scans/reports/").status_code == 200
    admin.post(change(role), {"name": "reader", "rights": []})
    assert client.get("/scans/reports/").status_code == 403


@pytest.mark.parametrize(
    "name", ["admin.view_logentry", "scans.add_scan", "auth.change_permission"]
)
def test_no_right_beyond_the_catalogue_is_given(admin, name):
    assert name not in CATALOGUE
    response = admin.post(ADD, {"name": "x", "rights": ["scans.view_scan", name]})
    assert response.status_code == 200
    assert "rights" in response.context["adminform"].form.errors
    assert not Group.objects.filter(name="x").exists()


def test_a_field_that_is_not_in_the_form_gives_nothing(admin):
    extra = right("admin.view_logentry").pk
    form = {"name": "x", "rights": ["scans.view_scan"], "permissions": [extra]}
    assert admin.post(ADD, form).status_code == 302
    assert rights_of("x") == {"scans.view_scan"}


def test_nobody_gives_himself_a_role_that_only_a_superuser_hands_out(admin, beyond):
    me = User.objects.get(username="admin")
    mine = Group.objects.get(name="admin")
    form = user_form(me, groups=[mine.pk, beyond.pk], is_staff="on")
    response = admin.post(f"/admin/accounts/user/{me.pk}/change/", form)
    assert response.status_code == 200
    assert "groups" in response.context["adminform"].form.errors
    assert set(me.groups.all()) == {mine}


def test_nobody_changes_such_a_role_or_who_holds_it(admin, beyond, person):
    """With its name, its people's passwords or their mail he would be more himself."""
    holder = person("operator")
    holder.groups.add(beyond)
    assert admin.post(change(beyond), {"name": "mine", "rights": []}).status_code == 403
    for page in ("change", "password"):
        address = f"/admin/accounts/user/{holder.pk}/{page}/"
        assert admin.post(address, user_form(holder)).status_code == 403
    action = {"action": "deactivate", "_selected_action": [holder.pk]}
    action |= {"confirmed": "1", "reason": "x"}
    admin.post("/admin/accounts/user/", action)
    holder.refresh_from_db()
    assert holder.is_active
    assert rights_of("archivist") == {"admin.view_logentry"}


def test_nor_who_holds_a_single_right_beyond_it(admin, person):
    holder = person("quality")
    holder.user_permissions.add(right("admin.view_logentry"))
    address = f"/admin/accounts/user/{holder.pk}/change/"
    assert admin.post(address, user_form(holder)).status_code == 403


def test_our_roles_keep_their_names_and_what_belongs_to_them(admin):
    role = Group.objects.get(name="quality")
    response = admin.post(change(role), {"name": "x", "rights": ["scans.view_scan"]})
    assert "rights" in response.context["adminform"].form.errors
    more = [*ROLES["quality"], "scans.view_event"]
    assert admin.post(change(role), {"name": "x", "rights": more}).status_code == 302
    assert rights_of("quality") == set(more)


def test_a_superuser_hands_out_all_the_rest(root, admin):
    form = {
        "name": "archivist",
        "rights": ["scans.view_scan"],
        "permissions": [right("admin.view_logentry").pk],
    }
    assert root.post(ADD, form).status_code == 302
    assert rights_of("archivist") == {"scans.view_scan", "admin.view_logentry"}
    offered = root.get(ADD).context["adminform"].form.fields["permissions"].queryset
    assert not {name_of(one) for one in offered.select_related("content_type")} & CATALOGUE
    assert "permissions" not in admin.get(ADD).context["adminform"].form.fields


def test_nobody_shuts_himself_out(admin):
    me = User.objects.get(username="admin")
    mine = Group.objects.get(name="admin")
    form = user_form(me, groups=[mine.pk])
    del form["is_active"]
    assert admin.post(f"/admin/accounts/user/{me.pk}/change/", form).status_code == 302
    action = {"action": "deactivate", "_selected_action": [me.pk]}
    action |= {"confirmed": "1", "reason": "x"}
    admin.post("/admin/accounts/user/", action)
    me.refresh_from_db()
    assert (me.is_active, me.is_staff) == (True, True)
