"""A workbook that is written while it is made is one that others read."""

import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from defusedxml.ElementTree import fromstring

from scans.exporting import workbook
from scans.exporting.columns import Column, Moment

COLUMNS = [Column("code", 9), Column("number", 5), Column("moment", 20), Column("note", 30)]
MOMENT = datetime(2026, 11, 20, 14, 5, 9, 123000, UTC).replace(tzinfo=None)
MIDNIGHT = MOMENT.replace(hour=0, minute=0, second=0, microsecond=0)


def written(*batches: list[Sequence[Any]], **options: Any) -> bytes:
    return b"".join(workbook.chunks(COLUMNS, batches, **options))


def rows_of(data: bytes, sheet: int = 0) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(BytesIO(data))
    return list(book.worksheets[sheet].iter_rows(values_only=True))


def test_others_read_what_was_written():
    data = written(
        [("000", 0, Moment(MOMENT, "+02:00"), "first"), ("0012", -7, None, "Pată, <b>&amp; „x”")],
        [("007", None, Moment(MIDNIGHT, "+02:00"), " two\nlines ")],
    )
    assert rows_of(data) == [
        ("code", "number", "moment", "note"),
        ("000", 0, MOMENT, "first"),
        ("0012", -7, None, "Pată, <b>&amp; „x”"),
        ("007", None, MIDNIGHT, " two\nlines "),
    ]
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            fromstring(archive.read(name))


def test_its_head_stays_codes_are_text_and_columns_have_their_widths():
    book = openpyxl.load_workbook(BytesIO(written([("000", 1, Moment(MOMENT, "+02:00"), "x")])))
    sheet = book.worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:D2"
    assert [sheet.column_dimensions[name].width for name in "ABCD"] == [9, 5, 20, 30]
    assert sheet["A2"].number_format == "@"
    assert sheet["A2"].data_type == "s"
    assert sheet["B2"].data_type == "n"
    assert sheet["C2"].is_date
    assert sheet["A1"].font.b
    assert not sheet["A2"].font.b


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\0b", "a�b"),
        ("\x0b\x1f\x08", "���"),
        ("\ud800", "�"),
        ("\uffff\ufffe", "��"),
        ("a\rb", "a\rb"),
        ("tab\tline\n", "tab\tline\n"),
        ("\x85\x7f", "\x85\x7f"),
        ("😀 ]]>", "😀 ]]>"),
    ],
)
def test_what_xml_cannot_say_is_shown_as_such(text, read):
    assert rows_of(written([("1", 1, None, text)]))[1][3] == read


def test_what_excel_would_take_for_an_escape_stays_what_it_is():
    """Excel reads _x0041_ as A, and _x005F_ as the line in front of the rest."""
    data = written([("1", 1, None, "_x0041_")])
    assert rows_of(data)[1][3] == "_x005F_x0041_"


def test_a_full_sheet_is_followed_by_another():
    data = written([(str(number), number, None, "x") for number in range(7)], most_rows=4)
    assert [[row[1] for row in rows_of(data, sheet)] for sheet in range(3)] == [
        ["number", 0, 1, 2],
        ["number", 3, 4, 5],
        ["number", 6],
    ]
    assert openpyxl.load_workbook(BytesIO(data)).sheetnames == ["scans", "scans 2", "scans 3"]
    with pytest.raises(IndexError):
        rows_of(data, 3)


def test_without_a_row_it_has_its_head():
    assert rows_of(written()) == [("code", "number", "moment", "note")]


def test_one_that_was_cut_off_does_not_open():
    def failing():
        yield [("1", 1, None, "x")]
        raise RuntimeError("away")

    chunks = workbook.chunks(COLUMNS, failing())
    begun = next(chunks)
    with pytest.raises(RuntimeError):
        next(chunks)
    assert begun
    with pytest.raises(zipfile.BadZipFile):
        openpyxl.load_workbook(BytesIO(begun))


def test_columns_are_called_as_sheets_do():
    assert [workbook._letters(number) for number in (0, 25, 26, 27, 701, 702)] == [
        "A", "Z", "AA", "AB", "ZZ", "AAA",
    ]  # fmt: skip
