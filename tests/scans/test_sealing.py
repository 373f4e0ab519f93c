"""What was recorded is sealed in a chain, and whatever is changed behind its back is found."""

import json
import logging
import threading
from datetime import timedelta
from hashlib import sha256
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from scans.corrections import correct_scan
from scans.keeping import canonical, sealing
from scans.keeping.sealing import head_of, seal_new, seal_now
from scans.keeping.verification import Wrong, verify
from scans.models import Event, Scan, Seal
from scans.recording import record_scan
from scans.submission import read
from tests.records import unlocked
from tests.scans.sample import payload

pytestmark = pytest.mark.usefixtures("master_data")
# Triggers cannot be dropped within a transaction that is rolled back.
unprotected = pytest.mark.django_db(transaction=True)


def run(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 4)


@pytest.fixture
def scanned(person, monkeypatch):
    """`scanned(10)` records so many, long enough ago; the clock is set back for it."""
    operator = person("operator")

    def record(count: int, *, minutes_ago: float = 60) -> list[Scan]:
        moment = timezone.now() - timedelta(minutes=minutes_ago)
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda: moment)
            scans = [
                record_scan(read(payload(cp=f"CP10045821-{n:04}")), operator) for n in range(count)
            ]
        return [scan for scan, _created in scans]

    return record


def corrected(scan: Scan, person) -> None:
    correct_scan(scan.uid, {"kind": "void", "reason": "no piece"}, person("quality"))


def seals(table: str = "scans_scan") -> list[Seal]:
    return list(Seal.objects.filter(table_name=table).order_by("number"))


# ----- Sealing


def test_all_that_has_settled_is_sealed_in_batches_that_follow_each_other(scanned):
    scans = scanned(10)
    assert seal_new() == 10
    found = seals()
    assert [seal.count for seal in found] == [4, 4, 2]
    assert [seal.number for seal in found] == [1, 2, 3]
    assert [seal.previous for seal in found] == ["", found[0].digest, found[1].digest]
    assert found[0].first_id == 1
    assert [seal.first_id for seal in found[1:]] == [seal.last_id + 1 for seal in found[:-1]]
    assert found[-1].last_id == scans[-1].pk
    assert seal_new() == 0


def test_what_came_within_the_last_minute_waits(scanned):
    scanned(4, minutes_ago=0.5)
    assert seal_now() == 0


def test_a_batch_waits_ten_minutes_for_more_unless_somebody_is_in_a_hurry(scanned):
    scanned(3, minutes_ago=5)
    assert seal_new() == 0
    assert seal_now() == 3
    scanned(4, minutes_ago=5)
    scanned(1, minutes_ago=5)
    # A full one is sealed at once.
    assert seal_new() == 4
    assert seal_new() == 0


def test_one_run_leaves_the_rest_to_the_next(scanned, monkeypatch):
    monkeypatch.setattr(sealing, "MOST_BATCHES", 2)
    scanned(20)
    assert [seal_new() for _ in range(4)] == [8, 8, 4, 0]


def test_a_short_batch_is_sealed_after_ten_minutes(scanned):
    scanned(3, minutes_ago=11)
    assert seal_new() == 3


def test_events_have_a_chain_of_their_own(scanned, person, monkeypatch):
    corrected(scanned(1)[0], person)
    assert seal_now() == 1
    later = timezone.now() + timedelta(minutes=20)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert seal_now() == 1
    assert [seal.count for seal in seals("scans_event")] == [1]


def test_the_log_is_told_the_head_of_each_chain(scanned, caplog):
    scanned(5)
    with caplog.at_level(logging.INFO, "scans.seals"):
        seal_new()
        seal_new()
    [record] = caplog.records
    assert record.fields == {
        "table": "scans_scan",
        "seal": 2,
        "up_to": Scan.objects.latest("pk").pk,
        "head": seals()[-1].digest,
    }


