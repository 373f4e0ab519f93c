"""What goes out of use is deactivated, with a reason; its history says who, when and why."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from scans.models import Defect, Operator, Profile, Station
from tests.accounts.test_admin import user_form

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def admin(client_of):
    return client_of("admin")


def choose(verb: str, *chosen, **more):
    return {"action": verb, "_selected_action": [one.pk for one in chosen]} | more


def test_a_reason_is_needed_to_deactivate_and_kept(admin):
    station = Station.objects.get(code="FG-01")
    address = f"/admin/scans/station/{station.pk}/change/"
    form = {"name": "Line 1", "reason": ""}
    assert "reason" in admin.post(address, form).context["adminform"].form.errors
    assert admin.post(address, form | {"reason": "Rebuilt until May."}).status_code == 302
    newest = station.history.first()
    assert newest.history_change_reason == "Rebuilt until May."
    assert newest.history_user.username == "admin"
    assert not newest.active
    # To change anything else none is needed.
    assert admin.post(address, {"name": "Line 2", "reason": ""}).status_code == 302
    page = admin.get(f"/admin/scans/station/{station.pk}/history/").content.decode()
    assert "Rebuilt until May." in page
    assert "da → nu" in page
    assert "Line 2" in page


def test_a_past_state_is_not_brought_back_without_a_reason(admin):
    station = Station.objects.get(code="FG-01")
    admin.post(f"/admin/scans/station/{station.pk}/change/", {"name": "Line 1", "active": "on"})
    address = f"/admin/scans/station/{station.pk}/history/{station.history.first().pk}/"
    admin.post(address, {"name": "x", "active": "on"})
    station.refresh_from_db()
    assert station.name == "Line 1"


def test_many_are_deactivated_after_a_question(admin):
    chosen = list(Operator.objects.filter(badge__in=["OP0001", "OP0002"]))
    address = "/admin/scans/operator/"
    asked = admin.post(address, choose("deactivate", *chosen))
    assert asked.status_code == 200
    assert "OP0001 Ana Popescu" in asked.content.decode()
    assert Operator.objects.filter(active=True).count() == 3
    without = admin.post(address, choose("deactivate", *chosen, confirmed="1", reason=" "))
    assert "reason" in without.context["form"].errors
    sent = choose("deactivate", *chosen, confirmed="1", reason="They left.")
    assert admin.post(address, sent).status_code == 302
    assert Operator.objects.get(active=True).badge == "OP0017"
    for one in chosen:
        assert one.history.first().history_change_reason == "They left."
        assert one.history.first().history_user.username == "admin"
    assert LogEntry.objects.filter(object_id__in=[one.pk for one in chosen]).count() == 2
    assert admin.post(address, sent | {"action": "activate"}).status_code == 302
    assert Operator.objects.filter(active=True).count() == 3


def test_all_are_deactivated_or_none(admin):
    """000 stays active: whoever chose it too has to look again."""
    chosen = list(Defect.objects.filter(code__in=["000", "001"]))
    sent = choose("deactivate", *chosen, confirmed="1", reason="tidying up")
    # 000 comes last here, after the other one.
    answer = admin.post("/admin/scans/defect/?o=-1", sent, follow=True)
    assert "000" in answer.content.decode()
    assert Defect.objects.filter(active=False).count() == 0


def test_who_may_only_look_is_not_asked(client_of, person):
    auditor = person("auditor")
    auditor.is_staff = True
    auditor.save()
    auditor.user_permissions.add(Permission.objects.get(codename="view_operator"))
    viewer = client_of("auditor")
    assert viewer.get("/admin/scans/operator/").status_code == 200
    [one] = Operator.objects.filter(badge="OP0001")
    sent = choose("deactivate", one, confirmed="1", reason="x")
    viewer.post("/admin/scans/operator/", sent)
    one.refresh_from_db()
    assert one.active


def test_users_are_deactivated_with_a_reason_too(admin, person):
    user = person("operator")
    form = user_form(user, groups=[user.groups.get().pk], first_name="Ana")
    del form["is_active"]
    address = f"/admin/accounts/user/{user.pk}/change/"
    assert "reason" in admin.post(address, form).context["adminform"].form.errors
    assert admin.post(address, form | {"reason": "left"}).status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    assert user.history.first().history_change_reason == "left"


def test_signing_in_is_no_change_of_the_account(person, client_of):
    user = person("quality")
    before = user.history.count()
    client_of("quality")
    user.refresh_from_db()
    assert user.last_login is not None
    assert user.history.count() == before
    assert not hasattr(user.history.first(), "password")


def test_roles_given_stand_in_the_history(admin, person):
    user = person("operator")
    before = user.history.count()
    form = user_form(user, groups=[], reason="moved to another plant")
    assert admin.post(f"/admin/accounts/user/{user.pk}/change/", form).status_code == 302
    assert user.history.count() == before + 1
    page = admin.get(f"/admin/accounts/user/{user.pk}/history/").content.decode()
    assert "moved to another plant" in page
    assert "operator" in page


LISTS = {
    "scans/station": lambda n: Station.objects.bulk_create(
        Station(code=f"N-{i}", profile=Profile.objects.first()) for i in n
    ),
    "scans/operator": lambda n: Operator.objects.bulk_create(
        Operator(badge=f"OP9{i:03}", name="N") for i in n
    ),
    "scans/defect": lambda n: Defect.objects.bulk_create(
        Defect(code=f"{i + 100}", name_en="N", name_ro="N") for i in n
    ),
    "scans/profile": lambda n: Profile.objects.bulk_create(Profile(name=f"N {i}") for i in n),
    "accounts/user": lambda n: User.objects.bulk_create(User(username=f"n{i}") for i in n),
    "auth/group": lambda n: Group.objects.bulk_create(Group(name=f"n{i}") for i in n),
}


@pytest.mark.parametrize("address", LISTS)
def test_a_list_costs_the_same_statements_however_many_rows_it_has(admin, address):
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(f"/admin/{address}/").status_code == 200
        return len(captured)

    statements()  # The first reads the rights.
    LISTS[address](range(50))
    few = statements()
    LISTS[address](range(50, 500))
    assert statements() == few
    assert few <= 10
