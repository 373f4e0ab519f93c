"""Keys of other scanners and other tablets: what they mean, and what they must not press."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("end", ["Control+j", "Control+m"])
def test_cr_and_lf_as_control_keys_end_a_code(station, database, order, end):
    station.scan("OP0001", f"{order}-0001", "OC01", "OC11", "000", end=end)
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


def test_a_code_that_begins_with_a_space_presses_no_button(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01")
    for selector in ("#restart", ".brand"):
        station.page.locator(selector).focus()
        station.scan(" OP0017", delay_ms=10)
        expect(station.hint("operator")).to_have_text("Élise Șerban")
        expect(station.value("oc1")).to_have_text("OC01")
    station.scan("OC11", "000")
    station.await_confirmed(f"{order}-0001")


def test_words_for_a_note_that_lost_the_focus_go_into_it(station, database, order):
    station.scan_piece(f"{order}-0001", "099")
    station.banner.click()
    station.page.keyboard.type("loose thread")
    expect(station.page.locator("#note")).to_have_value("loose thread")
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0001", "099")
    assert [row["note"] for row in database.scans(order)] == ["loose thread"]


def test_a_tablet_without_abort_timeouts_sends(open_station, database, order):
    station = open_station(script="delete AbortSignal.timeout")
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1