def test_a_seal_is_what_its_description_says(scanned):
    """Written down once more from the words in `canonical`, by other means."""
    scan = scanned(1)[0]
    seal_new()
    [seal] = seals()
    text = json.dumps(
        [
            str(scan.pk), scan.uid.hex, None, "OP0001", "CP10045821-0000", "CP10045821",
            "OC01", "OC11", "000", "", "{}", "2026-11-20 12:05:09.123000", "120",
            scan.received_at.strftime("%Y-%m-%d %H:%M:%S.%f"), str(scan.recorded_by_id),
            None, None, None, None,
        ],
        ensure_ascii=False,
    ).replace(", ", ",")  # fmt: skip
    digest = sha256(text.encode()).digest()
    assert bytes(seal.marks) == digest[:8]
    assert seal.root == sha256(digest).hexdigest()
    said = f'[1,"scans_scan",1,1,{scan.pk},1,"{seal.root}",""]'
    assert seal.digest == sha256(said.encode()).hexdigest()


def test_texts_and_codes_as_typed_are_sealed_whatever_is_in_them(person):
    note = "Ș „x” \n\t\\ 𝄞 'q' [1,2]"
    sent = payload(note=note, cp="cp10045821'0001", operator=" op0001")
    scan, _ = record_scan(read(sent), person("operator"))
    [sealed] = canonical.read("scans_scan", 1, after=None, up_to=scan.pk, most=9)
    values = dict(
        zip(canonical.LAYOUTS["scans_scan"][1].columns, json.loads(sealed.text), strict=True)
    )
    assert values["note"] == note
    assert values["raw"] == '{"cp":"cp10045821\'0001","operator":" op0001"}'


def test_every_column_is_sealed():
    """A new one needs a new version of the layout."""
    for model in (Scan, Event):
        columns = {field.column for field in model._meta.local_concrete_fields}
        layout = canonical.LAYOUTS[model._meta.db_table][canonical.VERSION]
        assert set(layout.columns) == columns


@pytest.mark.django_db(transaction=True)
def test_five_at_once_seal_each_record_once(scanned):
    scanned(40)
    start = threading.Barrier(5)
    counts: list[int] = []

    def seal() -> None:
        try:
            start.wait(timeout=60)
            counts.append(seal_new())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=seal) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    seal_new()
    assert len(counts) == 5
    assert [seal.number for seal in seals()] == list(range(1, 11))
    assert verify().is_good


# ----- Verifying


def verified(**options) -> tuple[int, str]:
    """What `verifyrecords` exits with and says."""
    out = StringIO()
    try:
        call_command("verifyrecords", stdout=out, stderr=StringIO(), **options)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def first_found() -> tuple[str, str, int | None, int | None]:
    found = verify().findings[0]
    return found.wrong, found.table, found.seal, found.record


def test_what_is_as_it_was_is_good_and_the_rest_is_counted(scanned):
    scanned(10)
    seal_now()
    scanned(3, minutes_ago=0)
    status, said = verified()
    assert status == 0
    assert "scans_scan: 10 records in 3 seals, 3 not sealed yet" in said
    assert "scans_event: 0 records in 0 seals, 0 not sealed yet" in said


def test_without_any_seal_nothing_is_wrong():
    assert verified()[0] == 0


@unprotected
def test_a_record_that_a_superuser_changed_is_named(scanned):
    scans = scanned(10)
    seal_now()
    with unlocked(run):
        run("UPDATE scans_scan SET defect_id = '001' WHERE id = %s", scans[5].pk)
    assert first_found() == (Wrong.CHANGED, "scans_scan", 2, scans[5].pk)
    status, said = verified()
    assert status == 1
    assert f"First broken link: scans_scan, seal 2, id {scans[5].pk}: changed." in said


@unprotected
@pytest.mark.parametrize(
    "change",
    [
        "uid = REPEAT('e', 32)", "station_id = 'FG-01'", "operator = 'OP0002'", "cp = 'x'",
        "cp_base = 'x'", "oc1 = 'x'", "oc2 = 'x'", "note = ' '", "raw = '{\"cp\": \"x\"}'",
        "scanned_at = scanned_at + INTERVAL 1 MICROSECOND", "scanned_offset_minutes = 121",
        "received_at = received_at - INTERVAL 1 MICROSECOND", "device = REPEAT('e', 32)",
        "sequence = 0", "clock_skew_seconds = 0",
    ],
)  # fmt: skip
def test_the_smallest_change_of_any_column_is_found(scanned, change):
    scans = scanned(2)
    seal_now()
    with unlocked(run):
        run(f"UPDATE scans_scan SET {change.replace('%', '%%')} WHERE id = {scans[1].pk}")
    assert first_found() == (Wrong.CHANGED, "scans_scan", 1, scans[1].pk)


