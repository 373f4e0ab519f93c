"""Every address, and what each role is answered there: the table in urls.md.

A new address needs a row: UPDATE_URLS=1 writes what is answered now, for its author to judge.
"""

import os
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from scans.corrections import void_scan
from scans.models import Presence
from scans.recording import record_incident, record_scan
from scans.submission import read, read_incident, read_void
from tests.addresses import ADDRESSES, FILE, ROLES, fill, line, table
from tests.scans.sample import payload

SIGN_IN = ("/accounts/login/", "/admin/login/")
UPDATES = "UPDATE_URLS" in os.environ


@pytest.fixture
def _something_to_look_at(master_data, person):
    """One of everything that has a page of its own in the admin."""
    user = person("operator")
    scan, _ = record_scan(read(payload()), user)
    at = payload()["scanned_at"]
    void_scan(scan.uid, read_void({"reason": "x", "voided_at": at}), user, may_correct_any=True)
    incident = {"id": str(uuid4()), "kind": "abandoned", "at": at, "codes": {}}
    record_incident(read_incident(incident), user)
    Presence.objects.create(
        device=uuid4(), seen_at=timezone.now(), pending=0, oldest_pending_seconds=0, attention=0
    )


def answer(client: Any, method: str, address: str) -> str:
    with transaction.atomic():
        response = getattr(client, method)(address)
        if response.streaming:
            # To its end: few may take a file at once.
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    if response.status_code != 302:
        return str(response.status_code)
    place = response["Location"].partition("?")[0]
    if place in SIGN_IN:
        return "sign in"
    # What was asked for holds a number that is another each time.
    is_below = address != "/" and place.startswith(address) and place != address
    return f"→ ./{place.removeprefix(address)}" if is_below else f"→ {place}"


def answers(client_of: Callable[[str], Any], address: str) -> list[str]:
    path, found = fill(address), []
    for role in ROLES:
        client = client_of(role)
        # The post last: it may end the session.
        both = [answer(client, method, path) for method in ("get", "post")]
        found.append(" / ".join(dict.fromkeys(both)))
    return found


_now: dict[str, list[str]] = {}


@pytest.mark.usefixtures("_something_to_look_at")
@pytest.mark.parametrize("address", ADDRESSES)
def test_each_role_is_answered_as_the_table_says(client_of, address):
    _now[address] = answers(client_of, address)
    if not UPDATES:
        row = line(address, _now[address])
        assert table().get(address) == _now[address], f"{FILE.name} should have: {row}"


def test_every_address_stands_in_the_table_and_no_other():
    if UPDATES:
        rows = table() | _now
        head = FILE.read_text().partition("| `/")[0]
        FILE.write_text(head + "".join(f"{line(one, rows[one])}\n" for one in ADDRESSES))
    assert sorted(table()) == ADDRESSES
