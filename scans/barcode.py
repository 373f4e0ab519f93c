"""Reads a code as a scanner typed it: repair, then recognise it by its pattern."""

import re
import unicodedata

# Each field of a scan, in the order of the work, with the pattern that a whole code matches.
PATTERNS = {
    "operator": r"OP\d{2,4}",
    "cp": r"CP\d{8}-\d{4}",
    "oc1": r"OC\d{2}",
    "oc2": r"OC\d{2}",
    "defect": r"\d{3}",
}
EXAMPLES = {
    "operator": "OP0001",
    "cp": "CP10045821-0007",
    "oc1": "OC01",
    "oc2": "OC11",
    "defect": "000",
}
CP_BASE_LENGTH = 10
# What the printed sheet holds beside the defects: no letter or sign that a keyboard layout moves.
COMMANDS = {"undo": "CMDUNDO", "clear": "CMDCLEAR"}

# No code is longer; what is longer is not a code.
MAX_LENGTH = 64

# What other keyboard layouts make of the "-" that the scanner types.
_DASH_LOOKALIKES = "'–—‐‑_/?+"
_AIM_PREFIX = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_CP_WITH_ANY_DASH = re.compile(rf"(CP\d{{8}})[{re.escape(_DASH_LOOKALIKES)}](\d{{4}})")
_COMPILED = {field: re.compile(pattern, re.ASCII) for field, pattern in PATTERNS.items()}


def repair(raw: str) -> str:
    """The code that was meant: trimmed, upper case, without AIM prefix or control characters.

    A dash is put right only where the CP pattern expects one, so that no other code is bent into
    a shape that it did not have.
    """
    printable = "".join(char for char in raw if unicodedata.category(char)[0] != "C")
    code = _AIM_PREFIX.sub("", printable.strip()).strip().upper()
    if found := _CP_WITH_ANY_DASH.fullmatch(code):
        code = f"{found[1]}-{found[2]}"
    return code


def matches(field: str, code: str) -> bool:
    """Whether a repaired code has the pattern of the field."""
    return _COMPILED[field].fullmatch(code) is not None
