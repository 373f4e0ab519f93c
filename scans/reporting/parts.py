"""Finds the scans whose CP has a part of a code in it, without reading all of them."""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import ascii_uppercase
from typing import Any

from django.db import connection

from scans.barcode import CP_BASE_LENGTH
from scans.models import Scan
from scans.reporting import rollups

MOST = 100
# Among so many of the highest codes with the same beginning the newest scans are looked for. Orders
# are numbered one after the other, so those are the newest ones.
MOST_OF_PREFIX = 20_000
MOST_ORDERS = 50
# What is common is found among the newest scans; what is not has an index, or is not looked for
# longer than anybody waits.
STEP = 20_000
FIRST_STEPS = 2
WALK_SECONDS = 0.5
# In so many orders one statement looks for a piece.
STEP_ORDERS = 2_000

# Of such a pattern every code has letters, dash and digits where the example has them,
_FIXED = re.compile(r"(?:(?:[A-Z0-9-]|\\d)(?:\{\d\d?\})?)+")
# and of such an example the order comes before the dash, and a piece's number behind it.
_WITH_NUMBER = re.compile(rf"(?=.{{{CP_BASE_LENGTH}}}-)([A-Z]*)[0-9]+-([0-9]+)")

# Each order once: the server jumps from one to the next. The roll-ups have a fiftieth of the rows.
_COUNTED_ORDERS = "SELECT cp_base FROM scans_rollup FORCE INDEX (rollup_order) GROUP BY cp_base"
_ORDERS = "SELECT cp_base FROM scans_scan FORCE INDEX (scan_order) GROUP BY cp_base"
_WITH_PREFIX = f"""
SELECT id, scanned_at FROM (
    SELECT id, scanned_at FROM scans_scan FORCE INDEX (scan_cp)
    WHERE cp LIKE %s ORDER BY cp DESC LIMIT {MOST_OF_PREFIX}
) highest ORDER BY scanned_at DESC, id DESC LIMIT {MOST + 1}
"""  # noqa: S608 - of our own constants; so below
_IN_ORDERS = f"""
SELECT id, scanned_at FROM scans_scan FORCE INDEX (scan_order)
WHERE cp_base IN %s AND cp LIKE %s ORDER BY scanned_at DESC, id DESC LIMIT {MOST + 1}
"""  # noqa: S608
_OF_PIECES = f"""
SELECT id, scanned_at FROM scans_scan FORCE INDEX (scan_cp)
WHERE cp IN %s ORDER BY scanned_at DESC, id DESC LIMIT {MOST + 1}
"""  # noqa: S608
_STEP = """
SELECT id, scanned_at FROM scans_scan
WHERE id > %s AND id <= %s AND {condition} ORDER BY id DESC LIMIT %s
"""


@dataclass(frozen=True)
class Found:
    """The newest scans that were found, at most `MOST`."""

    ids: list[int]
    has_more: bool
    # NULL: all were looked at; else none that arrived before this moment.
    searched_since: datetime | None = None


