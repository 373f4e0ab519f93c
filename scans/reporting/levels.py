"""Says by what the roll-ups of shifts are added up, from the fewest rows to the most."""

from collections.abc import Iterable
from dataclasses import dataclass

from scans.models import APPROVED

# What a row has no value of, beside its day and its shift, and what stands there instead.
NOTHING = {"hour": "0", "station": "''", "operator": "''", "oc1": "''", "oc2": "''"}


@dataclass(frozen=True)
class Level:
    """By these all scans of a shift are added up. "result": approved or not, of no other defect."""

    number: int
    by: frozenset[str]

    @property
    def columns(self) -> str:
        """What a roll-up says at this level, in SQL; the defect of all rejects is ""."""
        values = [name if name in self.by else nothing for name, nothing in NOTHING.items()]
        is_whole = "defect" in self.by
        values.append("defect" if is_whole else f"IF(defect = '{APPROVED}', defect, '')")
        return ", ".join(
            f"{value} AS of_{name}"
            for name, value in zip([*NOTHING, "defect"], values, strict=True)
        )

    def tells(self, names: Iterable[str]) -> bool:
        known = self.by | {"result"} if "defect" in self.by else self.by
        return known.issuperset(names)


# 10 million scans of 20 stations in a year are 15,000 rows of the first level and 200,000 of the
# last one, and 500,000 roll-ups.
LEVELS = (
    Level(1, frozenset({"defect"})),
    Level(2, frozenset({"hour", "result"})),
    Level(3, frozenset({"station", "operator", "result"})),
    Level(4, frozenset({"station", "operator", "oc1", "oc2", "result"})),
    Level(5, frozenset({"station", "operator", "defect"})),
)
KEY = ", ".join(f"of_{name}" for name in [*NOTHING, "defect"])


def level_for(names: Iterable[str]) -> Level | None:
    """The one of the fewest rows that tells all of these apart; None: only the roll-ups do."""
    names = set(names)
    return next((level for level in LEVELS if level.tells(names)), None)
