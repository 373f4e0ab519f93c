"""Who sends faster than any station is held up; what a station has kept is not."""

import pytest
from django.conf import settings as house

from scans.pace import BURST_SECONDS, MOST_SENDERS, Pace
from tests.scans.sample import payload, post

PER_SECOND = house.SCANS_PER_SECOND


@pytest.fixture
def step():
    """`step(now, sender)`: the seconds to wait."""
    pace = Pace()
    return lambda now, sender="a": pace.step(sender, per_second=PER_SECOND, now=now)


def test_500_that_were_kept_pass_at_once(step):
    assert [step(0) for _ in range(500)] == [0] * 500


def test_what_comes_too_fast_is_told_when_to_come(step):
    while (wait_seconds := step(0)) == 0:
        pass
    assert 0 < wait_seconds <= 1 / PER_SECOND
    # What is refused costs nothing.
    assert step(0) == wait_seconds
    assert step(wait_seconds) == 0
    assert step(wait_seconds) > 0


def test_the_usual_pace_may_last_for_ever(step):
    assert not any(step(number / PER_SECOND) for number in range(10_000))


def test_a_pause_earns_one_burst_and_no_more(step):
    def burst(now: float) -> int:
        sent = 0
        while step(now) == 0:
            sent += 1
        return sent

    # One more or less: the sum of so many hundredths.
    expected = pytest.approx(BURST_SECONDS * PER_SECOND, abs=1)
    assert burst(0) == expected
    assert burst(24 * 60 * 60) == expected


def test_others_are_not_held_up(step):
    while step(0) == 0:
        pass
    assert step(0, "b") == 0


def test_those_who_are_gone_are_forgotten():
    pace = Pace()
    for number in range(10 * MOST_SENDERS):
        pace.step(str(number), per_second=PER_SECOND, now=number)
    assert len(pace._until) <= MOST_SENDERS


def test_a_session_that_sends_without_end_is_told_to_wait_and_nothing_is_stored(
    client_of, master_data, settings
):
    settings.SCANS_PER_SECOND = 1
    client = client_of("operator")
    scans = [payload(cp=f"CP10045821-{number:04}") for number in range(BURST_SECONDS + 2)]
    answers = [post(client, scan) for scan in scans]
    refused = answers[-1]
    assert [one.status_code for one in answers[:BURST_SECONDS]] == [201] * BURST_SECONDS
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) in (1, 2)
    assert "error" in refused.json()
    # Nor by another way; and the page goes on to see what there is.
    for path in ("/scans/incidents/", f"/scans/{scans[0]['id']}/void/"):
        assert post(client, {}, path).status_code == 429
    assert client.get("/scans/recent/").status_code == 200
    # Somebody else is not concerned.
    assert post(client_of("operator"), scans[-1]).status_code == 201


def test_without_a_limit_nobody_waits(client_of, master_data, settings):
    settings.SCANS_PER_SECOND = 0
    client = client_of("operator")
    scan = payload()
    assert {post(client, scan).status_code for _ in range(40)} == {200, 201}


def test_heartbeats_are_paced_too(client_of, settings):
    """Each may be of another browser, and so another row."""
    settings.SCANS_PER_SECOND = 1
    client = client_of("operator")
    statuses = [
        client.post("/scans/heartbeat/", {}, content_type="application/json").status_code
        for _ in range(BURST_SECONDS + 5)
    ]
    assert set(statuses) == {422, 429}
