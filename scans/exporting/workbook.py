"""Writes an export as XLSX while it is made: no sheet is ever in memory, or on a disk."""

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from scans.exporting.columns import Cell, Column, Moment

# What a sheet has room for; the first row has the names.
MOST_ROWS = 1_048_576
# A part of a zip file that is larger is written otherwise, and not every reader knows how.
MOST_SHEET_BYTES = 2_000_000_000
SPEED = 3  # of 1 to 9: the file is a fifth larger than with 9, and made in a third of the time

_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zones
_DAY = timedelta(days=1)
_TEXT, _MOMENT, _HEADING = 1, 2, 3  # in STYLES

# What XML has no way to say, and what a reader would take for an escape of Excel's.
_UNUSUAL = re.compile("[&<>\\x00-\\x08\\x0b-\\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_SPELLINGS = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Text stays text ("@"): no 000 becomes a 0, and no code a date.
STYLES = f"""{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1">\
<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" \
applyFont="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""


def chunks(
    columns: Sequence[Column],
    batches: Iterable[Iterable[Sequence[Cell]]],
    *,
    most_rows: int = MOST_ROWS,
) -> Iterator[bytes]:
    """The file piece by piece, one for each batch; a sheet that is full is followed by another.

    Its table of contents comes last, so that a file that was cut off does not open.
    """
    sink = _Sink()
    # A zip file that is closed early writes its end nowhere: nobody takes it from the sink.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=SPEED) as archive:
        book = _Book(archive, columns, most_rows)
        try:
            for batch in batches:
                book.write(batch)
                yield sink.take()
        finally:
            book.close_sheet()
        book.finish()
    yield sink.take()


class _Sink:
    """Takes what is written to a file that cannot be rewound."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class _Book:
    def __init__(self, archive: zipfile.ZipFile, columns: Sequence[Column], most: int) -> None:
        self._archive = archive
        self._columns = columns
        self._letters = [_letters(number) for number in range(len(columns))]
        self._most_rows = most
        self._sheets = 0
        self._part: Any = None
        self._open_sheet()

    def write(self, rows: Iterable[Sequence[Cell]]) -> None:
        texts: list[str] = []
        for row in rows:
            if self._row == self._most_rows or self._bytes > MOST_SHEET_BYTES:
                self._put(texts)
                self.close_sheet()
                self._open_sheet()
            self._row += 1
            texts.append(self._row_text(row))
        self._put(texts)

    def _put(self, texts: list[str]) -> None:
        data = "".join(texts).encode()
        self._part.write(data)
        self._bytes += len(data)
        texts.clear()

    def _row_text(self, row: Sequence[Cell], style: int = _TEXT) -> str:
        number = self._row
        cells = [f'<row r="{number}">']
        for letters, cell in zip(self._letters, row, strict=True):
            if cell is None or cell == "":
                continue
            if isinstance(cell, str):
                cells.append(
                    f'<c r="{letters}{number}" s="{style}" t="inlineStr"><is>{_text(cell)}</is></c>'
                )
            elif isinstance(cell, Moment):
                days = (cell.local - _DAY_ZERO) / _DAY
                cells.append(f'<c r="{letters}{number}" s="{_MOMENT}"><v>{days:.9f}</v></c>')
            else:
                cells.append(f'<c r="{letters}{number}"><v>{cell}</v></c>')
        cells.append("</row>")
        return "".join(cells)

    def _open_sheet(self) -> None:
        self._sheets += 1
        self._part = self._archive.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        columns = "".join(
            f'<col min="{number}" max="{number}" width="{column.width}" customWidth="1"/>'
            for number, column in enumerate(self._columns, start=1)
        )
        self._row, self._bytes = 1, 0
        self._put(
            [
                f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
                '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
                f"</sheetView></sheetViews><cols>{columns}</cols><sheetData>",
                self._row_text([column.name for column in self._columns], _HEADING),
            ]
        )

    def close_sheet(self) -> None:
        if not self._part.closed:
            area = f"A1:{self._letters[-1]}{self._row}"
            self._part.write(f'</sheetData><autoFilter ref="{area}"/></worksheet>'.encode())
            self._part.close()

    def finish(self) -> None:
        """Write what names the sheets."""
        numbers = range(1, self._sheets + 1)
        sheets = "".join(
            f'<sheet name="scans{"" if number == 1 else f" {number}"}" sheetId="{number}" '
            f'r:id="rId{number}"/>'
            for number in numbers
        )
        relations = "".join(
            f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" '
            f'Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        types = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" '
            f'ContentType="{_TYPE}.worksheet+xml"/>'
            for number in numbers
        )
        parts = {
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
            f"<sheets>{sheets}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'{relations}<Relationship Id="rId{self._sheets + 1}" Type="{_OFFICE}/styles" '
            'Target="styles.xml"/></Relationships>',
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
            f'Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
            f"{types}</Types>",
        }
        self._archive.writestr("xl/styles.xml", STYLES)
        for name, text in parts.items():
            self._archive.writestr(name, _HEAD + text)


def _letters(number: int) -> str:
    """A, B, … Z, AA: what a sheet calls a column, counted from 0."""
    rest, last = divmod(number, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _text(text: str) -> str:
    if _UNUSUAL.search(text):
        text = _UNUSUAL.sub(_spelled, text)
    is_padded = text[0].isspace() or text[-1].isspace()
    return f'<t xml:space="preserve">{text}</t>' if is_padded else f"<t>{text}</t>"


def _spelled(found: "re.Match[str]") -> str:
    sign = found[0]
    if len(sign) > 1:  # _x0041_ is an A to Excel.
        return f"_x005F{sign}"
    return _SPELLINGS.get(sign, "\N{REPLACEMENT CHARACTER}")
