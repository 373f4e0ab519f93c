"""Every address, and what each role is answered there."""

from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

ROLES = ["", "operator", "quality", "auditor", "admin"]
SIGN_IN = "→ /accounts/login/"

# What a GET of each address answers to nobody, operator, quality, auditor, admin.
# 405: the address takes only POST, whoever asks.
ANSWERS = {
    "/": [SIGN_IN, "→ /scans/station/", "→ /scans/reports/", "→ /scans/reports/", "→ /admin/"],
    "/accounts/login/": [200, "→ /", "→ /", "→ /", "→ /"],
    "/accounts/logout/": [405, 405, 405, 405, 405],
    "/accounts/logout/everywhere/": [405, 405, 405, 405, 405],
    "/scans/": [405, 405, 405, 405, 405],
    "/scans/<uuid:uid>/void/": [405, 405, 405, 405, 405],
    "/scans/incidents/": [405, 405, 405, 405, 405],
    "/scans/heartbeat/": [405, 405, 405, 405, 405],
    "/scans/recent/": [401, 200, 403, 403, 403],
    "/scans/floor/": [401, 200, 403, 403, 403],
    # Nothing was asked.
    "/scans/tally/": [401, 422, 403, 403, 403],
    "/scans/station/": [SIGN_IN, 200, 403, 403, 403],
    "/scans/sheet/": [SIGN_IN, 200, 200, 200, 200],
    "/scans/scanner/": [SIGN_IN, 200, 200, 200, 200],
    "/scans/bind/": [SIGN_IN, 403, 403, 403, 200],
    "/scans/worker.js": [200] * 5,
    "/scans/reports/": [SIGN_IN, 403, 200, 200, 200],
    "/health/live": [200, 200, 200, 200, 200],
    "/health/ready": [200, 200, 200, 200, 200],
    # Open to everybody, who reads the status alone; from this machine more.
    "/health/": [200] * 5,
    "/health/database": [200] * 5,
    "/monitor/pool": [401, 403, 403, 403, 200],
    "/metrics": [200] * 5,
    "/monitor/alerts": [401, 403, 403, 403, 200],
    "/monitor/history": [401, 403, 403, 403, 200],
    "/monitor/runbook": [SIGN_IN, 403, 403, 403, 200],
    "/i18n/texts.js": [200] * 5,
    "/i18n/setlang/": ["→ /"] * 5,
    "/admin/login/": [SIGN_IN, 403, 403, 403, 403],
    "/admin/": [*["→ /admin/login/"] * 4, 200],
}


def addresses(resolver: URLResolver, prefix: str = "/") -> list[str]:
    """Every address; the admin guards its own as one."""
    found = []
    for entry in resolver.url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern) or address == "/admin/":
            found.append(address)
        else:
            found += addresses(entry, address)
    return found


def test_every_address_stands_in_the_table():
    assert sorted(addresses(get_resolver())) == sorted(ANSWERS)


@pytest.mark.parametrize("address", ANSWERS)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_as_the_table_says(client_of, role, address):
    response = client_of(role).get(address.replace("<uuid:uid>", str(uuid4())))
    answer = response.status_code
    if answer == 302:
        answer = f"→ {response['Location'].partition('?')[0]}"
    expected = ANSWERS[address][ROLES.index(role)]
    assert answer == expected
