"""Simulated stations behave like the page, and a simulation that went wrong says so."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from quality.devdb.mariadb import PrivateMariaDB
from scans.recording import record_scan
from scans.simulation.session import NotSignedIn, Session
from scans.simulation.simulation import Simulation
from scans.simulation.station import Tally
from scans.simulation.summary import problem_of
from scans.simulation.verification import Verdict, free_orders, verify
from scans.submission import read
from tests.faults import free_port
from tests.scans.sample import payload
from tests.serving import PASSWORD, Database, Site, running


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    database = Database(PrivateMariaDB(mariadb_home), "quality_simulated")
    site = Site(database, tmp_path_factory.mktemp("site"))
    site.prepare()
    with running(site):
        yield site


def stored(site: Site) -> int:
    return int(site.database.run("SELECT COUNT(*) FROM scans_scan")[0][0])


def simulate(site: Site, *options: str):
    return site.manage("simulatestations", "--url", site.url, *options)


def await_more(simulation: Simulation, count: int) -> None:
    """Wait until so many more scans are confirmed."""
    wanted, deadline = len(simulation.confirmed) + count, time.monotonic() + 60
    while len(simulation.confirmed) < wanted:
        assert time.monotonic() < deadline, simulation.tally.retried
        time.sleep(0.02)


def test_each_scan_is_made_once_confirmed_once_and_stored_once(site):
    before = stored(site)
    done = simulate(site, "--stations", "5", "--scans", "60", "--rate", "0", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert stored(site) == before + 60
    assert 0 < summary["p50_ms"] <= summary["p95_ms"] <= summary["p99_ms"]
    assert {name: summary[name] for name in ("scanned", "confirmed", "stored")} == dict.fromkeys(
        ("scanned", "confirmed", "stored"), 60
    )
    assert not any(summary[name] for name in ("refused", "waiting", "lost", "doubled"))


def test_it_ends_when_the_time_is_over_and_keeps_the_rate(site):
    before = stored(site)
    done = simulate(site, "--stations", "4", "--seconds", "3", "--rate", "2")
    assert done.returncode == 0, done.stderr
    # 4 stations, 3 s, 2 each second: 24 if nobody is held up and none hurries.
    assert 4 <= stored(site) - before <= 60
    assert [line.split()[0] for line in done.stdout.splitlines()][:2] == ["seconds", "scanned"]


def test_it_is_heard_of_also_while_it_scans(site, monkeypatch):
    """Each scan is followed by a poll, which must not put off what tells that it is there."""
    monkeypatch.setattr("scans.simulation.station.PERIOD_SECONDS", 0.5)
    with Simulation(Session(site.url, "operator", PASSWORD), stations=1, rate=5, scans=20) as one:
        assert one.await_end(60)
    ((scans_before_it_was_last_heard_of,),) = site.database.run(
        "SELECT COUNT(*) FROM scans_scan s JOIN scans_presence p USING (device) "
        "WHERE s.received_at < p.seen_at "
        "AND device = (SELECT device FROM scans_scan ORDER BY id DESC LIMIT 1)"
    )
    assert int(scans_before_it_was_last_heard_of) >= 5


def test_what_was_scanned_while_the_site_was_away_is_sent_again(site):
    before = stored(site)
    with Simulation(Session(site.url, "operator", PASSWORD), stations=3, rate=5.0) as simulation:
        await_more(simulation, 10)
        site.stop()
        away = len(simulation.tally.made)
        while len(simulation.tally.made) < away + 10:
            time.sleep(0.02)
        site.start()
        simulation.finish()
    tally = simulation.tally
    assert tally.retried[0] > 0
    assert tally.refused == []
    assert len(tally.confirmed) == len(tally.made) == len(set(tally.made))
    assert stored(site) == before + len(tally.made)


def test_when_all_sessions_end_somebody_signs_in_again(site):
    session = Session(site.url, "operator", PASSWORD)
    with Simulation(session, stations=3, rate=5.0) as simulation:
        await_more(simulation, 5)
        site.database.run("DELETE FROM accounts_session")
        await_more(simulation, 20)
    assert set(simulation.tally.retried) == {401}
    assert site.database.run("SELECT COUNT(*) FROM accounts_session") == [(1,)]


def test_who_cannot_sign_in_is_told_why(site):
    with pytest.raises(NotSignedIn, match="Is the password right"):
        Session(site.url, "operator", "wrong").sign_in()
    with pytest.raises(NotSignedIn, match="Does it run"):
        Session(f"http://127.0.0.1:{free_port()}", "operator", PASSWORD).sign_in()
    threads = threading.active_count()
    done = site.manage("simulatestations", "--url", "http://127.0.0.1:9", "--scans", "1")
    assert done.returncode == 1
    assert "Does it run" in done.stderr
    assert threading.active_count() == threads


def test_production_is_asked_for_by_name(settings, db):
    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="--yes"):
        call_command("simulatestations", scans=1)


def test_what_is_missing_or_there_twice_is_found(master_data):
    user = User.objects.create(username="operator")
    first = free_orders()
    scans = [payload(cp=f"CP{first}-000{piece}") for piece in (1, 2, 2)]
    for one in scans:
        record_scan(read(one), user)
    # Of another order: none of this simulation's.
    record_scan(read(payload(cp="CP99999999-0001")), user)
    # Another simulation's, which came upon the same piece.
    record_scan(read(payload(cp=f"CP{first}-0001")), user)
    missing = str(uuid4())
    made = [*(one["id"] for one in scans), missing]
    verdict = verify(first, made, made)
    assert verdict.stored == 3
    assert verdict.lost == [missing]
    assert verdict.doubled == [f"CP{first}-0002"]


@pytest.mark.parametrize(
    ("tally", "verdict", "problem"),
    [
        (Tally(["a"], ["a"]), Verdict(1, [], []), ""),
        (Tally(["a"], ["a"]), Verdict(0, ["a"], []), "1 confirmed scans are not stored: ['a']"),
        (Tally(), Verdict(4, [], ["x", "y"]), "2 pieces are stored twice: ['x', 'y']"),
        (Tally(["a"], [], ["422 no"]), Verdict(0, [], []), "1 scans were refused: 422 no"),
        (
            Tally(["a"], retried=Counter([503, 0, 503])),
            Verdict(0, [], []),
            "1 scans found no way; the answers were {503: 2, 0: 1}",
        ),
    ],
)
def test_what_is_not_as_it_must_be_is_said(tally, verdict, problem):
    assert problem_of(tally, verdict) == problem


def test_a_scan_that_cannot_be_stored_makes_the_simulation_fail(site):
    site.database.run("INSERT INTO scans_operator (badge, name, active) VALUES ('OP0003', 'x', 0)")
    try:
        done = simulate(site, "--stations", "3", "--scans", "9", "--rate", "0")
    finally:
        site.database.run("DELETE FROM scans_operator WHERE badge = 'OP0003'")
    assert done.returncode == 1
    assert "scans were refused: 422" in done.stderr
