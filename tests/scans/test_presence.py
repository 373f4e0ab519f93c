"""The server knows which browsers are there, and what they have not delivered."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from scans.models import Presence, Revision
from tests.scans.sample import post

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def beat(client, **changes):
    body = {
        "station": "FG-01",
        "device": str(uuid4()),
        "pending": 3,
        "oldest_pending_seconds": 90,
        "attention": 1,
    } | changes
    return post(client, body, "/scans/heartbeat/")


def test_a_browser_has_one_row_however_often_it_is_heard_of(operator):
    device = uuid4()
    assert beat(operator, device=str(device)).status_code == 200
    long_ago = timezone.now() - timedelta(days=1)
    Presence.objects.update(seen_at=long_ago)
    beat(
        operator,
        device=str(device).upper(),
        station="FG-02",
        pending=0,
        oldest_pending_seconds=None,
        attention=0,
    )
    presence = Presence.objects.get()
    assert presence.device == device
    assert presence.station_id == "FG-02"
    assert (presence.pending, presence.oldest_pending_seconds, presence.attention) == (0, 0, 0)
    assert presence.seen_at > long_ago + timedelta(hours=23)
    beat(operator)
    assert Presence.objects.count() == 2


def test_the_answer_tells_the_revision_of_the_floor(operator):
    assert beat(operator).json() == {"revision": Revision.objects.get().number}


@pytest.mark.parametrize("station", ["", None, "FG-99"])
def test_a_browser_without_a_station_is_heard_of_too(operator, station):
    assert beat(operator, station=station).status_code == 200
    assert Presence.objects.get().station_id is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device", None),
        ("device", "7"),
        ("pending", -1),
        ("pending", None),
        ("pending", True),
        ("pending", 2.5),
        ("pending", "3"),
        ("pending", 10**12),
        ("attention", None),
        ("oldest_pending_seconds", -1),
        ("station", ["FG-01"]),
    ],
)
def test_422_names_the_field(operator, field, value):
    response = beat(operator, **{field: value})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]
    assert not Presence.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("", 401), ("quality", 403), ("admin", 403)])
def test_only_stations_are_heard(client_of, role, status):
    assert beat(client_of(role)).status_code == status
