"""A browser is bound to its station once, by an administrator."""

import pytest

from scans.binding import COOKIE, KEPT_SECONDS
from scans.models import Station

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def admin(client_of):
    return client_of("admin")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def station_of(client) -> str:
    station: str = client.get("/scans/station/").context["bootstrap"]["station"]
    return station


def test_whoever_signs_in_next_finds_the_station(admin, person):
    response = admin.post("/scans/bind/", {"station": "FG-02"})
    assert response["Location"] == "/scans/bind/"
    admin.force_login(person("operator"))
    assert station_of(admin) == "FG-02"
    # In the address it is nobody's to choose.
    assert admin.get("/scans/station/?station=FG-03").context["station"] == "FG-02"


def test_an_open_page_learns_from_its_poll_where_it_stands(admin, person):
    admin.post("/scans/bind/", {"station": "FG-02"})
    admin.force_login(person("operator"))
    assert admin.get("/scans/recent/?station=FG-01").json()["bound"] == "FG-02"
    Station.objects.filter(code="FG-02").update(active=False)
    assert admin.get("/scans/recent/?station=FG-01").json()["bound"] == ""


def test_no_script_reads_it_and_each_opening_keeps_it_for_longer(admin, person):
    admin.post("/scans/bind/", {"station": "FG-02"})
    admin.force_login(person("operator"))
    cookie = admin.get("/scans/station/").cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == KEPT_SECONDS


def test_a_browser_can_be_set_free(admin, person):
    admin.post("/scans/bind/", {"station": "FG-02"})
    admin.post("/scans/bind/", {"station": ""})
    admin.force_login(person("operator"))
    assert station_of(admin) == ""


@pytest.mark.parametrize("cookie", ["FG-01", "FG-01:forged", ""])
def test_a_cookie_that_the_server_has_not_signed_binds_to_nothing(operator, cookie):
    operator.cookies[COOKIE] = cookie
    assert station_of(operator) == ""


def test_a_cookie_of_another_site_binds_to_nothing(admin, client_of, settings):
    admin.post("/scans/bind/", {"station": "FG-02"})
    settings.SECRET_KEY = "of another site" * 4
    operator = client_of("operator")
    operator.cookies[COOKIE] = admin.cookies[COOKIE].value
    assert station_of(operator) == ""


def test_a_station_that_was_renamed_binds_nobody(admin, person):
    admin.post("/scans/bind/", {"station": "FG-02"})
    # By SQL: the admin does not let anyone.
    Station.objects.filter(code="FG-02").update(code="FG-22")
    admin.force_login(person("operator"))
    assert station_of(admin) == ""


def test_a_station_that_was_deactivated_binds_nobody_until_it_is_back(admin, person):
    admin.post("/scans/bind/", {"station": "FG-02"})
    Station.objects.filter(code="FG-02").update(active=False)
    admin.force_login(person("operator"))
    assert station_of(admin) == ""
    Station.objects.filter(code="FG-02").update(active=True)
    assert station_of(admin) == "FG-02"


def test_only_a_station_that_there_is_can_be_bound(admin):
    response = admin.post("/scans/bind/", {"station": "FG-99"})
    assert response.status_code == 404
    assert COOKIE not in response.cookies


def test_an_operator_binds_nothing(operator):
    response = operator.post("/scans/bind/", {"station": "FG-02"})
    assert response.status_code == 403
    assert COOKIE not in response.cookies


def test_the_list_of_stations_leads_to_binding(admin):
    page = admin.get("/admin/scans/station/").content.decode()
    assert "/scans/bind/?station=FG-02" in page
    assert admin.get("/scans/bind/?station=FG-02").context["chosen"] == "FG-02"
