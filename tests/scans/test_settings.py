"""What an administrator sets holds for the next request of every worker, and locks nobody out."""

from datetime import UTC, datetime, time

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import User
from scans.floor import bootstrap, current_floor, held_floor
from scans.models import Operator, Settings
from scans.recording import record_scan
from scans.submission import read
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")
ADDRESS = "/admin/scans/settings/1/change/"


@pytest.fixture
def admin(client_of):
    return client_of("admin")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def form(**changes):
    """The form as it stands, with changes and a reason."""
    now = Settings.now()
    fields = [field.name for field in Settings._meta.fields if field.name != "id"]
    return {name: str(getattr(now, name)) for name in fields} | {"reason": "new badges"} | changes


def errors(response) -> dict[str, list[str]]:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def test_a_pattern_holds_for_the_next_scan(admin, operator):
    new = payload(operator="QA77")
    assert list(post(operator, new).json()["errors"]) == ["operator"]
    response = admin.post(ADDRESS, form(operator_pattern=r"(OP\d{2,4}|QA\d{2})"))
    assert response.status_code == 302
    assert post(operator, new).status_code == 201
    assert operator.get("/scans/floor/").json()["patterns"]["operator"] == r"(OP\d{2,4}|QA\d{2})"


def test_it_holds_in_a_process_that_has_held_the_floor_before(operator):
    """Changed past the models, as by another worker on another host."""
    scan = payload()
    assert post(operator, scan).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("UPDATE scans_settings SET oc1_pattern = 'OC9[0-9]'")
    assert list(post(operator, payload()).json()["errors"]) == ["oc1"]
    # What was stored before is the same scan still.
    assert post(operator, scan).status_code == 200


def test_open_pages_learn_of_it(operator):
    before = operator.get("/scans/recent/").json()["revision"]
    Settings.objects.update(volume_percent=80, clock_off_seconds=120, warning_seconds=20)
    assert operator.get("/scans/recent/").json()["revision"] != before
    known = operator.get("/scans/floor/").json()
    assert (known["volume"], known["clockOffSeconds"], known["warningSeconds"]) == (0.8, 120, 20)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operator_pattern": r"OP\d+"}, "operator_pattern"),
        ({"operator_pattern": r"(OP\d{2,4}"}, "operator_pattern"),
        ({"cp_pattern": r"CP\d{2}"}, "cp_pattern"),
        ({"cp_pattern": r"CP\d{60}"}, "cp_pattern"),
        ({"defect_pattern": r"\d{4}", "defect_example": "000"}, "defect_pattern"),
        ({"operator_pattern": r"QA\d{4}"}, "operator_example"),
        ({"operator_pattern": r"QA\d{4}", "operator_example": "QA0001"}, "operator_pattern"),
        ({"defect_pattern": r"9\d{2}", "defect_example": "900"}, "defect_pattern"),
        ({"oc1_pattern": r"(OC\d{2}|\d{3})"}, "defect_pattern"),
        ({"operator_pattern": r"(OP\d{2,4}|CMD[A-Z]{4})"}, "operator_pattern"),
        ({"operator_example": "op0001"}, "operator_example"),
        ({"night_start": "13:00"}, "night_start"),
        ({"afternoon_start": "06:00"}, "night_start"),
        ({"volume_percent": "0"}, "volume_percent"),
        ({"reason": ""}, "reason"),
    ],
)
def test_what_would_lock_somebody_out_is_refused(admin, changes, field):
    changes = {"volume_percent": "31"} | changes
    assert field in errors(admin.post(ADDRESS, form(**changes)))
    assert Settings.now().volume_percent == 30


def test_a_badge_in_use_is_named(admin):
    [message] = errors(admin.post(ADDRESS, form(operator_pattern=r"OP000\d")))["operator_pattern"]
    assert "OP0017" in message
    Operator.objects.filter(badge="OP0017").update(active=False)
    assert admin.post(ADDRESS, form(operator_pattern=r"OP000\d")).status_code == 302


