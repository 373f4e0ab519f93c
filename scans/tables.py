"""Reads tables that somebody sends, CSV or XLSX, and makes cells that calculate nothing."""

import csv
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO

import openpyxl
import tablib
from django.utils.translation import gettext as _
from import_export.formats import base_formats
from openpyxl.utils.exceptions import InvalidFileException

MAX_BYTES = 1_000_000
MAX_ROWS = 5000
MAX_COLUMNS = 50
# Ten times what a column takes. A workbook keeps a text once, and may name it in each cell.
MAX_CELL_CHARACTERS = 1000
# What an XLSX of that many rows may become when it is unpacked: to read more takes too long.
MAX_UNPACKED_BYTES = 5_000_000
MAX_PARTS = 100

# What a spreadsheet takes for the beginning of a formula; the wide ones where such are usual.
_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BLANKS = ("\t", "\r", "\n")


class Unreadable(ValueError):
    """It is no table that is taken; the message says where, and what to do."""


def harmless(text: str) -> str:
    """The text as a cell of a spreadsheet that calculates nothing."""
    return f"'{text}" if _may_calculate(text) else text


def as_meant(text: str) -> str:
    """The text of a cell that was made harmless."""
    return text[1:] if text.startswith("'") and _may_calculate(text[1:]) else text


def _may_calculate(text: str) -> bool:
    # Whose own text begins as a harmless one gets it back, too.
    text = text.lstrip("'")
    return text.startswith(_BLANKS) or text.lstrip().startswith(_SIGNS)


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            _("Line %(line)d is not UTF-8. Save the file as “CSV UTF-8”.") % {"line": line}
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(_("Line %(line)d is no text: is this a CSV file?") % {"line": line})
    return text


def _csv_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row with its line. A comma, a semicolon (as Excel writes it here) or a tab divides."""
    text = _text(data)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise Unreadable(
            _("Line %(line)d cannot be read: %(error)s.")
            % {"line": reader.line_num, "error": error}
        ) from error


def _check_archive(data: bytes) -> None:
    """Before anything is unpacked: what the archive says of itself, which nothing goes beyond."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise Unreadable(
            _("Unpacked, this file is too large: more than %(bytes)d MB.")
            % {"bytes": MAX_UNPACKED_BYTES // 1_000_000}
        )


def _xlsx_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _check_archive(data)
        book = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
        # What a sheet says of its size may be anything: one cell in the last row of all.
        rows = book.worksheets[0].iter_rows(
            max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True
        )
        for number, row in enumerate(rows, start=1):
            yield number, ["" if cell is None else str(cell) for cell in row]
    except Unreadable:
        raise
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        SyntaxError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        # Whatever a broken file makes openpyxl and its readers of XML stumble over.
        raise Unreadable(_("This is no XLSX file that can be read.")) from error


def _trimmed(row: Sequence[str]) -> list[str]:
    """Without the empty cells at the end, which spreadsheets leave behind."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


class Rows(tablib.Dataset):
    """Knows in which line of its file each row stood."""

    lines: list[int]


def _dataset(rows: Iterable[tuple[int, list[str]]]) -> Rows:
    """Headers first; empty rows are left out. Raises Unreadable."""
    dataset: Rows | None = None
    for line, row in rows:
        cells = _trimmed(row)
        if len(cells) > MAX_COLUMNS:
            raise Unreadable(_("At most %(count)d columns.") % {"count": MAX_COLUMNS})
        if not cells:
            continue
        if max(map(len, cells)) > MAX_CELL_CHARACTERS:
            raise Unreadable(
                _("Line %(line)d: a cell has more than %(count)d characters.")
                % {"line": line, "count": MAX_CELL_CHARACTERS}
            )
        if dataset is None:
            dataset = Rows(headers=[cell.lower() for cell in cells])
            dataset.lines = []
            continue
        width = len(dataset.headers)
        if len(cells) > width:
            raise Unreadable(
                _("Line %(line)d has %(found)d cells, but there are %(expected)d columns.")
                % {"line": line, "found": len(cells), "expected": width}
            )
        if len(dataset) == MAX_ROWS:
            raise Unreadable(_("At most %(count)d rows in one file.") % {"count": MAX_ROWS})
        dataset.append([*cells, *[""] * (width - len(cells))])
        dataset.lines.append(line)
    if dataset is None or not len(dataset):
        raise Unreadable(_("There is no row below the names of the columns."))
    return dataset


class Csv(base_formats.CSV):
    """Read here from bytes, so that it can be said which line is wrong."""

    def is_binary(self) -> bool:
        return True

    def get_read_mode(self) -> str:
        return "rb"

    def create_dataset(self, in_stream: bytes, **kwargs: object) -> Rows:
        return _dataset(_csv_rows(in_stream))

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> bytes:
        # With the mark by which Excel knows UTF-8.
        text: str = super().export_data(dataset, **kwargs)
        return text.encode("utf-8-sig")


class Xlsx(base_formats.XLSX):
    """Unpacked only as far as a table of ours may go."""

    def create_dataset(self, in_stream: bytes) -> Rows:
        return _dataset(_xlsx_rows(in_stream))


FORMATS = [Csv, Xlsx]
