"""What a scanner or a stranger sends is read strictly, or refused; it never breaks anything."""

import json
from typing import Any
from uuid import uuid4

import pytest

from scans.models import Incident, Scan
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

AT = "2026-11-20T14:05:09+02:00"
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, [], {}, [[]], {"a": {}}, ""),
    *("\0", "a\0b", "x" * 5_000, "\u202e", "\x1b[2J", "a\r\nb", "🏭" * 60, "٣" * 4),
    *(10**18, 10**300, -(10**300), 1e308, float("nan"), float("inf")),
    *("' OR 1=1 --", "<script>alert(1)</script>", "=1+1", "${7*7}", "../../etc/passwd", "%00"),
]
BODIES = {
    "/scans/": payload(device=str(uuid4()), sequence=1, sent_at=AT, note="", station="FG-01"),
    "/scans/incidents/": {
        "id": str(uuid4()),
        "kind": "abandoned",
        "at": AT,
        "station": "FG-01",
        "device": str(uuid4()),
        "codes": {"cp": "CP1"},
    },
    "/scans/heartbeat/": {
        "station": "FG-01",
        "device": str(uuid4()),
        "pending": 0,
        "oldest_pending_seconds": 0,
        "attention": 0,
    },
    f"/scans/{uuid4()}/void/": {"reason": "x", "voided_at": AT, "station": "FG-01"},
}
ORDERLY = {200, 201, 400, 404, 409, 413, 422}


@pytest.fixture
def operator(client_of):
    return client_of("operator")


@pytest.mark.parametrize("address", BODIES)
def test_no_value_of_any_field_breaks_anything(operator, address):
    for name in BODIES[address]:
        for value in VALUES:
            response = post(operator, BODIES[address] | {name: value}, address)
            assert response.status_code in ORDERLY, (name, value)
            assert response["Content-Type"] == "application/json"
    scans = [json.dumps(scan, default=str) for scan in Scan.objects.values()]
    assert not any("\\u0000" in scan for scan in scans)


@pytest.mark.parametrize("address", BODIES)
@pytest.mark.parametrize("half", [r"\ud800", r"\udfff\ud800", r"a\udc00b"])
def test_half_a_character_is_refused_wherever_it_stands(operator, address, half):
    """Valid JSON, but no text: no database can store it."""
    for name in BODIES[address]:
        body = json.dumps(BODIES[address] | {name: "HERE"}).replace("HERE", half)
        assert post(operator, body, address).status_code in (404, 422), name
    whole = json.dumps(BODIES[address] | {"HERE": 1}).replace("HERE", half)
    assert post(operator, whole, address).status_code in ORDERLY


def test_half_a_character_among_codes_is_refused(operator):
    body = BODIES["/scans/incidents/"] | {"codes": {"cp": "HERE"}}
    sent = json.dumps(body).replace("HERE", r"\ud800")
    assert post(operator, sent, "/scans/incidents/").status_code == 422
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        '{"a":' * 2_500 + "1" + "}" * 2_500,
        '{"note":' + "[" * 6_000 + "]" * 6_000 + "}",
        '{"sequence": ' + "9" * 5_000 + "}",
        b'{"note": "\xff"}',
        b'{"note": "\xed\xa0\x80"}',
        "\ufeff{}",
        "{}{}",
        "{'id': 1}",
    ],
    ids=["deep", "deep within", "long number", "no utf-8", "half", "mark", "two", "python"],
)
def test_400_for_what_is_no_good_json(operator, body):
    assert post(operator, body).status_code in (400, 422)
    assert not Scan.objects.exists()


def test_a_field_that_is_there_twice_is_refused(operator):
    """The last one counts for us; who reads along may believe the first."""
    sent = json.dumps(payload(defect="000"))
    for again in ('"defect": "001"', '"defect": "000"', '"def\\u0065ct": "001"'):
        response = post(operator, sent[:-1] + f", {again}}}")
        assert response.status_code == 400
    assert not Scan.objects.exists()
