"""A scan is undone by an event; the record stays as it was."""

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from scans.corrections import void_scan
from scans.models import Event, Profile, Scan, Station
from scans.recording import record_scan
from scans.submission import read, read_void
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

SCANNED_AT = "2026-11-20T14:05:09.123+02:00"


@pytest.fixture
def operator(client_of):
    return client_of("operator")


@pytest.fixture
def scan(operator):
    """One that was made at FG-01."""
    sent = payload(station="FG-01", scanned_at=SCANNED_AT)
    post(operator, sent)
    return sent


def void(client, scan, *, after_seconds=10, station="FG-01", reason="wrong defect"):
    moment = datetime.fromisoformat(scan["scanned_at"]) + timedelta(seconds=after_seconds)
    body = {"reason": reason, "voided_at": moment.isoformat(), "station": station}
    return post(client, body, f"/scans/{scan['id']}/void/")


def test_201_and_the_event(operator, scan):
    before = Scan.objects.values().get()
    response = void(operator, scan)
    assert response.status_code == 201
    answer = response.json()
    assert answer.pop("received_at")
    assert answer == {
        "id": scan["id"],
        "voided": True,
        "reason": "wrong defect",
        "voided_at": "2026-11-20T14:05:19.123000+02:00",
    }
    assert Scan.objects.values().get() == before
    event = Event.objects.get()
    assert (event.kind, event.station_id) == ("void", "FG-01")
    assert event.recorded_by.username == "operator"


def test_200_and_the_first_event_for_the_same_again(operator, scan, client_of):
    first = void(operator, scan)
    again = void(operator, scan)
    assert again.status_code == 200
    assert again.content == first.content
    # Too late or by somebody else, it is voided all the same.
    late = void(operator, scan, after_seconds=5000, reason="other")
    assert (late.status_code, late.content) == (200, first.content)
    assert void(client_of("quality"), scan).status_code == 200
    assert Event.objects.count() == 1


def test_404_for_a_scan_that_there_is_not(operator):
    response = void(operator, payload())
    assert response.status_code == 404
    assert response.json()["error"]


@pytest.mark.parametrize(("seconds", "status"), [(-5, 201), (60, 201), (61, 409), (90_000, 409)])
def test_a_station_undoes_its_scan_for_a_minute_by_its_own_clock(operator, scan, seconds, status):
    assert void(operator, scan, after_seconds=seconds).status_code == status


def test_for_how_long_is_a_setting_of_the_station(operator, scan):
    profile = Profile.objects.create(name="Slow", undo_seconds=120)
    Station.objects.filter(code="FG-01").update(profile=profile)
    assert void(operator, scan, after_seconds=121).status_code == 409
    assert void(operator, scan, after_seconds=120).status_code == 201


@pytest.mark.parametrize("station", ["FG-02", "", "FG-99"])
def test_404_for_another_stations_scan(operator, scan, station):
    response = void(operator, scan, station=station)
    assert response.status_code == 404
    assert response.json()["error"]
    assert not Event.objects.exists()


def test_quality_voids_any_scan_at_any_time(client_of, scan):
    response = void(client_of("quality"), scan, after_seconds=90_000, station="")
    assert response.status_code == 201


@pytest.mark.parametrize(("role", "status"), [("", 401), ("auditor", 403), ("admin", 403)])
def test_others_void_nothing(client_of, scan, role, status):
    assert void(client_of(role), scan).status_code == status
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "\u200b "}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"voided_at": "yesterday"}, "voided_at"),
        ({"station": 7}, "station"),
    ],
)
def test_422_names_the_field(operator, scan, change, field):
    body = {"reason": "wrong", "voided_at": SCANNED_AT, "station": "FG-01"} | change
    response = post(operator, body, f"/scans/{scan['id']}/void/")
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]


def test_a_voided_scan_is_shown_as_such_and_never_counted(operator, client_of, scan):
    post(operator, payload(station="FG-01", cp="CP10045821-0002"))
    void(operator, scan)
    found = operator.get("/scans/recent/?station=FG-01&cp_base=CP10045821").json()
    assert [repr(one["voided"]) for one in found["scans"]] == ["False", "True"]
    assert found["order"] == {"base": "CP10045821", "approved": 1, "rejected": 0}
    report = client_of("quality").get("/scans/reports/?date=2026-11-20&shift=afternoon")
    totals = report.context["totals"]
    assert (totals.approved, totals.rejected, totals.voided) == (1, 0, 1)
    rows = client_of("quality").get("/scans/reports/rows/?date=2026-11-20&shift=afternoon")
    assert rows.content.decode().count("is-voided") == 1


