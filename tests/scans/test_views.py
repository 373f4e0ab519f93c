"""The contract's answers."""

import io
import json
import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from scans.models import Scan
from scans.shifts import shift_at
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def test_201_and_the_stored_record(operator):
    sent = payload()
    response = post(operator, sent)
    assert response.status_code == 201
    answer = response.json()
    assert answer["id"] == sent["id"]
    assert answer["scanned_at"] == "2026-11-20T14:05:09.123000+02:00"
    assert answer["approved"] is True
    assert answer["received_at"]


def test_200_and_the_same_body_for_the_same_scan(operator):
    sent = payload()
    first = post(operator, sent)
    second = post(operator, sent)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    assert Scan.objects.count() == 1


def test_409_for_other_content(operator):
    sent = payload()
    post(operator, sent)
    assert post(operator, sent | {"defect": "001"}).status_code == 409
    assert Scan.objects.get().defect_id == "000"


def test_422_names_the_field(operator):
    response = post(operator, payload(defect="999"))
    assert response.status_code == 422
    assert list(response.json()["errors"]) == ["defect"]
    assert not Scan.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["", "nope", "[]", '"text"', "null", "{", "[" * 8000, b"\xff\xfe", '{"id": NaN'],
)
def test_400_for_what_is_not_a_json_object(operator, body):
    assert post(operator, body).status_code == 400


def test_413_for_too_large_a_body(operator):
    assert post(operator, payload(note="x" * 20_000)).status_code == 413
    assert not Scan.objects.exists()


@pytest.mark.parametrize(("method", "path"), [("post", "/scans/"), ("get", "/scans/recent/")])
def test_401_as_json_when_not_signed_in(client_of, method, path):
    response = getattr(client_of(""), method)(path)
    assert response.status_code == 401
    assert response.json()["error"]


def test_401_comes_before_the_csrf_check(db):
    response = post(Client(enforce_csrf_checks=True), payload())
    assert response.status_code == 401


def test_403_for_a_missing_csrf_token(person):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    response = post(client, payload())
    assert response.status_code == 403
    assert response.json()["error"]
    assert not Scan.objects.exists()


def test_a_csrf_token_lets_it_through(person):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    client.get("/scans/station/")
    token = client.cookies["csrftoken"].value
    assert post(client, payload(), **{"X-CSRFToken": token}).status_code == 201


def test_403_without_the_right(client_of):
    response = post(client_of("auditor"), payload())
    assert response.status_code == 403
    assert response.json()["error"]


@pytest.mark.django_db(transaction=True)
def test_503_when_the_pool_is_exhausted(operator, settings):
    """All leases are held elsewhere: the answer comes, as JSON, and says when to try again."""
    alias = connections["default"]
    alias.close()
    holders, release = [], threading.Event()
    limit = alias.pool.stats().limit
    held = threading.Barrier(limit + 1)

    def hold() -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
            held.wait(timeout=60)
            release.wait(timeout=120)
        connections.close_all()

    for _ in range(limit):
        holders.append(threading.Thread(target=hold))
        holders[-1].start()
    try:
        held.wait(timeout=60)
        response = post(operator, payload())
        live = operator.get("/health/live")
        ready = operator.get("/health/ready")
    finally:
        release.set()
        for holder in holders:
            holder.join(timeout=60)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response.json()["error"]
    # Neither queues behind the pool.
    assert (live.status_code, ready.status_code) == (200, 200)
    assert post(operator, payload()).status_code == 201


def test_recent_lists_the_15_newest_and_the_totals_of_the_shift(operator):
    now = timezone.now()
    for number in range(17):
        defect = "001" if number % 4 == 0 else "000"
        sent = payload(
            cp=f"CP10045821-{number:04}", scanned_at=now.isoformat(), defect=defect, station="FG-01"
        )
        assert post(operator, sent).status_code == 201
    before = shift_at(now).start - timedelta(seconds=1)
    post(operator, payload(scanned_at=before.isoformat(), station="FG-01"))
    post(operator, payload(scanned_at=now.isoformat(), station="FG-02"))

    answer = operator.get("/scans/recent/?station=FG-01").json()
    assert answer["totals"] == {"approved": 12, "rejected": 5}
    assert len(answer["scans"]) == 15
    assert [scan["cp"] for scan in answer["scans"][1:3]] == ["CP10045821-0016", "CP10045821-0015"]
    assert operator.get("/scans/recent/").json()["totals"] == {"approved": 13, "rejected": 5}


def test_recent_tells_shift_order_clock_and_revision(operator):
    before = timezone.now()
    answer = operator.get("/scans/recent/?station=FG-01").json()
    assert answer["scans"] == []
    assert answer["totals"] == {"approved": 0, "rejected": 0}
    assert answer["order"] is None
    shift = shift_at(before)
    assert answer["shift"] == {
        "name": shift.name,
        "start": shift.start.isoformat(),
        "end": shift.end.isoformat(),
    }
    assert before <= datetime.fromisoformat(answer["now"]) <= timezone.now()
    assert answer["revision"] == operator.get("/scans/floor/").json()["revision"]


