"""Reads the pattern of a code: what Python and every browser understand alike, and at once."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

# More ways in which a pattern could be tried on one code are refused: a pattern must never be what
# a request waits for. OP\d{2,4} has three.
MOST_WAYS = 1000
_ITEM = re.compile(
    r"(?:\\d|[A-Z0-9-]|\[(?:[A-Z0-9](?:-[A-Z0-9])?)+-?\])"
    r"(?:\{(?P<least>\d\d?)(?:,(?P<most>\d\d?))?\}|(?P<is_optional>\?))?",
    re.ASCII,
)


class PatternError(ValueError):
    """It is no pattern for a code; the message says where, and what may stand there."""


@dataclass(frozen=True)
class Shape:
    """How long the codes of a pattern are, and in how many ways it may be tried on one."""

    least: int = 0
    most: int = 0
    ways: int = 1

    def __add__(self, other: "Shape") -> "Shape":
        return Shape(self.least + other.least, self.most + other.most, self.ways * other.ways)

    def __or__(self, other: "Shape") -> "Shape":
        return Shape(
            min(self.least, other.least), max(self.most, other.most), self.ways + other.ways
        )


def _not_understood(rest: str) -> PatternError:
    return PatternError(
        _(
            "“%(rest)s” is not understood. Write A–Z, 0–9, “-”, \\d for a digit, [A-F] for one of "
            "several, {4} or {2,4} or ? behind one of them, and (AB|CD) for one of two texts."
        )
        % {"rest": rest[:20]}
    )


def _run(text: str) -> tuple[Shape, str]:
    """The shape of what stands at the beginning without brackets, and the rest."""
    shape = Shape()
    while found := _ITEM.match(text):
        least, most = (0, 1) if found["is_optional"] else (1, 1)
        if found["least"]:
            least = int(found["least"])
            most = int(found["most"] or least)
        if least > most:
            raise _not_understood(found[0])
        shape += Shape(least, most, most - least + 1)
        text = text[found.end() :]
    return shape, text


def _choice(text: str) -> tuple[Shape, str]:
    """The shape of "(AB|CD)", and the rest."""
    inside, bracket, rest = text[1:].partition(")")
    shapes = []
    for branch in inside.split("|"):
        shape, left = _run(branch)
        if left or not branch or not bracket:
            raise _not_understood(left or text)
        shapes.append(shape)
    whole = shapes[0]
    for shape in shapes[1:]:
        whole |= shape
    return whole, rest


def shape_of(pattern: str) -> Shape:
    """The shape of the codes that have this pattern. Raises PatternError."""
    shape, rest = _run(pattern)
    while rest:
        if not rest.startswith("("):
            raise _not_understood(rest)
        part, rest = _choice(rest)
        shape += part
        part, rest = _run(rest)
        shape += part
    try:
        re.compile(pattern)
    except re.error as error:  # [Z-A]
        raise _not_understood(pattern[error.pos or 0 :]) from error
    if shape.ways > MOST_WAYS:
        raise PatternError(
            _("This pattern leaves too much open: use fewer {…,…} and “?”. Trying it may be slow.")
        )
    return shape