def test_the_counts_of_the_running_shift_fall_at_once(operator):
    def totals() -> dict[str, int]:
        return operator.get("/scans/recent/?station=FG-01").json()["totals"]

    made = payload(station="FG-01", scanned_at=timezone.now().isoformat())
    post(operator, made)
    before = totals()
    void(operator, made)
    assert (before["approved"], totals()["approved"]) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_five_at_once_void_once(person):
    user = person("operator")
    scan, _ = record_scan(read(payload(station="FG-01")), user)
    wish = read_void({"reason": "undo", "voided_at": SCANNED_AT, "station": "FG-01"})
    start = threading.Barrier(5)
    outcomes = []

    def undo() -> None:
        try:
            start.wait(timeout=60)
            event, created = void_scan(scan.uid, wish, user, may_correct_any=False)
            outcomes.append((event.pk, created))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=undo) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert Event.objects.count() == 1
    assert sorted(created for _pk, created in outcomes) == [False] * 4 + [True]
    assert len({pk for pk, _created in outcomes}) == 1


# ----- A CP that is scanned again


def again(client, **changes):
    return post(client, payload(**{"station": "FG-01"} | changes))


def test_a_cp_scanned_again_is_linked_to_its_first_valid_scan(operator):
    first, second, third = (again(operator).json() for _ in range(3))
    assert first["reinspection_of"] is None
    assert second["reinspection_of"] == first["id"]
    # To the first of all, not to the last.
    assert third["reinspection_of"] == first["id"]
    assert Scan.objects.get(uid=third["id"]).reinspection_of.uid == Scan.objects.first().uid


def test_a_void_releases_the_cp(operator, scan):
    void(operator, scan)
    assert again(operator).json()["reinspection_of"] is None


def test_another_piece_of_the_order_is_no_reinspection(operator, scan):
    assert again(operator, cp="CP10045821-0002").json()["reinspection_of"] is None


def test_what_was_scanned_before_and_delivered_late_is_no_reinspection(operator, scan):
    answer = again(operator, scanned_at="2026-11-20T14:05:08+02:00").json()
    assert answer["reinspection_of"] is None


def test_the_same_id_again_is_linked_as_it_was(operator, scan):
    sent = payload(station="FG-01")
    first = post(operator, sent)
    assert first.json()["reinspection_of"] == scan["id"]
    void(operator, scan)
    again = post(operator, sent)
    assert (again.status_code, again.content) == (200, first.content)


class TestBlocked:
    """The station's profile says that no CP is scanned twice."""

    @pytest.fixture(autouse=True)
    def _policy(self, master_data):
        profile = Profile.objects.create(name="Strict", repeat_policy="block")
        Station.objects.filter(code="FG-01").update(profile=profile)

    def test_422_for_a_cp_with_a_valid_scan(self, operator, scan):
        response = again(operator)
        assert response.status_code == 422
        assert list(response.json()["errors"]) == ["cp"]
        assert Scan.objects.count() == 1

    def test_also_for_one_that_was_scanned_elsewhere_or_later(self, operator):
        again(operator, station="FG-02")
        early = again(operator, scanned_at="2026-11-20T14:05:08+02:00")
        assert early.status_code == 422

    def test_200_for_the_same_id(self, operator, scan):
        assert post(operator, scan).status_code == 200

    def test_201_after_a_void(self, operator, scan):
        void(operator, scan)
        assert again(operator).status_code == 201

    def test_other_stations_go_on(self, operator, scan):
        assert again(operator, station="FG-02").status_code == 201
        assert again(operator, station=None).status_code == 201


@pytest.mark.parametrize("policy", ["reinspection", "warn"])
def test_the_other_policies_store_it(operator, scan, policy):
    Profile.objects.update(repeat_policy=policy)
    assert again(operator).status_code == 201


def test_an_unbound_browser_undoes_what_unbound_browsers_scanned(operator):
    sent = payload(id=str(uuid4()))
    post(operator, sent)
    assert void(operator, sent, station="FG-01").status_code == 404
    assert void(operator, sent, station="").status_code == 201
