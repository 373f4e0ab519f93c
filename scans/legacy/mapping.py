"""Finds out which column of an old table means what."""

from collections.abc import Mapping, Sequence

# What the columns of `scanfg_orders` and `scan1_orders` are called, as far as is known, and what
# else such columns are called. Capitals, blanks and underscores make no difference.
USUAL: dict[str, tuple[str, ...]] = {
    "id": ("id", "order_id", "scan_id"),
    "operator": ("operator_code", "operator", "op_code", "operator_id", "badge"),
    "cp": ("cp_full_code", "cp_code_full", "full_code", "cp_code", "cp_full", "cp"),
    "oc1": ("oc1", "oc1_code", "oc_1", "code_oc1"),
    "oc2": ("oc2", "oc2_code", "oc_2", "code_oc2"),
    "defect": ("quality_code", "quality", "defect_code", "defect"),
    "date": ("date", "scan_date", "order_date", "date_scan"),
    "time": ("time", "scan_time", "order_time", "time_scan"),
    "approved": ("approved_quantity", "approved_qty", "qty_approved", "approved"),
    "rejected": ("rejected_quantity", "rejected_qty", "qty_rejected", "rejected"),
    "station": ("station", "station_code"),
    "note": ("note", "remark", "comment"),
}  # fmt: skip
REQUIRED = ("operator", "cp", "oc1", "oc2", "defect", "date", "time")


class Unmapped(ValueError):
    """It cannot be told which column is meant; the message says what to do."""


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def columns_of(headings: Sequence[str], asked: Mapping[str, str]) -> dict[str, int]:
    """By field the position of its column: as asked for, or else by its usual names.

    Raises Unmapped.
    """
    if unknown := asked.keys() - USUAL.keys():
        raise Unmapped(
            f"--map: there is no field {', '.join(sorted(unknown))}. There are {', '.join(USUAL)}."
        )
    positions: dict[str, int] = {}
    for position, heading in enumerate(headings):
        positions.setdefault(_plain(heading), position)
    found: dict[str, int] = {}
    for field, names in USUAL.items():
        if field in asked:
            if not asked[field]:  # --map id= : as if there was none
                continue
            if _plain(asked[field]) not in positions:
                raise Unmapped(
                    f"--map {field}={asked[field]}: there is no such column. "
                    f"There are {', '.join(headings)}."
                )
            names = (asked[field],)
        position_of = next(
            (positions[_plain(name)] for name in names if _plain(name) in positions), None
        )
        if position_of is not None:
            found[field] = position_of
    if missing := [field for field in REQUIRED if field not in found]:
        raise Unmapped(
            f"Which column is {', '.join(missing)}? Say --map {missing[0]}=COLUMN. "
            f"There are {', '.join(headings)}."
        )
    return found
