"""Reads a code as a scanner typed it: repair, then recognise it by its pattern."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

# Each field of a scan, in the order of the work.
FIELDS = ("operator", "cp", "oc1", "oc2", "defect")
CP_BASE_LENGTH = 10
# What the printed sheet holds beside the defects: no letter or sign that a keyboard layout moves.
COMMANDS = {"undo": "CMDUNDO", "clear": "CMDCLEAR"}

# No code is longer; what is longer is not a code.
MAX_LENGTH = 64

# What other keyboard layouts make of the "-" that the scanner types.
_DASH_LOOKALIKES = "'–—‐‑_/?+"
_AIM_PREFIX = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_CP_WITH_ANY_DASH = re.compile(rf"(CP\d{{8}})[{re.escape(_DASH_LOOKALIKES)}](\d{{4}})")
_compiled = lru_cache(maxsize=64)(partial(re.compile, flags=re.ASCII))


@dataclass(frozen=True)
class Codes:
    """How the codes of a factory look: the pattern that a whole one matches, by field."""

    patterns: Mapping[str, str]
    examples: Mapping[str, str]

    def matches(self, field: str, code: str) -> bool:
        """Whether a repaired code has the pattern of the field."""
        return _compiled(self.patterns[field]).fullmatch(code) is not None

    def fields_for(self, code: str) -> list[str]:
        """The fields that a repaired code fits, e.g. both OC1 and OC2."""
        return [field for field in self.patterns if self.matches(field, code)]


# What a factory begins with. What holds now stands in the settings, which the admin changes.
STANDARD = Codes(
    patterns={
        "operator": r"OP\d{2,4}",
        "cp": r"CP\d{8}-\d{4}",
        "oc1": r"OC\d{2}",
        "oc2": r"OC\d{2}",
        "defect": r"\d{3}",
    },
    examples={
        "operator": "OP0001",
        "cp": "CP10045821-0007",
        "oc1": "OC01",
        "oc2": "OC11",
        "defect": "000",
    },
)


def _is_no_control(char: str) -> bool:
    return unicodedata.category(char)[0] != "C"


def repair(raw: str) -> str:
    """The code that was meant: trimmed, upper case, without AIM prefix or control characters.

    A dash is put right only where the CP pattern expects one, so that no other code is bent into
    a shape that it did not have.
    """
    # Nearly all codes are as they should be.
    printable = raw if raw.isprintable() else "".join(filter(_is_no_control, raw))
    code = _AIM_PREFIX.sub("", printable.strip()).strip().upper()
    if found := _CP_WITH_ANY_DASH.fullmatch(code):
        code = f"{found[1]}-{found[2]}"
    return code
