"""Asks the database whether what was confirmed is there, once."""

import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from scans.models import Scan

# The orders of one simulation, so many that it does not reach their end.
ORDERS = 100_000
FIRST, LAST = 10_000_000, 99_999_999


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many scans are stored; ids that were confirmed and are missing; pieces stored twice."""

    stored: int
    lost: list[str]
    doubled: list[str]


def free_orders() -> int:
    """The first of ORDERS orders of which no piece was ever scanned.

    Anywhere: of several simulations that begin at once hardly two scan the same pieces.
    """
    while True:
        first = FIRST + secrets.randbelow(LAST - FIRST - ORDERS)
        if not _of(first).exists():
            return first


def verify(first_order: int, made: Iterable[str], confirmed: Iterable[str]) -> Verdict:
    """Compare the orders from `first_order` on with what was made, and what the site confirmed.

    Scans of others may lie among them: of another simulation that began at the same moment.
    """
    made_ids = {UUID(one) for one in made}
    rows = [row for row in _of(first_order).values_list("uid", "cp") if row[0] in made_ids]
    stored = {uid for uid, _ in rows}
    return Verdict(
        stored=len(rows),
        lost=[one for one in confirmed if UUID(one) not in stored],
        doubled=[cp for cp, count in Counter(cp for _, cp in rows).items() if count > 1],
    )


def _of(first_order: int) -> QuerySet[Scan]:
    bases = {"cp_base__gte": f"CP{first_order}", "cp_base__lt": f"CP{first_order + ORDERS}"}
    return Scan.objects.filter(**bases)
