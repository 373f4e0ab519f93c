"""No other site has a browser do anything here."""

import pytest
from django.test import Client

from scans.models import Scan
from tests.addresses import fill, table
from tests.scans.sample import payload, post

# Who may do most, and so is worth most to whom plans it.
VICTIM = "superuser"
TAKES_POSTS = [
    address
    for address, cells in table().items()
    if cells[-1].rpartition(" / ")[2] not in ("405", "404")
]


@pytest.fixture
def victim(person):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(person(VICTIM))
    return client


@pytest.mark.usefixtures("master_data")
@pytest.mark.parametrize("address", TAKES_POSTS)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
def test_nothing_is_posted_without_a_token(victim, address, kind):
    response = victim.post(fill(address), "{}", content_type=kind)
    # What takes JSON alone says so to a form: no browser sends JSON for another site unasked.
    refused = {400, 403} if kind.endswith("urlencoded") else {403}
    assert response.status_code in refused
    if response.status_code == 400:
        assert "application/json" in response.json()["error"]


@pytest.mark.usefixtures("master_data")
def test_another_sites_token_or_origin_is_none(victim):
    victim.get("/scans/station/")
    token = victim.cookies["csrftoken"].value
    headers = {"X-CSRFToken": token}
    forged = [
        {"X-CSRFToken": "A" * len(token)},
        headers | {"Origin": "https://evil.example"},
        headers | {"Origin": "null"},
        headers | {"Origin": "http://testserver.evil.example"},
    ]
    for one in forged:
        assert post(victim, payload(), **one).status_code == 403
    assert not Scan.objects.exists()
    assert post(victim, payload(), **headers).status_code == 201


def test_a_link_signs_nobody_out(victim):
    assert victim.get("/accounts/logout/").status_code == 405
    assert victim.get("/").status_code == 302
    assert victim.session.get("_auth_user_id")
