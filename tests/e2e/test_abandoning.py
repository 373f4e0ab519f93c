"""A piece that nobody finishes is given up, not sent."""

import json

import pytest
from playwright.sync_api import expect


@pytest.fixture
def station(open_station):
    # The page's clock can be moved on: nobody waits for half a minute.
    return open_station(has_clock=True)


def abandoned(database, order):
    rows = database.run(
        "SELECT codes FROM scans_incident WHERE kind = 'abandoned' "
        "AND JSON_VALUE(codes, '$.cp') LIKE %s",
        f"{order}%",
    )
    return [json.loads(codes) for (codes,) in rows]


def test_a_piece_that_nobody_finishes_warns_then_goes_and_is_noted(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01")
    station.heard()
    station.page.clock.fast_forward(31_000)
    station.await_banner("problem", f"{order}-0001 is not finished")
    expect(station.banner).to_contain_text("In 10 seconds it is dropped")
    assert station.heard() == [220, 220]
    expect(station.value("oc1")).to_have_text("OC01")
    station.page.clock.fast_forward(11_000)
    station.await_banner("problem", f"{order}-0001 was not finished and is not recorded")
    station.await_active("cp")
    expect(station.hint("operator")).to_have_text("Ana Popescu")
    station.await_pending(0)
    assert database.scans(order) == []
    assert abandoned(database, order) == [
        {"operator": "OP0001", "cp": f"{order}-0001", "oc1": "OC01"}
    ]
    # The next piece is none the worse for it.
    station.scan(f"{order}-0002", "OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0002")


def test_whoever_goes_on_after_the_warning_loses_nothing(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01")
    station.page.clock.fast_forward(31_000)
    station.await_banner("problem", "is not finished")
    station.scan("OC11")
    station.page.clock.fast_forward(20_000)
    station.scan("000")
    station.await_confirmed(f"{order}-0001")
    assert abandoned(database, order) == []


def test_whoever_writes_a_note_has_time_for_it(station, database, order):
    station.scan_piece(f"{order}-0001", "099")
    for word in ("a ", "long ", "story"):
        station.page.clock.fast_forward(25_000)
        station.page.keyboard.type(word)
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0001", "099")
    assert [row["note"] for row in database.scans(order)] == ["a long story"]


def test_a_badge_alone_is_no_piece_that_could_be_abandoned(station):
    station.scan("OP0001")
    station.page.clock.fast_forward(60_000)
    station.await_banner("ready", "Ready")
    expect(station.hint("operator")).to_have_text("Ana Popescu")


def test_what_a_reload_brings_back_is_given_up_like_any_other(station, database, order):
    station.scan("OP0001", f"{order}-0001")
    station.page.reload()
    station.await_active("oc1")
    station.page.clock.fast_forward(31_000)
    station.page.clock.fast_forward(11_000)
    station.await_active("cp")
    station.await_pending(0)
    assert [codes["cp"] for codes in abandoned(database, order)] == [f"{order}-0001"]
