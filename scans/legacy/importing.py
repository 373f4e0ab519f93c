"""Brings the scans of an old table over: each of them once, however often it is run."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from scans import bulk
from scans.legacy.reading import Reader, Rejected
from scans.legacy.sources import Source
from scans.models import LegacyImport

BATCH_ROWS = 2000
Reject = Callable[[int, list[str], str], Any]


@dataclass
class Tally:
    """What became of the rows."""

    read: int = 0
    # Or would be, if nothing is to be stored.
    stored: int = 0
    repeated: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def bring_over(
    source: Source,
    reader: Reader,
    record: LegacyImport | None,
    *,
    reject: Reject,
    progress: Callable[[int], Any] = lambda _done: None,
) -> Tally:
    """Read all rows; with a `record` store them, and keep it up to date.

    A batch is stored as a whole. Whoever ends it in the middle runs it again.
    """
    tally = Tally()
    for batch in _batches(source.rows):
        received_at = timezone.now()
        scans: list[bulk.NewScan] = []
        for line, row in batch:
            tally.read += 1
            try:
                scans.append(reader.read(row, received_at))
            except Rejected as error:
                tally.rejected += 1
                tally.reasons[str(error)] += 1
                reject(line, row, str(error))
        _store(scans, tally, record)
        progress(tally.read)
    if record is not None:
        record.finished_at = timezone.now()
        record.save()
    return tally


def _batches(rows: Iterable[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _store(scans: list[bulk.NewScan], tally: Tally, record: LegacyImport | None) -> None:
    before = tally.stored, tally.repeated
    for attempt in range(2):
        known = bulk.known([scan.uid for scan in scans])
        new = [scan for scan in scans if scan.uid not in known]
        tally.stored = before[0] + len(new)
        tally.repeated = before[1] + len(known)
        if record is None:
            return
        record.read, record.rejected = tally.read, tally.rejected
        record.stored, record.repeated = tally.stored, tally.repeated
        try:
            with transaction.atomic():
                bulk.insert(new)
                record.save()
        except IntegrityError:
            # Somebody else brings the same over at this moment: look once more who was the first.
            if attempt:
                raise
        else:
            return
