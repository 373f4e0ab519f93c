"""Writes an export as CSV: UTF-8 with the mark by which Excel knows it, commas, CR LF."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from scans.exporting.columns import Cell, Moment

MARK = "\ufeff"


def chunks(headings: Sequence[str], batches: Iterable[Iterable[Sequence[Cell]]]) -> Iterator[bytes]:
    """The file piece by piece, one for each batch."""
    buffer = StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(MARK)
    writer.writerow(headings)
    for batch in batches:
        writer.writerows([_text(cell) for cell in row] for row in batch)
        yield _taken(buffer)
    if rest := _taken(buffer):  # There was no batch.
        yield rest


def _taken(buffer: StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _text(cell: Cell) -> str | int | None:
    if isinstance(cell, Moment):
        return cell.local.isoformat(timespec="milliseconds") + cell.offset
    return cell