@unprotected
@pytest.mark.parametrize("position", [0, 2, 3, 4, 9])
def test_a_record_that_was_deleted_is_named(scanned, position):
    scans = scanned(10)
    seal_now()
    with unlocked(run):
        run("DELETE FROM scans_scan WHERE id = %s", scans[position].pk)
    assert first_found() == (Wrong.MISSING, "scans_scan", position // 4 + 1, scans[position].pk)


@unprotected
def test_where_ids_have_gaps_a_deleted_record_is_named_by_its_neighbours(scanned):
    scans = scanned(2)
    run(f"ALTER TABLE scans_scan AUTO_INCREMENT = {scans[-1].pk + 10}")
    scans += scanned(2)
    seal_now()
    with unlocked(run):
        run("DELETE FROM scans_scan WHERE id = %s", scans[2].pk)
    [finding] = verify().findings
    assert (finding.wrong, finding.seal, finding.record) == (Wrong.MISSING, 1, None)
    assert f"between the ids {scans[1].pk} and {scans[3].pk}" in finding.text


def inserted_at(pk: int, received_at: str) -> None:
    run(
        "INSERT INTO scans_scan (id, uid, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, "
        "scanned_at, scanned_offset_minutes, received_at, recorded_by_id) SELECT %s, REPEAT('d', "
        "32), operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at, 120, %s, "
        "recorded_by_id FROM scans_scan LIMIT 1",
        pk,
        received_at,
    )


@unprotected
@pytest.mark.parametrize(
    ("received_at", "wrong"),
    [("2026-01-01 00:00:00", Wrong.LATE), ("2099-01-01 00:00:00", Wrong.ADDED)],
)
def test_a_record_that_came_into_a_sealed_batch_is_named(scanned, received_at, wrong):
    scans = scanned(3)
    gap = scans[-1].pk + 1
    run(f"ALTER TABLE scans_scan AUTO_INCREMENT = {gap + 1}")
    scanned(6)
    seal_now()
    # No trigger is in the way of an INSERT.
    inserted_at(gap, received_at)
    assert first_found() == (wrong, "scans_scan", 1, gap)


@unprotected
@pytest.mark.parametrize("pk", [-5, 0])
def test_no_record_comes_before_the_first(scanned, pk):
    scanned(4)
    seal_now()
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")
        inserted_at(pk, "2099-01-01")
        cursor.execute("SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_AUTO_VALUE_ON_ZERO', '')")
    assert first_found() == (Wrong.ADDED, "scans_scan", 1, pk)


@unprotected
@pytest.mark.parametrize(
    ("change", "wrong", "number"),
    [
        ("UPDATE scans_seal SET root = REPEAT('0', 64) WHERE number = 2", Wrong.SEAL_CHANGED, 2),
        ("UPDATE scans_seal SET count = 3 WHERE number = 2", Wrong.SEAL_CHANGED, 2),
        ("UPDATE scans_seal SET digest = REPEAT('0', 64) WHERE number = 2", Wrong.SEAL_CHANGED, 2),
        ("UPDATE scans_seal SET version = 9 WHERE number = 2", Wrong.SEAL_CHANGED, 2),
        ("UPDATE scans_seal SET marks = REPEAT('0', 32) WHERE number = 2", Wrong.SEAL_CHANGED, 2),
        ("UPDATE scans_seal SET previous = '' WHERE number = 2", Wrong.CHAIN_BROKEN, 2),
        ("UPDATE scans_seal SET first_id = first_id + 1 WHERE number = 2", Wrong.CHAIN_BROKEN, 2),
        ("DELETE FROM scans_seal WHERE number = 1", Wrong.SEAL_MISSING, 1),
        ("DELETE FROM scans_seal WHERE number = 2", Wrong.SEAL_MISSING, 2),
    ],
)
def test_a_seal_that_was_changed_or_taken_away_is_named(scanned, change, wrong, number):
    scanned(12)
    seal_now()
    with unlocked(run):
        run(change)
    assert first_found() == (wrong, "scans_scan", number, None)


@unprotected
def test_who_seals_a_changed_record_anew_breaks_the_chain_behind_it(scanned):
    scans = scanned(12)
    seal_now()
    with unlocked(run):
        run("UPDATE scans_scan SET defect_id = '001' WHERE id = %s", scans[5].pk)
        run("DELETE FROM scans_seal WHERE number = 2")
        records = canonical.read("scans_scan", 1, after=scans[3].pk, up_to=scans[7].pk, most=4)
        seal = Seal(
            table_name="scans_scan", number=2, first_id=scans[4].pk, last_id=scans[7].pk, count=4,
            version=1, root=canonical.root_of(one.digest for one in records),
            previous=seals()[0].digest, marks=b"".join(one.mark for one in records),
            sealed_at=timezone.now(),
        )  # fmt: skip
        seal.digest = sealing.digest_of(seal)
        seal.save()
    assert first_found() == (Wrong.CHAIN_BROKEN, "scans_scan", 3, None)


@unprotected
def test_who_seals_everything_anew_is_found_out_by_a_digest_that_was_noted(scanned):
    scans = scanned(8)
    seal_now()
    noted = head_of("scans_scan").digest
    scanned(4)
    seal_now()
    assert verified(head=[noted])[0] == 0
    with unlocked(run):
        run("UPDATE scans_scan SET defect_id = '001' WHERE id = %s", scans[5].pk)
        run("DELETE FROM scans_seal")
    seal_now()
    assert verified()[0] == 0
    status, said = verified(head=[noted])
    assert status == 1
    assert f"head missing. No seal has the digest {noted} that was noted." in said


@unprotected
def test_seals_before_one_may_be_trusted(scanned):
    scans = scanned(12)
    seal_now()
    with unlocked(run):
        run("UPDATE scans_scan SET note = 'x' WHERE id = %s", scans[0].pk)
    assert verified(since_seal=1)[0] == 1
    status, said = verified(since_seal=2)
    assert status == 0
    assert "8 records in 2 seals" in said
    # Of the other table there are none so far.
    status, said = verified(since_seal=99)
    assert status == 0
    assert "scans_scan: 0 records in 0 seals, 0 not sealed yet" in said
    with unlocked(run):
        run("DELETE FROM scans_seal WHERE number = 2")
    assert verify(since_seal=3).findings[0].wrong == Wrong.SEAL_MISSING


@unprotected
def test_the_first_of_several_is_named_first_and_all_are_counted(scanned):
    scans = scanned(100)
    seal_now()
    with unlocked(run):
        run("UPDATE scans_scan SET note = 'x'")
    result = verify()
    assert result.count == 25
    assert result.findings[0].record == scans[0].pk
    said = verified()[1]
    assert said.count("changed") == 20
    assert "and 5 more." in said


def test_the_result_as_json(scanned):
    scanned(5)
    seal_now()
    said = json.loads(verified(json=True)[1])
    assert said["sealed"] == {"scans_scan": 5, "scans_event": 0}
    assert said["heads"]["scans_scan"] == seals()[-1].digest
    assert said["findings"] == []


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_between_two_batches(scanned, monkeypatch):
    scanned(10)
    seal_now()
    held = []
    verify(progress=lambda count: held.append(connection.connection is not None))
    assert held[0]  # As it reads.
    kept = []
    give_back = canonical.give_back
    monkeypatch.setattr(
        canonical, "give_back", lambda: (give_back(), kept.append(connection.connection))
    )
    verify()
    assert kept == [None, None, None]


def test_sealrecords_says_how_many(scanned):
    scanned(5, minutes_ago=2)
    out = StringIO()
    call_command("sealrecords", stdout=out)
    assert out.getvalue() == "5 records sealed.\n"
