"""What judges the faults finds what is wrong, each time in the words of a person."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.report import Report
from tests.chaos.verdict import Sent, Verdict, judge

NOW = time.time()
BEGAN, ENDED = NOW - 20, NOW - 10
WELL = {"pending": 0, "attention": 0, "connection": "good", "totals": [2, 0], "true": [2, 0]}


def scan(key: str, *, made: float, ended: float, status: int = 201, problem: str = "") -> Sent:
    return Sent(key, NOW - made, NOW - ended, status, problem, is_scan=True)


# Of a station: one of the fault, which was sent three times, and one after it. Of a page: the same.
STATION = [
    scan("a1", made=15, ended=15, status=0, problem="TimeoutError"),
    scan("a1", made=15, ended=14, status=503),
    scan("a1", made=15, ended=8),
    scan("a2", made=9, ended=7),
]
PAGE = [scan("CP2-1", made=12, ended=6), scan("CP2-2", made=5, ended=4)]
STORED = [("a1", "CP1-1"), ("a2", "CP1-2"), ("b1", "CP2-1"), ("b2", "CP2-2")]


def verdict(
    *,
    station: list[Sent] = STATION,
    page: list[Sent] = PAGE,
    stored: list[tuple[str, str]] = STORED,
    shown: dict[str, Any] = WELL,
    refused: list[str] | None = None,
    errors: list[str] | None = None,
) -> Verdict:
    rig = SimpleNamespace(
        sent=station,
        page=SimpleNamespace(sent=page, look=lambda: shown, errors=errors or []),
        refused=refused or [],
        stored=lambda: stored,
    )
    episode: Any = SimpleNamespace(
        rig=rig,
        title="a fault",
        began_at=BEGAN,
        ended_at=ENDED,
        made={"a1", "CP2-1"},
        refused_before=0,
        complaints_before=0,
    )
    return judge(episode, arrive_seconds=0)


def test_when_all_is_well_there_is_nothing_to_say():
    found = verdict()
    assert found.problems() == []
    assert (found.confirmed, found.more_than_one_retry) == (4, 1)
    assert dict(found.errors) == {"TimeoutError": 1, "503": 1}
    assert found.recovery_seconds == pytest.approx(3)
    assert found.page_recovery_seconds == pytest.approx(6)
    assert found.arrived_seconds == pytest.approx(4)
    assert found.longest_gap_seconds == pytest.approx(12)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stored": STORED[1:]}, "1 confirmed scans are not stored: ['a1']"),
        ({"stored": STORED[:-1]}, "1 confirmed scans are not stored: ['CP2-2']"),
        ({"stored": [*STORED, ("b3", "CP2-1")]}, "1 pieces are stored twice: ['CP2-1']"),
        ({"station": [STATION[0], STATION[3]]}, "1 scans made until the fault's end still wait"),
        ({"page": PAGE[1:]}, "1 scans made until the fault's end still wait"),
        ({"station": STATION[:3]}, "no scan that a station made after the end was confirmed"),
        ({"page": PAGE[:1]}, "no scan that was made at the page after the end was confirmed"),
        ({"refused": ["422 no such badge"]}, "1 scans were refused: 422 no such badge"),
        ({"shown": WELL | {"pending": 2}}, "the page does not show that all is well"),
        ({"shown": WELL | {"attention": 1}}, "the page does not show that all is well"),
        ({"shown": WELL | {"connection": "bad"}}, "the page does not show that all is well"),
        ({"shown": WELL | {"totals": [1, 0]}}, "the page shows other counts than the server's"),
        ({"errors": ["TypeError"]}, "errors in the page: ['TypeError']"),
    ],
)
def test_what_is_wrong_is_said(wrong, said):
    [problem] = verdict(**wrong).problems()
    assert problem.startswith(said)


def test_the_table_tells_of_it(tmp_path):
    report = Report()
    assert report.hold(verdict(stored=STORED[1:]), must="no | errors") != []
    report.write(tmp_path / "table.md")
    row = (tmp_path / "table.md").read_text().splitlines()[-1]
    assert row.startswith("| a fault | no / errors | 10.0 | 4 | 1 lost | ")