def _like(text: str) -> str:
    """As LIKE takes it: what has a meaning there stands for itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _rows_of(sql: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _rows(sql: str, values: list[Any]) -> dict[int, datetime]:
    return dict(_rows_of(sql, values))


def _newest(found: dict[int, datetime], searched_since: datetime | None = None) -> Found:
    ids = sorted(found, key=lambda pk: (found[pk], pk), reverse=True)
    return Found(ids[:MOST], len(ids) > MOST, searched_since)


def letters_of(example: str) -> str:
    """What all CPs begin with."""
    return example[: len(example) - len(example.lstrip(ascii_uppercase))]


def scans_with(part: str, example: str, pattern: str) -> Found:
    """The newest scans with `part` in their CP; `example` is a whole one of this `pattern`.

    What is common is common among the newest, too. What is rare is looked for in the index of CPs
    by its beginning, in the orders by any part, and by its end where that is a piece's number.
    """
    infix = f"%{_like(part)}%"
    walk = _Walk("cp LIKE %s", infix)
    walk.go(FIRST_STEPS)
    if walk.has_enough:
        return _newest(walk.found)
    usual = _WITH_NUMBER.fullmatch(example) if _FIXED.fullmatch(pattern) else None
    letters, digits = usual.groups() if usual else ("", "")
    if usual and len(part) >= CP_BASE_LENGTH - len(letters):
        # It is long enough to begin a CP; people leave out the letters.
        for beginning in (part, letters + part):
            if found := _rows(_WITH_PREFIX, [f"{_like(beginning)}%"]):
                return _newest(found)
    tail, dash, piece = part.partition("-") if usual else (part, "", "")
    orders = sorted(_orders(), reverse=True)
    if dash:
        chosen = [order for order in orders if tail and order.endswith(tail)]
    else:
        chosen, piece = [order for order in orders if part in order], part
    deadline = time.monotonic() + WALK_SECONDS
    found, since = _in_orders(chosen, infix, walk.found, deadline)
    if usual and ((tail and dash) or not piece.isdigit() or len(piece) > len(digits)):
        # No number alone has it.
        return _newest(found, since)
    if usual and len(piece) == len(digits):
        found, of_pieces_since = _of_pieces(f"-{piece}", orders, found, deadline)
        return _newest(found, _latest(since, of_pieces_since))
    # It may be any part of a number: no index knows those.
    walk.go(seconds=deadline - time.monotonic())
    return _newest(found | walk.found, _latest(since, walk.searched_since))


def _latest(*moments: datetime | None) -> datetime | None:
    return max(filter(None, moments), default=None)


def _orders() -> list[str]:
    """The base of each order that was ever scanned."""
    sql = _COUNTED_ORDERS if rollups.freshen().is_whole else _ORDERS
    return [order for (order,) in _rows_of(sql, [])]


# What was found, and since when, as in Found.
_Looked = tuple[dict[int, datetime], datetime | None]


def _in_orders(
    orders: list[str], infix: str, found: dict[int, datetime], deadline: float
) -> _Looked:
    """What has the infix in so many of the orders as fill a page, beside those found already."""

    def look(some: list[str]) -> dict[int, datetime]:
        return _rows(_IN_ORDERS, [some, infix])

    return _through(orders, MOST_ORDERS, look, found, deadline, most=MOST)


def _of_pieces(end: str, orders: list[str], found: dict[int, datetime], deadline: float) -> _Looked:
    """The pieces with this `end` in the orders, beside those found already."""

    def look(some: list[str]) -> dict[int, datetime]:
        return _rows(_OF_PIECES, [[f"{order}{end}" for order in some]])

    return _through(orders, STEP_ORDERS, look, found, deadline)


def _through(
    orders: list[str],
    step: int,
    look: Callable[[list[str]], dict[int, datetime]],
    found: dict[int, datetime],
    deadline: float,
    *,
    most: float = math.inf,
) -> _Looked:
    """Look in so many orders at a time, the first ones first, until more than `most` are found."""
    for at in range(0, len(orders), step):
        if at and len(found) > most:
            break
        if at and time.monotonic() > deadline:
            last = Scan.objects.filter(cp_base=orders[at - 1]).order_by("received_at")
            return found, last.values_list("received_at", flat=True).first()
        found = found | look(orders[at : at + step])
    return found, None


def scans_with_oc(code: str) -> Found:
    """The newest scans with a code in OC1 or OC2, of which there is no index."""
    walk = _Walk("%s IN (oc1, oc2)", code)
    walk.go(seconds=WALK_SECONDS)
    return _newest(walk.found, walk.searched_since)


def newest_where(column: str, code: str, index: str) -> Found:
    """The newest scans with a code, which stand together in an index that time follows."""
    sql = (
        f"SELECT id, scanned_at FROM scans_scan FORCE INDEX ({index}) "  # noqa: S608
        f"WHERE {column} = %s ORDER BY scanned_at DESC LIMIT {MOST + 1}"
    )
    return _newest(_rows(sql, [code]))


class _Walk:
    """Looks at one scan after the other, from the newest back, step by step."""

    def __init__(self, condition: str, value: str) -> None:
        self._sql = _STEP.format(condition=condition)
        self._value = value
        self._newest = self._at = (
            Scan.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        )
        self._oldest = Scan.objects.order_by("pk").values_list("pk", flat=True).first() or 0
        self.found: dict[int, datetime] = {}

    @property
    def has_enough(self) -> bool:
        return len(self.found) > MOST

    @property
    def _is_over(self) -> bool:
        return self.has_enough or self._at < self._oldest

    def go(self, steps: int = 1_000_000, *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while steps and not self._is_over and time.monotonic() < deadline:
            most = MOST + 1 - len(self.found)
            self.found |= _rows(self._sql, [self._at - STEP, self._at, self._value, most])
            self._at -= STEP
            steps -= 1

    @property
    def searched_since(self) -> datetime | None:
        """When the oldest scan arrived that was looked at; None when all were."""
        if self._is_over:
            return None
        found = Scan.objects.filter(pk__gt=self._at).order_by("pk")
        return found.values_list("received_at", flat=True).first()