def test_an_order_counts_its_pieces_by_their_last_valid_scan(operator):
    def scan(piece: str, defect: str, minute: int) -> None:
        moment = f"2026-11-20T14:{minute:02}:00+02:00"
        sent = payload(cp=f"CP10045821-{piece}", defect=defect, scanned_at=moment)
        assert post(operator, sent | {"station": "FG-01"}).status_code == 201

    scan("0001", "001", 1)
    scan("0001", "000", 2)  # repaired
    scan("0002", "000", 1)
    scan("0002", "001", 3)
    scan("0002", "000", 2)  # delivered late: the one before stays the last
    scan("0003", "000", 1)
    post(operator, payload(cp="CP10045822-0001"))
    answer = operator.get("/scans/recent/?station=FG-02&cp_base=CP10045821").json()
    # Wherever they were scanned.
    assert answer["order"] == {"base": "CP10045821", "approved": 2, "rejected": 1}
    for base, counted in [("CP10045822", 1), ("CP99999999", 0), ("' OR 1", 0)]:
        order = operator.get("/scans/recent/", {"cp_base": base}).json()["order"]
        assert order == {"base": base, "approved": counted, "rejected": 0}


@pytest.mark.parametrize(("late_seconds", "skew"), [(0, 0), (90, 90), (-3600, -3600)])
def test_a_stations_clock_is_compared_and_never_corrected(operator, late_seconds, skew):
    clock = timezone.now() - timedelta(seconds=late_seconds)
    answer = post(operator, payload(sent_at=clock.isoformat())).json()
    assert answer["clock_skew_seconds"] == pytest.approx(skew, abs=20)
    assert answer["scanned_at"] == "2026-11-20T14:05:09.123000+02:00"


@pytest.mark.parametrize(
    ("sent_at", "skew"),
    [
        # A battery was empty: since then the computer counts from the beginning.
        ("1970-01-01T00:00:30Z", 1_790_000_000),
        ("0001-01-01T00:00:00+14:00", 2_000_000_000),
        ("2099-12-31T23:59:59-23:59", -2_000_000_000),
        ("9999-12-31T23:59:59-14:00", -2_000_000_000),
    ],
)
def test_no_clock_is_so_wrong_that_a_scan_waits_for_it(operator, sent_at, skew):
    """The scan was made at a good time; only the sending was not."""
    response = post(operator, payload(sent_at=sent_at))
    assert response.status_code == 201
    assert response.json()["clock_skew_seconds"] == pytest.approx(skew, rel=0.1)


def test_browser_number_and_clock_may_be_left_out(operator):
    answer = post(operator, payload()).json()
    assert answer["clock_skew_seconds"] is None
    scan = Scan.objects.get()
    assert (scan.device, scan.sequence) == (None, None)


def test_the_same_scan_from_a_page_that_knows_its_browser_is_the_same(operator):
    """An older page has kept and sent it; the newer one sends it again."""
    sent = payload()
    first = post(operator, sent)
    newer = sent | {"device": str(uuid4()), "sequence": 7, "sent_at": timezone.now().isoformat()}
    again = post(operator, newer)
    assert (again.status_code, again.content) == (200, first.content)


@pytest.mark.parametrize("change", [{"device": str(uuid4())}, {"sequence": 8}])
def test_409_for_the_same_id_from_another_browser_or_number(operator, change):
    sent = payload(device=str(uuid4()), sequence=7)
    post(operator, sent)
    assert post(operator, sent | {"sent_at": timezone.now().isoformat()}).status_code == 200
    assert post(operator, sent | change).status_code == 409


def test_a_tally_counts_what_arrived_from_a_browser(operator):
    device, other = str(uuid4()), str(uuid4())
    for number, minute in enumerate([0, 1, 2, 59], 1):
        moment = f"2026-11-20T14:{minute:02}:00+02:00"
        sent = payload(device=device, sequence=number, scanned_at=moment)
        assert post(operator, sent).status_code == 201
    post(operator, payload(device=other, sequence=1, scanned_at="2026-11-20T14:01:00+02:00"))
    post(operator, payload(scanned_at="2026-11-20T14:01:00+02:00"))
    window = {"since": "2026-11-20T14:00:00+02:00", "until": "2026-11-20T12:59:00Z"}
    answer = operator.get("/scans/tally/", {"device": device} | window)
    assert answer.json() == {"count": 3}
    assert operator.get("/scans/tally/", {"device": "x"} | window).status_code == 422


def test_the_address_of_the_old_shift_report_still_shows_that_shift(client_of, operator):
    post(operator, payload(station="FG-01"))
    post(operator, payload(station="FG-01", defect="001"))
    post(operator, payload(station="FG-02"))
    response = client_of("quality").get("/scans/reports/?date=2026-11-20&shift=afternoon")
    totals = response.context["totals"]
    assert (totals.approved, totals.rejected) == (2, 1)
    counts = [(one.label, one.totals.scans) for one in response.context["stations"]]
    assert counts == [("FG-01", 2), ("FG-02", 1)]
    assert response.context["bar"].period.endswith("14:00–22:00")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain", ""])
def test_400_for_another_content_type(person, kind):
    """With the CSRF check on: it would read a form's body, and leave none for the view."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    response = client.post("/scans/", b"--x--", content_type=kind)
    assert response.status_code == 400
    assert "application/json" in response.json()["error"]


@pytest.mark.parametrize(("size", "status"), [(0, 201), (20_000, 413)])
def test_a_body_in_chunks_is_read_without_a_length(operator, size, status):
    body = json.dumps(payload(note="")).encode() + b" " * size
    response = operator.generic(
        "POST",
        "/scans/",
        body,
        content_type="application/json",
        CONTENT_LENGTH="",
        **{"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(body)},
    )
    assert response.status_code == status
