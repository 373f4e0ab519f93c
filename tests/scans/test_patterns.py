"""A pattern of codes is understood by Python and browsers alike, and never takes long."""

import re
import time

import pytest
from django.utils import translation

from scans.barcode import STANDARD
from scans.patterns import MOST_WAYS, PatternError, Shape, shape_of


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        (r"OP\d{2,4}", Shape(4, 6, 3)),
        (r"CP\d{8}-\d{4}", Shape(15, 15, 1)),
        (r"\d{3}", Shape(3, 3, 1)),
        (r"[A-F]?[0-9X-]{2}", Shape(2, 3, 2)),
        (r"(OP|QA)\d{4}", Shape(6, 6, 2)),
        (r"(A|B\d{2})C?", Shape(1, 4, 4)),
        ("", Shape(0, 0, 1)),
    ],
)
def test_how_long_the_codes_of_a_pattern_are_is_known(pattern, shape):
    assert shape_of(pattern) == shape


@pytest.mark.parametrize("pattern", STANDARD.patterns.values())
def test_what_a_factory_begins_with_is_understood(pattern):
    assert shape_of(pattern).least > 0


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+", r"\d*", r".", r"(\d+)+", r"(A|A)*", r"\w{3}", r"[^A]", r"[Z-A]", r"\d{4,2}",
        r"A{,3}", r"(?:A)", r"(?=A)", r"(A", r"A)", r"()", r"(A|)", r"A|B", r"(A|B){2}",
        r"((A)|B)", r"[a-z]", r"op\d", r"^OP$", "[", "[]",
        r"\d{2}{2}", r"\1", "OP 1", "OP\n", "Ă", "\x00", r"\D", r"A??",
    ],
)  # fmt: skip
def test_all_else_is_refused_with_what_may_stand_there(pattern):
    with pytest.raises(PatternError, match="A–Z"):
        shape_of(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\d{0,9}" * 7, r"\d?" * 20, r"(\d{0,60}|\d{0,60})\d{0,60}", r"(A?|B?)" * 12]
)
def test_a_pattern_that_could_be_tried_in_many_ways_is_refused(pattern):
    with translation.override("en"), pytest.raises(PatternError, match="slow"):
        shape_of(pattern)


def test_the_worst_that_is_taken_is_tried_at_once():
    """Beside one that backtracks: what is refused takes thousands of times as long."""
    worst = r"\d{0,30}" * 2 + r"\d{30}X"
    assert shape_of(worst).ways < MOST_WAYS

    def seconds(pattern: str, code: str) -> float:
        started = time.perf_counter()
        assert re.fullmatch(pattern, code) is None
        return time.perf_counter() - started

    taken = min(seconds(worst, "1" * 64) for _ in range(5))
    assert taken < seconds(r"(\d+)+X", "1" * 22)
