"""What a station did instead of recording a scan is stored once."""

from uuid import uuid4

import pytest

from scans.models import Incident
from tests.scans.sample import post

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def report(client, **changes):
    body = {
        "id": str(uuid4()),
        "kind": "abandoned",
        "at": "2026-11-20T14:05:09+02:00",
        "station": "FG-01",
        "device": str(uuid4()),
        "codes": {"operator": "OP0001", "cp": "CP10045821-0001"},
    } | changes
    return post(client, body, "/scans/incidents/")


@pytest.mark.parametrize("kind", ["abandoned", "double_read"])
def test_201_and_200_for_the_same_again(operator, kind):
    uid = str(uuid4())
    first = report(operator, id=uid, kind=kind)
    again = report(operator, id=uid, kind=kind)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert first.json()["id"] == uid
    incident = Incident.objects.get()
    assert (incident.kind, incident.station_id) == (kind, "FG-01")
    assert incident.codes == {"operator": "OP0001", "cp": "CP10045821-0001"}
    assert incident.recorded_by.username == "operator"


@pytest.mark.parametrize("changes", [{"station": ""}, {"station": "FG-99"}, {"device": None}])
def test_nobody_is_asked_about_an_incident_again(operator, changes):
    assert report(operator, **changes).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "7"),
        ("kind", "party"),
        ("at", "yesterday"),
        ("codes", []),
        ("codes", {"colour": "red"}),
        ("codes", {"cp": "x" * 65}),
        ("codes", {"cp": 7}),
        ("device", "7"),
    ],
)
def test_422_names_the_field(operator, field, value):
    response = report(operator, **{field: value})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]
    assert not Incident.objects.exists()
