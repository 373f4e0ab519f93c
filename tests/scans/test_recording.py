"""A scan is stored once, however often it is sent."""

import threading
from uuid import uuid4

import pytest
from django.db import connection, connections

from scans.models import Defect, Operator, Scan, Station
from scans.recording import ScanConflict, record_scan
from scans.submission import Refused, read
from tests.scans.sample import payload

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def operator(person):
    return person("operator")


def test_a_scan_is_stored_whole(operator):
    scan, created = record_scan(
        read(payload(cp="cp10045821'0001", station="FG-02", note="ok")), operator
    )
    assert created
    stored = Scan.objects.get()
    assert stored.cp == "CP10045821-0001"
    assert stored.cp_base == "CP10045821"
    assert stored.raw == {"cp": "cp10045821'0001"}
    assert stored.station_id == "FG-02"
    assert stored.recorded_by == operator
    assert stored.scanned_at_local.isoformat() == "2026-11-20T14:05:09.123000+02:00"
    assert stored.received_at == scan.received_at


def test_the_same_scan_sent_again_is_the_same_row(operator, person):
    sent = payload()
    first, _ = record_scan(read(sent), operator)
    # Another user's sign-in lets it through: still the same scan.
    again, created = record_scan(read(sent), person("quality"))
    assert not created
    assert again.pk == first.pk
    assert again.received_at == first.received_at
    assert Scan.objects.count() == 1


def test_a_repaired_and_a_clean_code_are_the_same_content(operator):
    sent = payload()
    record_scan(read(sent), operator)
    _, created = record_scan(read(sent | {"cp": sent["cp"].lower()}), operator)
    assert not created


@pytest.mark.parametrize(
    "change",
    [
        {"defect": "001"},
        {"cp": "CP10045821-0002"},
        {"operator": "OP0002"},
        {"oc1": "OC02"},
        {"oc2": "OC12"},
        {"note": "other"},
        {"station": "FG-01"},
        {"scanned_at": "2026-11-20T14:05:10+02:00"},
        {"scanned_at": "2026-11-20T13:05:09.123+01:00"},
    ],
)
def test_other_content_under_the_same_id_is_a_conflict(operator, change):
    sent = payload()
    record_scan(read(sent), operator)
    with pytest.raises(ScanConflict):
        record_scan(read(sent | change), operator)
    assert Scan.objects.get().defect_id == "000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"defect": "999"}, "defect"),
        ({"defect": "099"}, "note"),
        ({"station": "FG-99"}, "station"),
    ],
)
def test_unknown_master_data_is_refused(operator, change, field):
    with pytest.raises(Refused) as refused:
        record_scan(read(payload(**change)), operator)
    assert list(refused.value.errors) == [field]
    assert not Scan.objects.exists()


@pytest.mark.parametrize(
    ("model", "key", "field"),
    [
        (Defect, {"code": "000"}, "defect"),
        (Operator, {"badge": "OP0001"}, "operator"),
        (Station, {"code": "FG-01"}, "station"),
    ],
)
def test_what_was_deactivated_is_refused(operator, model, key, field):
    model.objects.filter(**key).update(active=False)
    with pytest.raises(Refused) as refused:
        record_scan(read(payload(station="FG-01")), operator)
    assert list(refused.value.errors) == [field]


def test_a_badge_that_the_office_does_not_know_yet_counts(operator):
    scan, _ = record_scan(read(payload(operator="OP4711")), operator)
    assert scan.operator == "OP4711"


def test_a_stored_scan_stays_stored_when_its_defect_is_deactivated(operator):
    sent = payload(defect="001")
    record_scan(read(sent), operator)
    Defect.objects.filter(code="001").update(active=False)
    _, created = record_scan(read(sent), operator)
    assert not created
    with pytest.raises(ScanConflict):
        record_scan(read(sent | {"cp": "CP10045821-0002"}), operator)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_five_at_once_make_one_row(operator, same):
    sent = payload()
    start = threading.Barrier(5)
    outcomes: list[str] = []

    def send(number: int) -> None:
        change = {} if same else {"note": f"sender {number}"}
        try:
            start.wait(timeout=60)
            _, created = record_scan(read(sent | change), operator)
            outcomes.append("created" if created else "stored before")
        except ScanConflict:
            outcomes.append("conflict")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert Scan.objects.count() == 1
    assert sorted(outcomes) == ["conflict" if not same else "created"] * (4 if not same else 1) + [
        "created" if not same else "stored before"
    ] * (1 if not same else 4)


def test_a_row_lies_in_the_database_as_sent(operator):
    """Read past the ORM: what is committed is what was scanned."""
    uid = uuid4()
    record_scan(read(payload(id=str(uid), defect="007")), operator)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cp, defect_id, scanned_at FROM scans_scan WHERE uid = %s", [uid])
        cp, defect, scanned_at = cursor.fetchone()
    assert (cp, defect) == ("CP10045821-0001", "007")
    assert scanned_at.isoformat() == "2026-11-20T12:05:09.123000"
