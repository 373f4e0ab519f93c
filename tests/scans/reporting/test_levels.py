"""A report reads the level of the fewest rows that tells what it asks for."""

import itertools

import pytest

from scans.models import ShiftRollUp
from scans.reporting import rollups
from scans.reporting.levels import LEVELS, level_for
from tests.scans.reporting.history import History

NAMES = ["hour", "station", "operator", "cp_base", "oc1", "oc2", "defect", "result"]


@pytest.mark.parametrize(
    ("names", "number"),
    [
        ((), 1),
        (("result",), 1),
        (("defect", "result"), 1),
        (("hour", "result"), 2),
        (("station", "result"), 3),
        (("station", "oc1", "result"), 4),
        (("operator", "defect"), 5),
    ],
)
def test_what_is_asked_for_has_its_level(names, number):
    level = level_for(names)
    assert level is not None
    assert level.number == number


@pytest.mark.parametrize("names", [("cp_base",), ("hour", "station"), ("oc1", "defect")])
def test_only_the_roll_ups_themselves_tell_the_rest(names):
    assert level_for(names) is None


@pytest.mark.parametrize("count", range(len(NAMES) + 1))
def test_no_level_is_asked_for_what_it_does_not_tell(count):
    for names in itertools.combinations(NAMES, count):
        level = level_for(names)
        if level is not None:
            assert set(names) - level.by <= ({"result"} if "defect" in level.by else set())


def test_each_level_adds_up_to_all_scans(master_data, person):
    history = History(1, person("operator"))
    for _ in range(40):
        history.scan()
    rollups.refresh()
    for level in LEVELS:
        rows = ShiftRollUp.objects.filter(level=level.number)
        assert sum(rows.values_list("scans", flat=True)) == 40
