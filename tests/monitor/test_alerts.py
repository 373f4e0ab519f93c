"""An alert is there while the samples show what it is about, and no longer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from quality.monitor.alerts import active
from quality.monitor.recent import Recent
from quality.monitor.rules import BY_NAME, RULES

BEGAN = 1_800_000_000.0
INTERVAL = 10.0


def sample(number: int, **changes: Any) -> dict[str, Any]:
    """That of a calm site, `number` intervals after the beginning."""
    server = {
        "threads_connected": 12,
        "max_connections": 151,
        "own_connections": 10,
        "max_user_connections": 0,
        "longest_statement_seconds": 0.0,
    }
    calm = {
        "at": BEGAN + number * INTERVAL,
        "worst_percent": 20.0,
        "timeouts": 0,
        "refusals": 0,
        "leaks": 0,
        "server": server | changes.pop("server", {})
        if changes.get("server", {}) is not None
        else None,
        "server_error": "",
        "counters": {"scans_stored": 3.0 * number, "station_polls_answered": 1.0 * number},
    }
    return calm | {name: value for name, value in changes.items() if name != "server"}


def recent_of(samples: list[dict[str, Any]]) -> Recent:
    return Recent(leader_pid=1, interval_seconds=INTERVAL, samples=samples)


def names(samples: list[dict[str, Any]], *, later_seconds: float = 1.0) -> list[str]:
    found = active(recent_of(samples), now=samples[-1]["at"] + later_seconds)
    return [alert.name for alert in found]


Change = Callable[[int], dict[str, Any]]


def idle_counters(number: int) -> dict[str, Any]:
    return {"counters": {"scans_stored": 60.0, "station_polls_answered": float(number)}}


# Rule, what changes the calm samples, after how many seconds of it the alert is there, and after
# how many of calm it is gone.
CASES: list[tuple[str, Change, float, float]] = [
    ("DatabaseDown", lambda _: {"server": None, "server_error": "2013"}, 20, 0),
    ("PoolTimeouts", lambda _: {"timeouts": 1}, 0, 310),
    ("PoolTimeouts", lambda _: {"refusals": 2}, 0, 310),
    ("PoolExhausted", lambda _: {"worst_percent": 90.0}, 60, 0),
    ("PoolNearlyFull", lambda _: {"worst_percent": 80.0}, 120, 0),
    ("ConnectionLeaks", lambda _: {"leaks": 1}, 0, 910),
    ("ServerNearlyFull", lambda _: {"server": {"threads_connected": 121}}, 60, 0),
    ("ServerNearlyFull", lambda _: {"server": {"max_user_connections": 12}}, 60, 0),
    ("LongStatement", lambda _: {"server": {"longest_statement_seconds": 30.0}}, 0, 0),
    ("NoScans", idle_counters, 900, 0),
    (
        "WorkerMissing",
        lambda _: {"counters": {"web_workers_expected": 2.0, "web_workers_serving": 1.0}},
        60,
        0,
    ),
    ("BackupTooOld", lambda _: {"counters": {"backup_age_seconds": 26 * 3600.0}}, 0, 0),
    ("BackupUnusable", lambda _: {"counters": {"backup_test_failed": 1.0}}, 0, 0),
]
CALM = 40  # samples before


@pytest.mark.parametrize(("name", "change", "after_seconds", "gone_seconds"), CASES)
def test_it_begins_after_its_time_and_ends_with_its_reason(
    name, change, after_seconds, gone_seconds
):
    samples = [sample(number) for number in range(CALM)]
    assert names(samples) == []
    first = None
    for number in range(CALM, CALM + 100):
        samples.append(sample(number, **change(number)))
        if name in names(samples):
            first = number
            break
    assert first is not None
    held_seconds = (first - CALM) * INTERVAL
    # NoScans looks back for five minutes first, and may find the last scan at their very begin.
    assert after_seconds <= held_seconds <= after_seconds + INTERVAL
    for number in range(first + 1, first + 100):
        counters = samples[-1]["counters"] | {"scans_stored": 1000.0 + number}
        counters.pop("backup_age_seconds", None)
        counters.pop("backup_test_failed", None)
        counters["web_workers_serving"] = counters.get("web_workers_expected", 0.0)
        samples.append(sample(number, counters=counters))
        if name not in names(samples):
            break
    assert (number - first - 1) * INTERVAL <= gone_seconds


def test_every_rule_that_samples_can_show_is_tried():
    assert {case[0] for case in CASES} == {rule.name for rule in RULES if rule.value}


def test_one_moment_alone_is_no_alert_where_time_counts():
    samples = [sample(number) for number in range(20)]
    samples += [sample(20, worst_percent=100.0), sample(21), sample(22, worst_percent=100.0)]
    assert names(samples) == []


def test_the_critical_come_first_with_number_time_and_place_to_read_on():
    samples = [sample(number, worst_percent=95.0) for number in range(30)]
    with translation.override("en"):
        worst, other = active(recent_of(samples), now=samples[-1]["at"])
    assert (worst.name, worst.severity) == ("PoolExhausted", "critical")
    assert (other.name, other.severity) == ("PoolNearlyFull", "warning")
    assert worst.since == BEGAN
    assert worst.summary == "A worker uses 95 percent of its connections."
    assert worst.runbook == "/monitor/runbook#poolexhausted"


def test_a_rule_does_not_look_across_a_gap():
    """Of what was while nobody looked, nothing is known."""
    samples = [sample(0, worst_percent=100.0), sample(10, worst_percent=100.0)]
    assert names(samples) == []
    samples += [sample(number, worst_percent=100.0) for number in range(11, 17)]
    assert names(samples) == ["PoolExhausted"]
    assert active(recent_of(samples), now=samples[-1]["at"])[0].since == samples[1]["at"]


def test_who_has_taken_no_sample_for_long_says_that_alone():
    samples = [sample(number, worst_percent=100.0) for number in range(30)]
    assert names(samples, later_seconds=50) != ["MonitorSilent"]
    assert names(samples, later_seconds=60) == ["MonitorSilent"]
    (alert,) = active(recent_of([]), now=BEGAN)
    assert (alert.name, alert.since) == ("MonitorSilent", BEGAN)


def test_a_restart_of_the_counters_is_no_scan():
    samples = [
        sample(
            number,
            counters={
                "scans_stored": 500.0 if number < 40 else 0.0,
                "station_polls_answered": float(number % 40),
            },
        )
        for number in range(95)
    ]
    assert names(samples) == ["NoScans"]


def test_nobody_at_the_stations_is_no_alert():
    quiet = {"scans_stored": 7.0, "station_polls_answered": 9.0}
    assert names([sample(number, counters=quiet) for number in range(100)]) == []


def test_names_are_given_once():
    assert len(BY_NAME) == len(RULES)
