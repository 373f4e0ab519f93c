"""Brings the scans of an old table over: each of them once, however often it is run."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from scans import bulk
from scans.legacy.reading import Reader, Rejected
from scans.legacy.sources import Source
from scans.models import LegacyImport
from scans.pausing import pause

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
        pause()
    if record is not None:
        record.finished_at = timezone.now()
        record.save()
    return tally


def _batches(rows: Iterable[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _store(scans: list[bulk.NewScan], tally: Tally, record: LegacyImport | None) -> None:
    """What is new. That all of it is comes first: to look for each takes a third of the time."""
    if record is not None:
        try:
            _insert(scans, replace(tally, stored=tally.stored + len(scans)), record)
        except IntegrityError:
            pass
        else:
            tally.stored += len(scans)
            return
    known = bulk.known([scan.uid for scan in scans])
    new = [scan for scan in scans if scan.uid not in known]
    tally.stored += len(new)
    tally.repeated += len(known)
    if record is not None:
        # Raised now, it is because somebody else brings the same over at this moment.
        _insert(new, tally, record)


@transaction.atomic
def _insert(scans: list[bulk.NewScan], tally: Tally, record: LegacyImport) -> None:
    bulk.insert(scans)
    record.read, record.rejected = tally.read, tally.rejected
    record.stored, record.repeated = tally.stored, tally.repeated
    record.save()
