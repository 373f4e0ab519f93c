"""The board's page and its JSON: what they say, to whom, and when nothing at all."""

import json
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from scans.models import Presence, Settings, Station
from scans.shifts import shift_at
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

JSON = "/scans/board.json"


@pytest.fixture
def operator(client_of) -> Client:
    return client_of("operator")


@pytest.fixture
def quality(client_of) -> Client:
    return client_of("quality")


def scan(client, **changes) -> None:
    sent = payload(scanned_at=timezone.now().isoformat(), station="FG-01") | changes
    assert post(client, sent).status_code == 201


def station(client, code="FG-01"):
    lines = client.get(JSON).json()["lines"]
    return next(one for line in lines for one in line["stations"] if one["code"] == code)


def test_it_says_line_by_line_how_the_running_shift_goes(quality, operator):
    Station.objects.update(line="")
    Station.objects.filter(code__in=["FG-01", "FG-02"]).update(line="L1")
    scan(operator)
    scan(operator, cp="CP10045821-0002", defect="001")
    scan(operator, cp="CP10045821-0002")
    found = quality.get(JSON).json()
    shift = shift_at(timezone.now())
    assert found["shift"]["name"] == shift.name
    assert found["shift"]["day"] == f"{shift.day}"
    assert datetime.fromisoformat(found["shift"]["start"]) == shift.start
    codes = {line["name"]: [one["code"] for one in line["stations"]] for line in found["lines"]}
    assert codes == {"": ["FG-03", "FG-04"], "L1": ["FG-01", "FG-02"]}
    one = station(quality)
    assert (one["approved"], one["rejected"]) == (2, 1)
    assert (one["firsts"], one["firsts_approved"]) == (2, 1)
    assert (one["state"], one["why"]) == ("good", [])
    assert station(quality, "FG-02")["why"] == ["silent"]


def test_a_backlog_makes_a_station_red(quality, operator):
    scan(operator)
    beat = {"station": "FG-01", "device": str(uuid4()), "attention": 0}
    post(operator, beat | {"pending": 51, "oldest_pending_seconds": 9}, "/scans/heartbeat/")
    one = station(quality)
    assert (one["state"], one["why"], one["pending"]) == ("red", ["pending"], 51)
    post(operator, beat | {"pending": 1, "oldest_pending_seconds": 301}, "/scans/heartbeat/")
    assert station(quality)["why"] == ["old_pending"]
    post(operator, beat | {"pending": 0, "oldest_pending_seconds": None}, "/scans/heartbeat/")
    assert station(quality)["state"] == "good"


def test_who_has_this_state_already_gets_304_and_nothing_else(quality, operator):
    scan(operator)
    beat = {"station": "FG-01", "device": str(uuid4()), "attention": 0}
    beat |= {"pending": 0, "oldest_pending_seconds": None}
    post(operator, beat, "/scans/heartbeat/")
    first = quality.get(JSON)
    again = quality.get(JSON, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    # That a browser is still there is no news.
    Presence.objects.update(seen_at=timezone.now() - timedelta(seconds=20))
    assert quality.get(JSON, headers={"If-None-Match": first["ETag"]}).status_code == 304
    scan(operator, cp="CP10045821-0002")
    other = quality.get(JSON, headers={"If-None-Match": first["ETag"]})
    assert other.status_code == 200
    assert other["ETag"] != first["ETag"]


def test_the_page_is_drawn_from_what_it_brings_along(quality, operator):
    Station.objects.filter(code="FG-01").update(name="</script><b>")
    scan(operator)
    response = quality.get("/scans/board/")
    html = response.content.decode()
    text = html.partition('<script id="board-data" type="application/json">')[2]
    text = text.partition("</script>")[0]
    assert "<" not in text
    found = quality.get(JSON)
    assert json.loads(text) == found.json()
    tag = found["ETag"].replace('"', "&quot;")
    assert f'data-tag="{tag}"' in html


def test_a_change_of_the_shifts_holds_for_the_next_question(quality):
    quality.get(JSON)
    starts = {"morning_start": time(0, 1), "afternoon_start": time(0, 2), "night_start": time(0, 3)}
    Settings.objects.update(**starts)
    shift = quality.get(JSON).json()["shift"]
    # But for three minutes after midnight.
    assert shift["name"] == shift_at(timezone.now(), Settings.now().starts).name
    assert shift["start"][11:16] in {"00:01", "00:02", "00:03"}


@pytest.mark.parametrize(
    ("role", "page", "data"),
    [("quality", 200, 200), ("admin", 200, 200), ("auditor", 403, 403), ("operator", 403, 403)],
)
def test_who_may_see_it(client_of, role, page, data):
    client = client_of(role)
    assert client.get("/scans/board/").status_code == page
    assert client.get(JSON).status_code == data


def test_whose_session_has_ended_is_told_so_and_not_led_elsewhere(client_of):
    response = client_of("").get(JSON)
    assert response.status_code == 401
    assert response.json()["error"]


def test_what_the_board_asks_is_no_sign_of_a_person(client_of):
    client = client_of("admin")
    client.get("/scans/board/")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    Session.objects.update(seen_at=long_ago)
    assert client.get(JSON).status_code == 200
    assert Session.objects.get().seen_at == long_ago
    client.get("/scans/board/")
    assert Session.objects.get().seen_at > long_ago
