"""Seals records in batches, each chained to the one before; nobody who scans waits for it.

A seal tells the digest of a batch's records (`root`), and a digest of itself and of the seal before
it (`digest`): see `canonical`. Who may change the database's triggers could write all seals anew
as well. So each run tells the log the newest digest of each chain; `verifyrecords --head` finds out
whether a digest that stands there, or on paper, is still in the chain.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from scans.keeping import canonical
from scans.keeping.settling import settled_up_to
from scans.models import Event, Scan, Seal

logger = logging.getLogger("scans.seals")

MODELS = {model._meta.db_table: model for model in (Scan, Event)}
BATCH = 1000
# So many in one run of the chore, which take half a second of a worker's processor: what is
# imported by the million is sealed within hours, or at once by `sealrecords`.
MOST_BATCHES = 50
# A batch that is not full waits so long for more: a seal each minute would be half a million a
# year, in each of the two tables.
FULL_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Head:
    """Where the chain of a table ends."""

    number: int = 0
    last_id: int = 0
    digest: str = ""


def head_of(table: str) -> Head:
    """Reads `seal_once`, backwards."""
    seals = Seal.objects.filter(table_name=table).order_by("-number")
    found = seals.values_list("number", "last_id", "digest").first()
    return Head(*found) if found else Head()


def heads() -> dict[str, str]:
    """Where each chain ends: table → digest, "" before its first seal."""
    return {table: head_of(table).digest for table in MODELS}


def seal_new() -> int:
    """Seal what has settled, in full batches, or else ten minutes later; returns how many records.

    Any number of processes may do so at once.
    """
    return _seal(is_urgent=False, most=MOST_BATCHES)


def seal_now(progress: Callable[[int], None] = lambda count: None) -> int:
    """The same without waiting for a batch to be full; tells `progress` after each."""
    return _seal(is_urgent=True, progress=progress)


def _seal(
    *,
    is_urgent: bool,
    most: int | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> int:
    sealed = batches = 0
    for table, model in MODELS.items():
        head = before = head_of(table)
        settled = settled_up_to(model, head.last_id)
        while head.last_id < settled and batches != most:
            canonical.give_back()
            follower, count = _next(table, head, settled, is_urgent=is_urgent)
            if follower is None:
                break
            head = follower
            sealed += count
            batches += 1
            progress(sealed)
        if head != before:
            # For who keeps the log where the database's administrator does not reach.
            told = {"table": table, "seal": head.number, "up_to": head.last_id, "head": head.digest}
            logger.info("Sealed.", extra={"fields": told})
    return sealed


def _next(table: str, head: Head, settled: int, *, is_urgent: bool) -> tuple[Head | None, int]:
    """One batch behind `head`; None when there is none to seal, or another process was quicker."""
    records = canonical.read(
        table, canonical.VERSION, after=head.last_id or None, up_to=settled, most=BATCH
    )
    if not records or not (is_urgent or len(records) == BATCH or _has_waited(table, records[0].pk)):
        return None, 0
    seal = Seal(
        table_name=table,
        number=head.number + 1,
        # Whatever ids are missing: nothing can come to lie between two batches.
        first_id=head.last_id + 1,
        last_id=records[-1].pk,
        count=len(records),
        version=canonical.VERSION,
        root=canonical.root_of(record.digest for record in records),
        previous=head.digest,
        marks=b"".join(record.mark for record in records),
        sealed_at=timezone.now(),
    )
    seal.digest = digest_of(seal)
    try:
        with transaction.atomic():
            seal.save(force_insert=True)
    except IntegrityError:
        # `seal_once` decides; the other one goes on.
        return None, 0
    return Head(seal.number, seal.last_id, seal.digest), seal.count


def digest_of(seal: Seal) -> str:
    return canonical.digest_of(
        seal.version,
        seal.table_name,
        seal.number,
        seal.first_id,
        seal.last_id,
        seal.count,
        seal.root,
        seal.previous,
    )


def _has_waited(table: str, pk: int) -> bool:
    received_at: datetime = MODELS[table].objects.values_list("received_at", flat=True).get(pk=pk)
    return timezone.now() - received_at > FULL_WITHIN
