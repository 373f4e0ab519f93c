"""Nobody voids what another station has scanned, or learns by trying what there is."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import User
from scans.binding import bind
from scans.models import Event, Scan, Station
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

AT = payload()["scanned_at"]


@pytest.fixture
def at(client_of):
    """`at("FG-01")` is an operator's browser that is bound to that station; "" to none."""

    def make(code, role="operator"):
        client = client_of(role)
        if code:
            response = HttpResponse()
            bind(response, code)
            client.cookies.update(response.cookies)
        return client

    return make


@pytest.fixture
def other_login(person, client_of):
    """Another operator, at a browser that is bound to no station."""
    other = User.objects.create(username="other")
    other.groups.set(person("operator").groups.all())
    client = client_of("")
    client.force_login(other)
    return client


def void(client, uid, station, *, at=AT):
    body = {"reason": "mine", "voided_at": at, "station": station}
    return post(client, body, f"/scans/{uid}/void/")


@pytest.fixture
def scan(at):
    sent = payload(station="FG-01")
    assert post(at("FG-01"), sent).status_code == 201
    return sent["id"]


def test_a_bound_browser_voids_what_its_station_made(at, scan):
    assert void(at("FG-01"), scan, "FG-01").status_code == 201


@pytest.mark.parametrize("claimed", ["FG-01", "FG-02", "", "FG-99"])
def test_another_stations_browser_is_told_nothing(at, scan, claimed):
    """Also with the right name in its letter: to write it takes no more than a keyboard."""
    unknown = void(at("FG-02"), uuid4(), claimed)
    answer = void(at("FG-02"), scan, claimed)
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert not Event.objects.exists()


@pytest.mark.parametrize("claimed", ["FG-01", "FG-02", ""])
def test_so_is_another_login_without_a_station(other_login, scan, claimed):
    unknown = void(other_login, uuid4(), claimed)
    answer = void(other_login, scan, claimed)
    assert (answer.status_code, answer.content) == (404, unknown.content)


def test_also_once_it_is_void_and_has_a_reason_to_be_read(at, other_login, scan):
    first = void(at("FG-01"), scan, "FG-01")
    assert void(at("FG-01"), scan, "FG-01").content == first.content
    assert void(at("FG-02"), scan, "FG-01").status_code == 404
    assert void(other_login, scan, "FG-01").status_code == 404
    assert void(at("", "quality"), scan, "").status_code == 200


def test_a_forged_binding_is_none(other_login, scan):
    for cookie in ("FG-01", "FG-01:x", "FG-01:1w0000:" + "A" * 43):
        other_login.cookies["station"] = cookie
        assert void(other_login, scan, "FG-01").status_code == 404


def test_a_station_that_is_no_more_binds_nobody(at, scan):
    """Its browser stands at none, and so may undo what it makes there."""
    Station.objects.filter(code="FG-02").update(active=False)
    client = at("FG-02")
    sent = payload()
    post(client, sent)
    assert void(client, sent["id"], "").status_code == 201


def test_who_scanned_without_a_station_undoes_it_when_bound_in_between(at):
    sent = payload()
    post(at(""), sent)
    assert void(at("FG-01"), sent["id"], "").status_code == 201


def test_a_moment_can_be_claimed_but_not_for_ever(at, scan, monkeypatch):
    """A letter may be late by hours; who writes an early moment into it voids no old scan."""
    browser, stored_at = at("FG-01"), timezone.now()

    def void_after(hours: int) -> HttpResponse:
        later = stored_at + timedelta(hours=hours)
        # The rule's clock alone: the session goes on.
        clock = SimpleNamespace(now=lambda: later, localtime=timezone.localtime)
        with monkeypatch.context() as patch:
            patch.setattr("scans.corrections.timezone", clock)
            return void(browser, scan, "FG-01")

    answer = void_after(25)
    assert answer.status_code == 409
    assert "calitatea" in answer.json()["error"]
    assert void_after(23).status_code == 201


@pytest.mark.parametrize("uid", ["x", "1", "0" * 32, "../../admin", "%00"])
def test_an_id_that_is_none_is_no_address(at, uid):
    assert void(at("FG-01"), uid, "FG-01").status_code == 404


def test_a_scan_is_not_taken_over_by_its_id(at, scan):
    """Same id, other content: refused, and what is stored is not told."""
    answer = post(at("FG-02"), payload(id=scan, station="FG-02", cp="CP10045821-0002"))
    assert answer.status_code == 409
    assert list(answer.json()) == ["error"]
    assert Scan.objects.get().station_id == "FG-01"
