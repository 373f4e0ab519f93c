"""An administrator manages people, and cannot become more than an administrator."""

import pytest

from accounts.models import User


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


def test_an_administrator_cannot_touch_a_superuser(admin):
    root = User.objects.create_superuser("root")
    for path in ("change", "password"):
        response = admin.post(f"/admin/accounts/user/{root.pk}/{path}/", user_form(root))
        assert response.status_code in {403, 404}


@pytest.mark.parametrize("page", ["station", "operator", "defect"])
def test_master_data_can_be_changed_but_not_deleted(admin, master_data, page):
    assert admin.get(f"/admin/scans/{page}/").status_code == 200
    assert admin.get(f"/admin/scans/{page}/add/").status_code == 200
    assert admin.get(f"/admin/scans/{page}/1/delete/").status_code == 403


def test_scans_can_only_be_read(admin, client_of, master_data):
    assert admin.get("/admin/scans/scan/?q=CP10045821-0001").status_code == 200
    assert admin.get("/admin/scans/scan/add/").status_code == 403
