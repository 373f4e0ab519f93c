"""An administrator manages people, and cannot become more than an administrator."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from scans.corrections import void_scan
from scans.models import Defect, Station
from scans.recording import record_incident, record_scan
from scans.submission import read, read_incident, read_void
from tests.scans.sample import payload


@pytest.fixture
def admin(client_of):
    return client_of("admin")


def user_form(user: User, **changes):
    return {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "08:00",
    } | changes


def test_an_administrator_cannot_make_a_superuser(admin, person):
    user = person("operator")
    response = admin.post(
        f"/admin/accounts/user/{user.pk}/change/",
        user_form(user, is_superuser="on", user_permissions=["1"], first_name="Ana"),
    )
    assert response.status_code == 302
    user.refresh_from_db()
    assert user.first_name == "Ana"
    assert not user.is_superuser
    assert not user.user_permissions.exists()


def test_somebody_new_gets_a_name_and_roles_at_once(admin):
    first = "for the first day"
    form = {
        "username": "ana",
        "password1": first,
        "password2": first,
        "first_name": "Ana",
        "groups": [Group.objects.get(name="operator").pk],
    }
    assert admin.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(username="ana")
    assert user.first_name == "Ana"
    assert user.must_change_password
    assert [role.name for role in user.groups.all()] == ["operator"]


def test_nobody_is_asked_whether_there_shall_be_a_password(admin, person):
    user = person("operator")
    for address in ("add/", f"{user.pk}/password/"):
        page = admin.get(f"/admin/accounts/user/{address}").content.decode()
        assert "usable_password" not in page


def test_an_administrator_cannot_touch_a_superuser(admin):
    root = User.objects.create_superuser("root")
    for path in ("change", "password"):
        response = admin.post(f"/admin/accounts/user/{root.pk}/{path}/", user_form(root))
        assert response.status_code in {403, 404}


@pytest.mark.parametrize("of", ["sessions", "sessions__session_key", "attempts", "totpdevice"])
def test_the_list_of_users_tells_nothing_of_what_points_to_them(admin, of):
    """Who may filter by the beginning of a session's key learns it, letter by letter."""
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    key = str(root.session.session_key)
    for first in (key[0], "!"):
        answer = admin.get(f"/admin/accounts/user/?{of}__startswith={first}")
        assert answer.status_code == 400
    assert admin.get("/admin/accounts/user/?is_superuser__exact=1").status_code == 200
    role = Group.objects.get(name="admin")
    assert admin.get(f"/admin/accounts/user/?groups__id__exact={role.pk}").status_code == 200


@pytest.mark.parametrize("number", ["{}", "0{}", "+{}", "{}%20"])
def test_nobody_gives_himself_a_password_without_the_old_one(admin, number):
    me = User.objects.get(username="admin")
    new = {"password1": "Zq9-new-one-here", "password2": "Zq9-new-one-here"}
    new |= {"usable_password": "true", "set-password": "1"}
    address = f"/admin/accounts/user/{number.format(me.pk)}/password/"
    assert admin.post(address, new)["Location"] == "/accounts/password/"
    me.refresh_from_db()
    assert not me.check_password("Zq9-new-one-here")


@pytest.mark.parametrize("page", ["station", "operator", "defect", "profile"])
def test_master_data_can_be_changed_but_not_deleted(admin, master_data, page):
    assert admin.get(f"/admin/scans/{page}/").status_code == 200
    assert admin.get(f"/admin/scans/{page}/add/").status_code == 200
    assert admin.get(f"/admin/scans/{page}/1/delete/").status_code == 403


def test_an_administrator_can_delete_nobody_and_no_role(admin):
    root = User.objects.create_superuser("root")
    role = Group.objects.get(name="admin")
    for address in (f"accounts/user/{root.pk}", f"auth/group/{role.pk}"):
        assert admin.post(f"/admin/{address}/delete/", {"post": "yes"}).status_code == 403
    root.refresh_from_db()
    role.refresh_from_db()


def test_scans_can_only_be_read_even_by_a_superuser(admin, master_data):
    scan, _ = record_scan(read(payload()), User.objects.get(username="admin"))
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    for client in (admin, root):
        assert client.get("/admin/scans/scan/?q=CP10045821-0001").status_code == 200
        assert client.get(f"/admin/scans/scan/{scan.pk}/change/").status_code == 200
        assert client.get("/admin/scans/scan/add/").status_code == 403
        for page in ("change", "delete"):
            path = f"/admin/scans/scan/{scan.pk}/{page}/"
            assert client.post(path, {"post": "yes", "cp": "x"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": scan.pk, "post": "yes"}
        client.post("/admin/scans/scan/", action)
    scan.refresh_from_db()


@pytest.mark.parametrize("page", ["event", "incident", "presence"])
def test_what_stations_report_can_only_be_read(admin, page):
    assert admin.get(f"/admin/scans/{page}/").status_code == 200
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    assert root.get(f"/admin/scans/{page}/add/").status_code == 403


def test_the_list_of_scans_shows_which_were_voided(admin, master_data):
    user = User.objects.get(username="admin")
    scan, _ = record_scan(read(payload()), user)
    assert not admin.get("/admin/scans/scan/").context["cl"].result_list[0].is_voided
    void = read_void({"reason": "wrong", "voided_at": "2026-11-20T14:05:19+02:00"})
    void_scan(scan.uid, void, user, may_correct_any=True)
    assert admin.get("/admin/scans/scan/").context["cl"].result_list[0].is_voided


def test_a_code_that_scans_name_stays(admin, master_data):
    station = Station.objects.get(code="FG-01")
    form = {"code": "FG-09", "name": "Line 1", "active": "on"}
    assert admin.post(f"/admin/scans/station/{station.pk}/change/", form).status_code == 302
    station.refresh_from_db()
    assert (station.code, station.name) == ("FG-01", "Line 1")


def test_approved_stays_active(admin, master_data):
    approved = Defect.objects.get(code="000")
    form = {"name_en": "Approved", "name_ro": "Aprobat"}
    response = admin.post(f"/admin/scans/defect/{approved.pk}/change/", form)
    assert response.status_code == 200
    assert "000" in str(response.context["errors"])
    approved.refresh_from_db()
    assert approved.active


def test_a_record_shows_its_codes_in_no_colours_of_the_themes(admin, person, master_data):
    """They would be styles in the page, which the policy refuses."""
    operator = person("operator")
    scan, _ = record_scan(read(payload(cp="cp10045821-0001")), operator)
    incident = {"id": str(uuid4()), "kind": "abandoned", "at": payload()["scanned_at"]}
    found, _ = record_incident(read_incident(incident | {"codes": {"cp": "CP1"}}), operator)
    for record, text in ((scan, "cp: cp10045821-0001"), (found, "cp: CP1")):
        page = admin.get(f"/admin/scans/{record._meta.model_name}/{record.pk}/change/")
        content = page.content.decode()
        assert text in content
        assert " style=" not in content
