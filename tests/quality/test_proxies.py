"""The client's address is what a trusted proxy saw, and nobody else's word."""

from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from quality.environment import networks

PROXY, CLIENT = "10.0.0.5", "192.0.2.7"


@pytest.fixture
def address(settings, db):
    """`address(socket, forwarded)` is who a request is taken to come from."""
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24"), ip_network("::1")]

    def ask(socket: str, forwarded: str | None) -> str:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        response = Client(REMOTE_ADDR=socket).get("/accounts/login/", headers=headers)
        return response.wsgi_request.META["REMOTE_ADDR"]

    return ask


@pytest.mark.parametrize(
    ("socket", "forwarded", "expected"),
    [
        (PROXY, CLIENT, CLIENT),
        ("::1", CLIENT, CLIENT),
        ("::ffff:10.0.0.5", CLIENT, CLIENT),
        # Through two of ours.
        (PROXY, f"{CLIENT}, 10.0.0.6", CLIENT),
        # What the client has written itself.
        (PROXY, f"6.6.6.6, {CLIENT}", CLIENT),
        (PROXY, f"127.0.0.1, {CLIENT}", CLIENT),
        (CLIENT, "6.6.6.6", CLIENT),
        (CLIENT, "10.0.0.9", CLIENT),
        (PROXY, None, PROXY),
        (PROXY, "unknown", PROXY),
        (PROXY, "x" * 5000, PROXY),
        (PROXY, f"{CLIENT}, <script>", PROXY),
        (PROXY, "10.0.0.7", "10.0.0.7"),
        (PROXY, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_last_address_that_is_none_of_ours_is_the_clients(address, socket, forwarded, expected):
    assert address(socket, forwarded) == expected


def test_without_proxies_no_header_is_believed(settings, db):
    settings.TRUSTED_PROXIES = []
    response = Client().get("/accounts/login/", headers={"X-Forwarded-For": CLIENT})
    assert response.wsgi_request.META["REMOTE_ADDR"] == "127.0.0.1"


def test_who_comes_through_a_proxy_on_this_machine_is_no_program_of_it(settings, db):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    through = {"X-Forwarded-For": CLIENT}
    assert Client().get("/metrics").status_code == 200
    assert Client().get("/metrics", headers=through).status_code == 401
    assert Client().get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize("text", ["10.0.0.1/24", "proxy.example", "10.0.0.0/33", "*"])
def test_a_network_that_cannot_be_is_explained(monkeypatch, text):
    monkeypatch.setenv("TRUSTED_PROXIES", text)
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES must be addresses"):
        networks("TRUSTED_PROXIES", default="")
