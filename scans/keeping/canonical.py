"""Writes a record as the one text that is sealed, and digests it.

The text is a JSON array without spaces, in UTF-8, of the record's columns in the order that its
version names, each as text or null: numbers in decimal, moments as `2026-11-20 12:05:09.123000` in
UTC, UUIDs as 32 lower-case digits, the codes as scanned as a JSON object with its names in order.
No version is ever changed: a table that gets another column gets another version.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.db import connection

MARK_BYTES = 8
# json.dumps makes an encoder for each call that wants other separators.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_in_order = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True
).encode


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are sealed, in which order; `kinds` says how some are read."""

    columns: tuple[str, ...]
    uuids: frozenset[str] = frozenset()
    # Of the column of JSON, where there is one.
    json_at: int | None = None

    @property
    def selected(self) -> str:
        return ", ".join(
            # With dashes where the server has a type for it, without them elsewhere.
            f"LOWER(REPLACE(CAST({name} AS CHAR), '-', ''))"
            if name in self.uuids
            else f"CAST({name} AS CHAR)"
            for name in self.columns
        )


LAYOUTS: dict[str, dict[int, Layout]] = {
    "scans_scan": {
        1: Layout(
            (
                "id", "uid", "station_id", "operator", "cp", "cp_base", "oc1", "oc2", "defect_id",
                "note", "raw", "scanned_at", "scanned_offset_minutes", "received_at",
                "recorded_by_id", "device", "sequence", "clock_skew_seconds", "reinspection_of_id",
            ),
            frozenset({"uid", "device", "reinspection_of_id"}),
            json_at=10,
        )
    },
    "scans_event": {
        1: Layout(
            (
                "id", "scan_id", "kind", "replacement_id", "reason", "station_id", "happened_at",
                "happened_offset_minutes", "received_at", "recorded_by_id",
            )
        )
    },
}  # fmt: skip
TABLES = tuple(LAYOUTS)
# What new seals are made with.
VERSION = 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record as it is sealed."""

    pk: int
    text: bytes
    digest: bytes

    @property
    def mark(self) -> bytes:
        return self.digest[:MARK_BYTES]


def give_back() -> None:
    """Let others have the connection before the next batch."""
    if not connection.in_atomic_block:
        connection.close()


def read(table: str, version: int, *, after: int | None, up_to: int, most: int) -> list[Sealed]:
    """The records with an id above `after` and not above `up_to`, in their order, `most` at once.

    They are read as text, so that neither Python's types nor the driver's have a say.
    """
    layout = LAYOUTS[table][version]
    above = "" if after is None else "id > %s AND"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {layout.selected} FROM {table} "  # noqa: S608 - our own names
            f"WHERE {above} id <= %s ORDER BY id LIMIT %s",
            [*([] if after is None else [after]), up_to, most],
        )
        rows = cursor.fetchall()
    return [_sealed(row, layout.json_at) for row in rows]


def _sealed(row: Sequence[str | None], json_at: int | None) -> Sealed:
    if json_at is not None and row[json_at] != "{}":
        row = (*row[:json_at], _in_order(row[json_at]), *row[json_at + 1 :])
    text = _encode(row).encode()
    return Sealed(int(row[0] or 0), text, sha256(text).digest())


def _in_order(text: str | None) -> str | None:
    """JSON as every server keeps it; what is none stays as it is, and will be found changed."""
    try:
        return text and _encode_in_order(json.loads(text))
    except ValueError:
        return text


def root_of(digests: Iterable[bytes]) -> str:
    """One digest of all records of a batch: of their digests, one behind the other."""
    whole = sha256()
    for digest in digests:
        whole.update(digest)
    return whole.hexdigest()


def digest_of(
    version: int,
    table: str,
    number: int,
    first_id: int,
    last_id: int,
    count: int,
    root: str,
    previous: str,
) -> str:
    """A seal's digest, of all that it says and of the one before it."""
    said = [version, table, number, first_id, last_id, count, root, previous]
    return sha256(_encode(said).encode()).hexdigest()
