"""More was sent than was asked for: it changes nothing."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.models import User
from scans.models import Event, Incident, Scan, Station
from tests.accounts.test_admin import user_form
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

FORGED_AT = "2001-01-01T00:00:00+00:00"


@pytest.fixture
def operator(client_of):
    return client_of("operator")


@pytest.fixture
def root(person):
    return person("superuser")


def forged(user: User) -> dict[str, object]:
    """What a record says of itself, as somebody else would like to have it."""
    return {
        "pk": 4_000_000,
        "recorded_by": user.pk,
        "recorded_by_id": user.pk,
        "user": user.username,
        "received_at": FORGED_AT,
        "approved": True,
        "is_voided": True,
        "voided": True,
        "reinspection_of": str(uuid4()),
        "clock_skew_seconds": 7,
        "cp_base": "CP00000000",
        "scanned_offset_minutes": 0,
        "raw": {"cp": "forged"},
        "__proto__": {"is_superuser": True},
    }


def test_a_scan_says_of_itself_what_the_server_knows(operator, root):
    answer = post(operator, payload(defect="001") | forged(root))
    assert answer.status_code == 201
    scan = Scan.objects.get()
    assert scan.recorded_by.username == "operator"
    assert scan.pk < 4_000_000
    assert scan.received_at > datetime(2026, 1, 1, tzinfo=UTC)
    assert (scan.is_approved, scan.reinspection_of_id) == (False, None)
    assert (scan.cp_base, scan.raw) == ("CP10045821", {})
    assert (scan.scanned_offset_minutes, scan.clock_skew_seconds) == (120, None)
    assert not Event.objects.exists()


def test_so_do_a_void_and_an_incident(operator, root):
    sent = payload()
    post(operator, sent)
    void = {"reason": "x", "voided_at": sent["scanned_at"], "kind": "restored", "scan": 7}
    assert post(operator, void | forged(root), f"/scans/{sent['id']}/void/").status_code == 201
    incident = {"id": str(uuid4()), "kind": "abandoned", "at": sent["scanned_at"], "codes": {}}
    assert post(operator, incident | forged(root), "/scans/incidents/").status_code == 201
    event, stored = Event.objects.get(), Incident.objects.get()
    assert event.kind == "void"
    for one in (event, stored):
        assert one.recorded_by.username == "operator"
        assert one.received_at > datetime(2026, 1, 1, tzinfo=UTC)


def test_nobody_raises_himself_by_his_own_form(client_of, person):
    """An administrator gives roles, also to himself; what is above roles he does not."""
    admin = person("admin")
    every = [str(one) for one in Permission.objects.values_list("pk", flat=True)]
    client_of("admin").post(
        f"/admin/accounts/user/{admin.pk}/change/",
        user_form(
            admin,
            first_name="Ana",
            is_staff="on",
            is_superuser="on",
            user_permissions=every,
            groups=[str(group.pk) for group in admin.groups.all()],
            password="plain",
            id="1",
            last_login_0="2001-01-01",
            last_login_1="00:00",
        ),
    )
    before, admin = admin, User.objects.get(pk=admin.pk)
    assert not admin.is_superuser
    assert not admin.user_permissions.exists()
    assert admin.password == before.password


def test_no_superuser_is_added_by_an_administrator(client_of):
    password = "a right good password"
    client_of("admin").post(
        "/admin/accounts/user/add/",
        {
            "username": "mole",
            "usable_password": "true",
            "password1": password,
            "password2": password,
            "is_superuser": "on",
            "is_staff": "on",
            "user_permissions": ["1", "2"],
        },
    )
    mole = User.objects.get(username="mole")
    assert not mole.is_superuser
    assert not mole.is_staff
    assert not mole.user_permissions.exists()


def test_the_forms_for_everybody_change_nothing_but_what_they_are_for(operator, person):
    more = {"is_superuser": "on", "is_staff": "on", "groups": "1", "username": "root"}
    before = User.objects.filter(username="operator").values().get()
    operator.post("/i18n/setlang/", {"language": "en"} | more)
    now = User.objects.filter(username="operator").values().get()
    assert now == before | {"language": "en"}
    assert Group.objects.get(user__username="operator").name == "operator"


def test_a_station_keeps_its_code_and_its_number(client_of):
    station = Station.objects.get(code="FG-01")
    form = {"id": "999", "pk": "999", "code": "FG-99", "name": "One", "active": "on"}
    client_of("admin").post(f"/admin/scans/station/{station.pk}/change/", form)
    assert Station.objects.get(pk=station.pk).code == "FG-01"
    assert not Station.objects.filter(pk=999).exists()
