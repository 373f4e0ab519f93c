"""Scans as a file, by the reports' filters: what stands in it, and who may have it."""

import csv
import gc
import io
import logging
import re
import sys
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from scans.corrections import void_scan
from scans.exporting import export
from scans.exporting.columns import COLUMNS
from scans.floor import current_floor
from scans.models import Event, Operator, Scan
from scans.recording import record_scan
from scans.reporting import rollups
from scans.reporting.filters import Filters
from scans.submission import read, read_void
from tests.scans.sample import payload

QUERY = "?since=2026-11-01&until=2026-11-30"
HEADINGS = [column.name for column in COLUMNS]


def rows_of(data: bytes) -> list[dict[str, str]]:
    text = data.decode("utf-8")
    assert text.startswith("\ufeff")
    assert text.split("\n")[0].endswith("replaced_by\r")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def download(client: Any, path: str = "export.csv", query: str = QUERY) -> bytes:
    answer = client.get(f"/scans/{path}{query}")
    assert answer.status_code == 200
    return answer.getvalue()


@pytest.fixture
def record(master_data, person):
    def make(**changes: Any) -> Scan:
        stored, _created = record_scan(read(payload(**changes)), person("operator"))
        return stored

    return make


@pytest.fixture
def replaced(record, person) -> tuple[Scan, Scan]:
    old = record(cp="CP10045821-0002", defect="001", scanned_at="2026-11-20T15:00:00+02:00")
    new = record(cp="CP10045821-0002", defect="002", scanned_at="2026-11-20T15:00:00+02:00")
    Event.objects.create(
        scan=old, kind="replace", replacement=new, reason="It is a stain.",
        happened_at=datetime(2026, 11, 21, 8, tzinfo=UTC), happened_offset_minutes=120,
        received_at=timezone.now(), recorded_by=person("quality"),
    )  # fmt: skip
    return old, new


def test_a_scan_is_a_row_with_all_that_is_known_of_it(client_of, record):
    scan = record(
        operator="op0001", note="deep", defect="099", station="FG-02",
        device="11111111-2222-4333-8444-555555555555", sequence=12,
        sent_at="2026-11-20T14:05:10+02:00",
    )  # fmt: skip
    (row,) = rows_of(download(client_of("auditor")))
    assert list(row) == HEADINGS
    assert int(row.pop("clock_skew_seconds")) == scan.clock_skew_seconds
    received = datetime.fromisoformat(row.pop("received_at"))
    assert abs((received - scan.received_at).total_seconds()) < 0.001
    assert row == {
        "id": str(scan.uid),
        "station": "FG-02",
        "operator": "OP0001",
        "operator_name": "Ana Popescu",
        "cp": "CP10045821-0001",
        "cp_base": "CP10045821",
        "oc1": "OC01",
        "oc2": "OC11",
        "defect": "099",
        "defect_name": "Altul (notă obligatorie)",
        "result": "rejected",
        "note": "deep",
        "scanned_at": "2026-11-20T14:05:09.123+02:00",
        "utc_offset_minutes": "120",
        "shift_date": "2026-11-20",
        "shift": "afternoon",
        "recorded_by": "operator",
        "device": "11111111-2222-4333-8444-555555555555",
        "sequence": "12",
        "reinspection_of": "",
        "as_scanned": '{"operator": "op0001"}',
        "state": "valid",
        "state_reason": "",
        "state_at": "",
        "state_by": "",
        "replaced_by": "",
    }


def test_what_counts_no_more_says_why_since_when_and_by_whom(client_of, record, replaced, person):
    scan = record(cp="CP10045821-0003", scanned_at="2026-11-20T16:00:00+02:00")
    void = read_void({"reason": "Wrong piece", "voided_at": "2026-11-20T16:00:30+02:00"})
    void_scan(scan.uid, void, person("quality"), may_correct_any=True)
    old, new = replaced
    rows = {row["id"]: row for row in rows_of(download(client_of("quality")))}
    states = {
        uid: {name: value for name, value in row.items() if name.startswith(("state", "repl"))}
        for uid, row in rows.items()
    }
    assert states == {
        str(scan.uid): {
            "state": "voided",
            "state_reason": "Wrong piece",
            "state_at": "2026-11-20T16:00:30.000+02:00",
            "state_by": "quality",
            "replaced_by": "",
        },
        str(old.uid): {
            "state": "replaced",
            "state_reason": "It is a stain.",
            "state_at": "2026-11-21T10:00:00.000+02:00",
            "state_by": "quality",
            "replaced_by": str(new.uid),
        },
        str(new.uid): dict.fromkeys(states[str(new.uid)], "") | {"state": "valid"},
    }


