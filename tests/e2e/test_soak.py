"""A shift at 24 stations loses nothing, and nothing grows."""

import itertools

import pytest

from quality import sizing
from tests.e2e.soaking import MEGABYTE, NOTE_TIMES, PageAtWork, Soak, say, share

PAGES, STATIONS = 4, 20
MOST_HEAP_GROWTH_BYTES = 20 * MEGABYTE
MOST_MEMORY_GROWTH = 0.10
MOST_P95_MS = 200
# From the last key of a piece until its answer stands on the screen.
MOST_ANSWER_MS = 100
# The web workers' own, the monitor's, and the simulation's.
BUDGET = sizing.WEB_WORKERS * sizing.DB_POOL_SIZE + 2
# Pools follow the load by themselves: not more than so many more at the end.
MORE_CONNECTIONS = 2

# The pages' orders: a hundred for each.
_first_orders = itertools.count(70_000_000, 100)


@pytest.fixture
def soak(site, open_station) -> Soak:
    pages = []
    for number in range(PAGES):
        station = open_station(f"FG-0{number + 1}", script=NOTE_TIMES)
        pages.append(PageAtWork(station, next(_first_orders)))
    return Soak(pages, site)


def hold(soak: Soak) -> None:
    """Print what was seen, and require what holds on a busy machine too."""
    say(soak.table())
    assert soak.lost_and_doubled() == (0, 0)
    assert soak.most_connections <= BUDGET
    assert soak.heap_growth_bytes < MOST_HEAP_GROWTH_BYTES
    assert soak.memory_growth < MOST_MEMORY_GROWTH
    assert share(soak.answer_milliseconds, 0.5) < MOST_ANSWER_MS


def test_three_minutes_at_all_stations_lose_nothing_and_nothing_grows(soak):
    soak.run(seconds=180, warm_up_seconds=60, stations=STATIONS, quick_scans=1000)
    hold(soak)


@pytest.mark.soak
def test_forty_five_minutes_at_all_stations_lose_nothing_and_nothing_grows(soak):
    soak.run(seconds=45 * 60, warm_up_seconds=5 * 60, stations=STATIONS, quick_scans=10_000)
    hold(soak)
    first, last = soak.first_and_last_connections
    assert last <= first + MORE_CONNECTIONS
    assert soak.paced["p95_ms"] < MOST_P95_MS
    assert soak.quick["p95_ms"] < MOST_P95_MS
    assert share(soak.answer_milliseconds, 0.95) < MOST_ANSWER_MS
