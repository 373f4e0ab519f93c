"""Pareto and p-chart say what their definitions say."""

from decimal import Decimal, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.charts import OTHERS, p_chart, pareto

SAMPLES = [("Mon", 480, 12), ("Tue", 510, 9), ("Wed", 495, 31), ("Thu", 20, 1)]


def test_the_figures_of_the_sample():
    chart = p_chart(SAMPLES)
    assert chart.centre == pytest.approx(0.03522, abs=5e-6)
    assert [round(point.upper, 4) for point in chart.points] == [0.0605, 0.0597, 0.0601, 0.1589]
    assert [point.label for point in chart.points if point.is_out] == ["Wed"]
    assert chart.points[3].lower == 0


def test_a_sample_of_nothing_is_left_out():
    assert p_chart([("none", 0, 0), *SAMPLES, ("none", 0, 0)]) == p_chart(SAMPLES)


@pytest.mark.parametrize("samples", [[], [("none", 0, 0)]])
def test_without_samples_there_is_no_centre(samples):
    chart = p_chart(samples)
    assert (chart.centre, chart.points) == (None, [])


@pytest.mark.parametrize("share", [0, 1])
def test_where_all_or_nothing_is_rejected_nothing_is_out(share):
    chart = p_chart([(size, size, share * size) for size in (1, 7, 480)])
    assert chart.centre == share
    for point in chart.points:
        assert (point.lower, point.share, point.upper, point.is_out) == (share, share, share, False)


def test_a_sample_may_be_too_good():
    chart = p_chart([("usual", 1000, 100), ("good", 1000, 1)])
    assert [point.is_out for point in chart.points] == [True, True]
    assert chart.points[1].share < chart.points[1].lower


sizes = st.integers(0, 5000).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size)))


@given(st.lists(sizes, max_size=40))
def test_the_p_chart_is_that_of_exact_numbers(sizes):
    """Asked of squares of fractions, which need no root: 50 digits only for the limits' values."""
    chart = p_chart([(label, *sample) for label, sample in enumerate(sizes)])
    inspected, rejected = sum(n for n, _x in sizes), sum(x for _n, x in sizes)
    expected = [(label, n, x) for label, (n, x) in enumerate(sizes) if n]
    assert [(point.label, point.inspected, point.rejected) for point in chart.points] == expected
    if not expected:
        return
    centre = Fraction(rejected, inspected)
    assert chart.centre == pytest.approx(float(centre))
    getcontext().prec = 50
    for point in chart.points:
        variance = centre * (1 - centre) / point.inspected
        distance = Fraction(point.rejected, point.inspected) - centre
        if distance**2 != 9 * variance:
            # Beyond three sigmas is beyond nine variances.
            assert point.is_out == (distance**2 > 9 * variance)
        reach = 3 * (Decimal(variance.numerator) / variance.denominator).sqrt()
        middle = Decimal(centre.numerator) / centre.denominator
        assert point.lower == pytest.approx(float(max(middle - reach, Decimal(0))), abs=1e-12)
        assert point.upper == pytest.approx(float(min(middle + reach, Decimal(1))), abs=1e-12)


def test_a_pareto_adds_up():
    bars = pareto({"002": 30, "001": 60, "007": 10})
    assert [(bar.defect, bar.count, bar.share, bar.cumulative) for bar in bars] == [
        ("001", 60, 0.6, 0.6),
        ("002", 30, 0.3, 0.9),
        ("007", 10, 0.1, 1.0),
    ]


def test_defects_as_frequent_as_each_other_stand_in_order_of_their_codes():
    bars = pareto({"012": 5, "003": 5, "007": 9, "001": 5}, most=2)
    assert [(bar.defect, bar.count) for bar in bars] == [("007", 9), ("001", 5), (OTHERS, 10)]


def test_what_did_not_occur_has_no_bar():
    assert pareto({}) == []
    assert pareto({"001": 0}) == []


@given(
    st.dictionaries(st.text("0123456789", min_size=3, max_size=3), st.integers(0, 1000)),
    st.integers(1, 12),
)
def test_a_pareto_is_what_taking_the_largest_again_and_again_gives(counts, most):
    left = {defect: count for defect, count in counts.items() if count}
    total, so_far, expected = sum(left.values()), 0, []
    while left and len(expected) < most:
        largest = max(left.values())
        defect = min(defect for defect, count in left.items() if count == largest)
        so_far += left.pop(defect)
        expected.append((defect, largest, Fraction(so_far, total)))
    if left:
        expected.append((OTHERS, sum(left.values()), Fraction(1)))
    bars = pareto(counts, most=most)
    assert [(bar.defect, bar.count) for bar in bars] == [one[:2] for one in expected]
    for bar, (_defect, count, cumulative) in zip(bars, expected, strict=True):
        assert bar.share == pytest.approx(count / total)
        assert bar.cumulative == pytest.approx(float(cumulative))


def test_all_others_are_one_bar_that_says_how_many_they_are():
    bars = pareto({f"{number:03}": 100 - number for number in range(1, 100)})
    assert [bar.defect for bar in bars] == [*(f"{number:03}" for number in range(1, 11)), OTHERS]
    assert [bar.defects for bar in bars] == [1] * 10 + [89]
    assert bars[-1].cumulative == 1
