"""Stores many scans at once, each of them once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from scans.barcode import CP_BASE_LENGTH

# In one statement at most.
ROWS = 500

_COLUMNS = (
    "uid, station_id, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at,"
    " scanned_offset_minutes, received_at, recorded_by_id, device, sequence, clock_skew_seconds,"
    " reinspection_of_id"
)
_PLACES = "(" + ", ".join(["%s"] * len(_COLUMNS.split(", "))) + ")"


class NewScan(NamedTuple):
    """A scan that was recorded elsewhere, or is made up."""

    uid: UUID
    station: str | None
    operator: str
    cp: str
    oc1: str
    oc2: str
    defect: str
    scanned_at: datetime
    offset_minutes: int
    received_at: datetime
    recorded_by: int
    note: str = ""
    raw: dict[str, str] | None = None
    device: UUID | None = None
    sequence: int | None = None
    clock_skew_seconds: int | None = None
    reinspection_of: UUID | None = None


def known(uids: Sequence[UUID]) -> set[UUID]:
    """Those of these that are there. Reads `uid`."""
    found: set[UUID] = set()
    with connection.cursor() as cursor:
        for start in range(0, len(uids), ROWS):
            some = [str(uid) for uid in uids[start : start + ROWS]]
            places = ", ".join(["%s"] * len(some))
            cursor.execute(f"SELECT uid FROM scans_scan WHERE uid IN ({places})", some)  # noqa: S608
            found.update(UUID(str(uid)) for (uid,) in cursor.fetchall())
    return found


def insert(scans: Sequence[NewScan]) -> None:
    """Store them, in this order. Raises IntegrityError when one is there already.

    No IGNORE: it would also pass over a text that is too long and a station that is none.
    """
    moment = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        for start in range(0, len(scans), ROWS):
            some = scans[start : start + ROWS]
            values: list[Any] = []
            for scan in some:
                values += (
                    str(scan.uid),
                    scan.station,
                    scan.operator,
                    scan.cp,
                    scan.cp[:CP_BASE_LENGTH],
                    scan.oc1,
                    scan.oc2,
                    scan.defect,
                    scan.note,
                    json.dumps(scan.raw) if scan.raw else "{}",
                    moment(scan.scanned_at),
                    scan.offset_minutes,
                    moment(scan.received_at),
                    scan.recorded_by,
                    str(scan.device) if scan.device else None,
                    scan.sequence,
                    scan.clock_skew_seconds,
                    str(scan.reinspection_of) if scan.reinspection_of else None,
                )
            places = ", ".join([_PLACES] * len(some))
            cursor.execute(f"INSERT INTO scans_scan ({_COLUMNS}) VALUES {places}", values)  # noqa: S608
