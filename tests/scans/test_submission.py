"""What a station sends, read strictly."""

from datetime import timedelta

import pytest

from scans.barcode import STANDARD
from scans.submission import Refused, misfits, read
from tests.scans.sample import payload


def errors_of(**changes) -> dict[str, list[str]]:
    try:
        return misfits(read(payload(**changes)), STANDARD)
    except Refused as refused:
        return refused.errors


def test_a_good_scan_is_read_as_it_is():
    submission = read(payload(note="  by the window ", station="FG-01"))
    assert submission.cp == "CP10045821-0001"
    assert submission.note == "by the window"
    assert submission.station == "FG-01"
    assert submission.scanned_at.utcoffset() == timedelta(hours=2)
    assert submission.raw == {}


def test_a_repaired_code_keeps_its_raw_text():
    submission = read(payload(cp="]C1cp10045821'0001\r"))
    assert submission.cp == "CP10045821-0001"
    assert submission.raw == {"cp": "]C1cp10045821'0001\r"}


@pytest.mark.parametrize("name", ["id", "operator", "cp", "oc1", "oc2", "defect", "scanned_at"])
@pytest.mark.parametrize("value", [None, "", 7, True, ["OP0001"], {"a": 1}, "?"])
def test_every_field_is_required_and_checked(name, value):
    assert list(errors_of(**{name: value})) == [name]


@pytest.mark.parametrize("name", ["note", "station"])
@pytest.mark.parametrize("value", [7, ["x"], "x" * 501, "a\x00b"])
def test_optional_fields_are_checked_too(name, value):
    assert list(errors_of(**{name: value})) == [name]


def test_all_errors_are_told_at_once():
    assert set(errors_of(cp="CP1004582-0001", operator="OP0001OP0001", defect="00")) == {
        "cp",
        "operator",
        "defect",
    }


def test_an_error_shows_how_the_code_should_look():
    (message,) = errors_of(cp="CP1004582-0001")["cp"]
    assert "CP1004582-0001" in message
    assert "CP10045821-0007" in message


def test_four_kilobytes_of_text_are_refused_without_being_repeated():
    (message,) = errors_of(cp="A" * 4096)["cp"]
    assert "4096" in message
    assert len(message) < 200


@pytest.mark.parametrize(
    "scanned_at",
    [
        "2026-11-20T14:05:09",  # no offset
        "2026-02-30T14:05:09+02:00",
        "0001-01-01T00:00:00+14:00",  # would overflow in UTC
        "yesterday",
        "1793889909",
    ],
)
def test_a_time_that_is_not_a_moment_is_refused(scanned_at):
    assert list(errors_of(scanned_at=scanned_at)) == ["scanned_at"]


@pytest.mark.parametrize("name", ["id", "operator", "cp", "defect", "note", "station"])
def test_half_a_character_is_refused(name):
    """JSON can spell it; no database can store it."""
    assert list(errors_of(**{name: "\ud800"})) == [name]


@pytest.mark.parametrize(
    "uid",
    [
        "0x1e1e5ad96d0a4b0ca4f80d1a3f6d8c55",
        "{7e1e5ad9-6d0a-4b0c-a4f8-0d1a3f6d8c55}",
        "7e1e5ad96d0a4b0ca4f80d1a3f6d8c55",
        " 7e1e5ad9-6d0a-4b0c-a4f8-0d1a3f6d8c55",
        "٧e1e5ad9-6d0a-4b0c-a4f8-0d1a3f6d8c55",
    ],
)
def test_an_id_has_one_spelling(uid):
    assert list(errors_of(id=uid)) == ["id"]


@pytest.mark.parametrize(
    "scanned_at",
    [
        "2026-11-20T14:05:09Z",
        "2026-11-20t14:05:09.1z",
        "2026-11-20T14:05:09.123456789+0200",
        "2026-11-20T14:05-05:30",
    ],
)
def test_the_usual_spellings_of_a_moment_are_read(scanned_at):
    assert read(payload(scanned_at=scanned_at)).scanned_at.year == 2026


@pytest.mark.parametrize(
    "scanned_at",
    [
        "2026-W47-5T10:00:00Z",
        "2026-11-20X14:05:09Z",
        "2026-11-20T14:05:09+02:00:30",
        "٢٠٢٦-11-20T14:05:09Z",
    ],
)
def test_the_unusual_ones_are_not(scanned_at):
    assert list(errors_of(scanned_at=scanned_at)) == ["scanned_at"]


def test_a_note_of_nothing_visible_is_no_note():
    assert read(payload(note="\u200b \u2060")).note == ""


def test_a_note_may_have_lines():
    assert read(payload(note="left\r\nright")).note == "left\nright"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "7"),
        ("device", 7),
        ("sequence", 0),
        ("sequence", "1"),
        ("sequence", True),
        ("sequence", 1.5),
        ("sequence", 10**12),
        ("sent_at", "now"),
        ("sent_at", "2026-11-20T14:05:09"),
    ],
)
def test_what_newer_pages_add_is_checked_when_it_is_there(name, value):
    assert list(errors_of(**{name: value})) == [name]