def test_the_two_formats_say_the_same(client_of, record, replaced):
    record(note="=1+1", defect="003")
    texts = [list(row.values()) for row in rows_of(download(client_of("quality")))]
    book = openpyxl.load_workbook(io.BytesIO(download(client_of("quality"), "export.xlsx")))
    head, *rows = book.active.iter_rows(values_only=True)
    assert list(head) == HEADINGS
    assert len(rows) == 3
    for text, row in zip(texts, rows, strict=True):
        for name, expected, cell in zip(HEADINGS, text, row, strict=True):
            if name.endswith("_at"):
                # A sheet has the clock on the wall, and nothing of zones.
                assert (expected == "") is (cell is None)
                if cell is not None:
                    told = datetime.fromisoformat(expected).replace(tzinfo=None)
                    assert abs((told - cell).total_seconds()) < 0.002
            else:
                assert expected == ("" if cell is None else str(cell))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "＝", "－", " =", "\n@", "'="])
def test_nothing_in_a_cell_calculates(client_of, record, sign):
    record()
    # No station takes all of these: they may come from elsewhere.
    Scan.objects.bulk_create([_hostile(f"{sign}HYPERLINK(1)")])
    Operator.objects.create(badge="OP0099", name=f"{sign}cmd")
    hostile = rows_of(download(client_of("quality")))[-1]
    assert hostile["note"] == f"'{sign}HYPERLINK(1)"
    assert hostile["operator_name"] == f"'{sign}cmd"
    book = openpyxl.load_workbook(io.BytesIO(download(client_of("quality"), "export.xlsx")))
    cell = book.active.cell(3, HEADINGS.index("note") + 1)
    assert cell.data_type == "s"
    assert cell.value == f"'{sign}HYPERLINK(1)"


def _hostile(note: str) -> Scan:
    scan = Scan.objects.get()
    scan.pk, scan.uid, scan.note = None, "11111111-2222-4333-8444-000000000001", note
    scan.operator = "OP0099"
    return scan


def test_the_filters_are_those_of_the_reports(client_of, record):
    record(cp="CP10045821-0001", station="FG-01")
    record(cp="CP10045822-0001", station="FG-01", defect="001")
    record(cp="CP10045822-0002", defect="001", scanned_at="2026-11-20T23:30:00+02:00")
    client = client_of("quality")

    def cps(query: str) -> list[str]:
        return [row["cp"][2:] for row in rows_of(download(client, query=f"?{query}"))]

    assert cps("date=2026-11-20") == ["10045821-0001", "10045822-0001", "10045822-0002"]
    assert cps("date=2026-11-20&shift=night") == ["10045822-0002"]
    assert cps("date=2026-11-20&station=FG-01&defect=001") == ["10045822-0001"]
    assert cps("date=2026-11-20&result=approved") == ["10045821-0001"]
    assert cps("date=2026-11-20&station=-") == ["10045822-0002"]
    assert cps("") == []
    answer = client.get("/scans/export.csv?date=2026-11-20&station=FG-01")
    assert answer.headers["X-Total-Rows"] == "2"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="scans_2026-11-20_2026-11-20.csv"'
    )
    assert len(answer.getvalue().splitlines()) == 3


def test_how_many_there_are_is_not_told_while_roll_ups_are_behind(client_of, record, monkeypatch):
    record()
    monkeypatch.setattr(rollups, "FRESHEN_RECORDS", 0)
    answer = client_of("quality").get(f"/scans/export.csv{QUERY}")
    assert "X-Total-Rows" not in answer.headers
    assert len(answer.getvalue().splitlines()) == 2