def test_new_master_data_has_the_pattern_of_today(admin):
    Settings.objects.update(operator_pattern=r"QA\d{2}", operator_example="QA01")
    address = reverse("admin:scans_operator_add")
    bad = admin.post(address, {"badge": "OP0099", "name": "Ana", "active": "on"})
    assert "QA01" in str(errors(bad)["badge"])
    assert admin.post(address, {"badge": "QA99", "name": "Ana", "active": "on"}).status_code == 302


def test_the_preview_tries_codes_and_saves_nothing(admin):
    record_scan(read(payload()), User.objects.get(username="admin"))
    changes = form(
        operator_pattern=r"(OP\d{4}|QA\d{2})", oc1_pattern="OC9[0-9]", oc1_example="OC90"
    )
    samples = "OP0001\nCMDUNDO\nop17\nQA07\n]C1cp10045821'0007\n<script>"
    response = admin.post("/admin/scans/settings/preview/", changes | {"samples": samples})
    shown = [(one.code, bool(one.old), bool(one.new)) for one in response.context["samples"]]
    assert shown == [
        ("OP0001", True, True),
        ("CMDUNDO", True, True),
        ("OP17", True, False),
        ("QA07", False, True),
        ("CP10045821-0007", True, True),
        ("<SCRIPT>", False, False),
    ]
    assert response.context["lost"] == {"oc1": "OC01"}
    assert b"<script>" not in response.content
    assert Settings.now().operator_pattern == r"OP\d{2,4}"


def test_the_preview_never_tries_a_pattern_that_was_refused(admin):
    changes = form(operator_pattern=r"(\d+)+X", samples="1" * 64)
    response = admin.post("/admin/scans/settings/preview/", changes)
    assert response.context["samples"] == []
    assert "A–Z" in str(response.context["errors"])


def test_only_who_may_change_the_settings_may_try_them(client_of):
    for role in ("operator", "quality", "auditor"):
        answer = client_of(role).post("/admin/scans/settings/preview/", {})
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]
    assert client_of("admin").get("/admin/scans/settings/preview/").status_code == 405


def test_shifts_start_when_the_settings_say(operator, monkeypatch):
    now = datetime(2026, 11, 20, 4, 30, tzinfo=UTC)  # 06:30 in the factory
    monkeypatch.setattr("scans.api.timezone.now", lambda: now)
    assert operator.get("/scans/recent/").json()["shift"]["name"] == "morning"
    held = held_floor()
    Settings.objects.update(morning_start=time(7), night_start=time(23, 30))
    shift = operator.get("/scans/recent/").json()["shift"]
    assert shift["name"] == "night"
    assert shift["start"] == "2026-11-19T23:30:00+02:00"
    assert shift["end"] == "2026-11-20T07:00:00+02:00"
    assert held_floor() is not held


def test_the_report_is_divided_by_the_settings(client_of):
    Settings.objects.update(morning_start=time(5, 45))
    page = client_of("auditor").get("/scans/reports/?date=2026-11-20&shift=morning")
    assert page.context["bar"].period.endswith("05:45–14:00")


def test_every_change_has_its_reason_in_the_history(admin):
    admin.post(ADDRESS, form(volume_percent="50", reason="It is loud at the press."))
    newest = Settings.now().history.first()
    assert newest.history_change_reason == "It is loud at the press."
    assert newest.history_user.username == "admin"
    page = admin.get("/admin/scans/settings/1/history/").content.decode()
    assert "It is loud at the press." in page


def test_without_the_row_the_standard_holds(admin):
    Settings.objects.all().delete()
    assert bootstrap(current_floor(), "")["volume"] == 0.3
    assert admin.get(ADDRESS).status_code == 200
    assert admin.post(ADDRESS, form(volume_percent="50")).status_code == 302
    assert Settings.objects.get().volume_percent == 50


def test_there_is_one_row_for_ever(admin):
    assert admin.get("/admin/scans/settings/")["Location"] == ADDRESS
    assert admin.get("/admin/scans/settings/add/").status_code == 403
    assert admin.post("/admin/scans/settings/1/delete/", {"post": "yes"}).status_code == 403
    assert admin.get("/admin/scans/settings/2/change/").status_code == 302