def test_a_filter_that_makes_no_sense_is_answered_in_words(client_of):
    answer = client_of("quality").get("/scans/export.xlsx?since=yesterday&shift=noon")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert re.findall(r"^\w+(?=:)", answer.text, re.MULTILINE) == ["since", "shift"]


def test_each_export_is_written_down(client_of, record, caplog):
    record()
    caplog.set_level(logging.INFO, "quality.exports")
    download(client_of("auditor"), query=f"{QUERY}&operator=OP0001")
    begun().close()
    whole, cut = [line for line in caplog.records if line.name == "quality.exports"]
    assert whole.getMessage() == "auditor exported scans: complete"
    assert whole.fields["filters"] == "since=2026-11-01&until=2026-11-30&operator=OP0001"
    assert whole.fields["rows"] == 1
    assert cut.getMessage() == "somebody exported scans: cut off"


def begun() -> Any:
    """The pieces of an export of which one was taken."""
    f = Filters(since=date(2026, 11, 1), until=date(2026, 11, 30))
    chunks = export.download(export.Export(f, "csv", who="somebody", floor=current_floor()))
    next(chunks)
    return chunks


def test_more_at_once_than_may_be_are_told_to_come_again(client_of, record):
    record()
    client = client_of("auditor")
    others = [begun() for _ in range(export.MOST_AT_ONCE)]
    refused = client.get(f"/scans/export.csv{QUERY}")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "10"
    for other in others:
        other.close()
    for _ in range(export.MOST_AT_ONCE + 1):
        # Nor do those that nobody reads keep others out.
        client.get(f"/scans/export.csv{QUERY}")
        gc.collect()
        assert len(download(client).splitlines()) == 2


def test_room_is_taken_as_soon_as_it_is_given(client_of, record):
    # Of 20 who asked at once 10 got in, and each kept a thread for as long as it liked.
    record()
    client = client_of("auditor")
    answers = [client.get(f"/scans/export.csv{QUERY}") for _ in range(export.MOST_AT_ONCE + 1)]
    assert [answer.status_code for answer in answers] == [200] * export.MOST_AT_ONCE + [503]
    for answer in answers[:-1]:
        assert len(b"".join(answer.streaming_content).splitlines()) == 2  # type: ignore[attr-defined]
    assert len(download(client).splitlines()) == 2


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_the_command_writes_the_same_file(client_of, record, replaced, tmp_path, name):
    record()
    path = tmp_path / f"scans.{name}"
    call_command("exportscans", output=path, since="2026-11-01", until="2026-11-30")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    expected = download(client_of("quality"), f"export.{name}")
    if name == "csv":
        assert path.read_bytes() == expected
    else:
        books = [openpyxl.load_workbook(source) for source in (path, io.BytesIO(expected))]
        one, other = (list(book.active.iter_rows(values_only=True)) for book in books)
        assert one == other
    assert reverse("scans:export_csv") == "/scans/export.csv"


def test_a_command_that_fails_leaves_the_old_file_and_none_beside_it(record, tmp_path, monkeypatch):
    record()
    path = tmp_path / "scans.csv"
    path.write_text("old")

    def fail(*_args: Any, **_options: Any):
        yield []
        raise RuntimeError("the database is away")

    monkeypatch.setattr("scans.reporting.rows.batches", fail)
    with pytest.raises(RuntimeError):
        call_command("exportscans", output=path, date="2026-11-20")
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_command_refuses_what_makes_no_sense(db, tmp_path):
    with pytest.raises(CommandError, match="--since"):
        call_command("exportscans", since="soon")
    with pytest.raises(CommandError, match="csv, xlsx"):
        call_command("exportscans", output=tmp_path / "scans.txt")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("exportscans", output=tmp_path / "none" / "scans.csv")


def test_the_command_writes_to_standard_output(record, monkeypatch):
    record()
    taken = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", taken)
    call_command("exportscans", "--date", "2026-11-20", "--cp-base", "CP10045821")
    assert len(taken.buffer.getvalue().splitlines()) == 2
