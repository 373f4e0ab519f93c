"""A piece that comes again: read twice, inspected again, undone."""

import pytest
from playwright.sync_api import expect

from tests.e2e.station import StationPage
from tests.e2e.test_outbox import FAILED

TWICE = [880, 660, 880]


def events(database, order):
    """The voided pieces of an order, the first first."""
    rows = database.run(
        "SELECT RIGHT(s.cp, 4) FROM scans_event e JOIN scans_scan s ON s.id = e.scan_id "
        "WHERE s.cp_base = %s AND e.kind = 'void' ORDER BY e.id",
        order,
    )
    return [piece for (piece,) in rows]


def incidents(database, order):
    rows = database.run(
        "SELECT kind FROM scans_incident WHERE JSON_VALUE(codes, '$.cp') LIKE %s ORDER BY id",
        f"{order}%",
    )
    return [kind for (kind,) in rows]


# ----- Double reads


def test_a_piece_read_twice_is_recorded_once_heard_and_counted(station, database, order):
    station.scan_piece(f"{order}-0001", "001")
    station.await_confirmed(f"{order}-0001", "001")
    station.heard()
    station.scan_piece(f"{order}-0001", "001")
    station.await_banner("repeat", "read twice, recorded once")
    assert station.heard()[-3:] == TWICE
    expect(station.page.locator("#doubles")).to_have_text("1 double read")
    station.await_pending(0)
    assert len(database.scans(order)) == 1
    assert incidents(database, order) == ["double_read"]
    # A reload forgets neither the scan nor the count.
    station.page.reload()
    station.scan_piece(f"{order}-0001", "001")
    station.await_banner("repeat", "read twice")
    expect(station.page.locator("#doubles")).to_have_text("2 double reads")
    assert len(database.scans(order)) == 1


def test_another_defect_is_another_scan_and_undo_lets_the_same_pass(station, database, order):
    station.scan_piece(f"{order}-0001", "001")
    station.scan_piece(f"{order}-0001", "002")
    station.await_confirmed(f"{order}-0001", "002")
    station.scan("CMDUNDO")
    station.await_banner("undone", f"{order}-0001")
    station.scan_piece(f"{order}-0001", "002")
    station.await_confirmed(f"{order}-0001", "002")
    assert [row["defect_id"] for row in database.scans(order)] == ["001", "002", "002"]


def test_more_than_ten_seconds_later_it_is_a_reinspection(station, database, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    station.pass_seconds(11)
    station.scan_piece(f"{order}-0001")
    station.await_banner("good", "saved, a re-inspection")
    mark = station.recent.first.locator(".state")
    expect(mark).to_have_text("re-inspection, saved")
    assert len(database.scans(order)) == 2


def test_a_defect_read_twice_is_no_error_but_a_double_read(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "OC11", "000", "000")
    station.await_banner("repeat", "read twice, recorded once")
    expect(station.page.locator("#doubles")).to_have_text("1 double read")
    station.await_pending(0)
    # The disk may have the piece before its echo comes, or after: its own tone is left out here.
    assert [hertz for hertz in station.heard() if hertz != 1760] == TWICE
    expect(station.hint("cp")).to_have_text("e.g. CP10045821-0007")
    assert len(database.scans(order)) == 1
    assert incidents(database, order) == ["double_read"]
    # A moment later it is the defect of a piece whose CP was not read.
    station.pass_seconds(3)
    station.scan("000")
    station.await_banner("problem", "000 comes later. Scan CP first.")


# ----- What the office wants of pieces that come again


def test_a_repeated_piece_warns_where_the_office_wants_it(open_station, profile, database, order):
    profile(repeat_policy="warn")
    station = open_station()
    station.scan_piece(f"{order}-0001", "001")
    station.await_confirmed(f"{order}-0001", "001")
    station.heard()
    station.scan(f"{order}-0001")
    station.await_banner("repeat", "It was scanned before: 001 Scratch")
    assert station.heard() == TWICE
    station.scan("OC01", "OC11", "000")
    station.await_banner("repeat", "saved, a re-inspection")
    assert len(database.scans(order)) == 2


def test_a_repeated_piece_is_refused_where_the_office_wants_it(
    open_station, profile, complaints, database, order
):
    complaints.expected = [FAILED]
    profile(repeat_policy="block")
    station = open_station()
    station.scan_piece(f"{order}-0001", "001")
    station.await_confirmed(f"{order}-0001", "001")
    station.pass_seconds(11)
    station.scan(f"{order}-0001")
    station.await_banner("problem", f"{order}-0001 was scanned before")
    station.await_active("cp")
    # Of what another station has recorded the server knows alone.
    other = open_station("FG-02")
    other.scan_piece(f"{order}-0001", "000")
    other.await_banner("problem", f"Not accepted. CP: {order}-0001 was scanned before.")
    expect(other.attention).to_have_count(1)
    assert [row["defect_id"] for row in database.scans(order)] == ["001"]


def await_floor(station: StationPage) -> None:
    """Return when the page has asked for what the office has changed, and read it."""
    with station.page.expect_response("**/scans/floor/") as answered:
        station.page.evaluate("window.dispatchEvent(new Event('online'))")
    answered.value.finished()
    station.page.evaluate("new Promise((read) => requestIdleCallback(read))")


def test_a_change_in_the_office_reaches_an_open_page(station, profile, database, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    profile(oc1_is_sticky=1, oc2_is_sticky=1)
    database.run("UPDATE scans_defect SET name_en = 'Hole' WHERE code = '001'")
    try:
        await_floor(station)
        station.scan(f"{order}-0002", "OC02", "OC12", "001")
        station.await_confirmed(f"{order}-0002", "001")
        expect(station.banner).to_contain_text("001 Hole")
        station.scan(f"{order}-0003", "000")
        station.await_confirmed(f"{order}-0003")
    finally:
        database.run("UPDATE scans_defect SET name_en = 'Scratch' WHERE code = '001'")
    assert [row["oc2"] for row in database.scans(order)] == ["OC11", "OC12", "OC12"]


def test_a_pattern_of_the_office_holds_on_a_page_that_is_open(station, database, order):
    station.scan("QA07")
    expect(station.banner).to_contain_text("QA07")
    database.run("UPDATE scans_settings SET operator_pattern = '(OP[0-9]{2,4}|QA[0-9]{2})'")
    try:
        await_floor(station)
        station.scan("QA07", f"{order}-0001", "OC01", "OC11", "000")
        station.await_confirmed(f"{order}-0001")
    finally:
        database.run("UPDATE scans_settings SET operator_pattern = %s", r"OP\d{2,4}")
    assert [row["operator"] for row in database.scans(order)] == ["QA07"]


# ----- Undo


def test_undo_voids_the_last_scan_and_the_counts_fall(station, database, order):
    approved, rejected = station.totals()
    station.scan_piece(f"{order}-0001")
    station.scan_piece(f"{order}-0002", "001")
    station.await_confirmed(f"{order}-0002", "001")
    station.await_totals(approved + 1, rejected + 1)
    button = station.page.locator("#undo")
    expect(button).to_contain_text("Undo 0002")
    button.click()
    station.await_banner("undone", "001 Scratch · undone, does not count")
    station.await_totals(approved + 1, rejected)
    station.await_pending(0)
    expect(station.recent.first).to_have_class("is-reject is-voided")
    expect(station.page.locator("#order-counts")).to_have_text("1 approved, 0 rejected")
    # The one before is next; then there is none.
    expect(button).to_contain_text("Undo 0001")
    station.pass_seconds(3)
    station.scan("CMDUNDO")
    station.await_banner("undone", f"{order}-0001")
    station.await_totals(approved, rejected)
    station.await_pending(0)
    assert events(database, order) == ["0002", "0001"]
    assert len(database.scans(order)) == 2


def test_what_waits_can_be_undone_and_counts_no_more_at_once(station, complaints, database, order):
    complaints.expected = [FAILED]
    approved, rejected = station.totals()
    station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.await_totals(approved + 1, rejected)
    station.page.locator("#undo").click()
    station.await_totals(approved, rejected)
    expect(station.recent.first).to_have_class("is-here is-voided")
    station.await_pending(2)
    assert database.scans(order) == []
    station.heal()
    station.await_pending(0)
    station.await_totals(approved, rejected)
    assert events(database, order) == ["0001"]


def test_undo_read_or_tapped_twice_undoes_one_scan(station, database, order):
    for piece in range(1, 5):
        station.scan_piece(f"{order}-000{piece}")
    station.await_confirmed(f"{order}-0004")
    station.heard()
    station.scan("CMDUNDO", "CMDUNDO")
    station.await_banner("undone", f"{order}-0004")
    assert station.heard()[-3:] == TWICE
    station.pass_seconds(3)
    station.page.locator("#undo").dblclick()
    station.await_banner("undone", f"{order}-0003")
    station.await_pending(0)
    assert events(database, order) == ["0004", "0003"]


@pytest.mark.parametrize("is_away", [True, False])
def test_what_another_tab_undoes_does_not_look_good_here(
    station, complaints, database, order, is_away
):
    complaints.expected = [FAILED]
    if is_away:
        station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept" if is_away else "good", f"{order}-0001")
    other = StationPage(station.page.context.new_page())
    if is_away:
        other.drop_posts()
    other.page.goto("/scans/station/")
    other.scan("CMDUNDO")
    other.await_banner("undone", f"{order}-0001")
    if is_away:
        station.await_pending(2)
        station.heal(tell=False)
        other.heal()
    station.await_pending(0)
    station.await_banner("undone", f"{order}-0001")
    assert events(database, order) == ["0001"]


def test_what_is_undone_is_said_over_a_piece_in_the_making(station, database, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    station.scan(f"{order}-0002", "CMDUNDO")
    station.await_banner("undone", f"{order}-0001")
    station.await_pending(0)
    station.await_banner("undone", f"{order}-0001")
    station.scan("OC01")
    station.await_banner("ready", f"{order}-0002")
    station.scan("OC11", "000")
    station.await_confirmed(f"{order}-0002")
    assert events(database, order) == ["0001"]


def test_a_minute_later_nothing_can_be_undone(station, database, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    station.pass_seconds(61)
    expect(station.page.locator("#undo")).to_be_disabled()
    station.heard()
    station.scan("CMDUNDO")
    station.await_banner("problem", "Nothing to undo")
    assert station.heard() == [220, 220]
    assert events(database, order) == []


def test_the_clear_code_begins_the_piece_again(station, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "CMDCLEAR")
    station.await_active("cp")
    station.await_banner("ready", "Ready")
    expect(station.hint("operator")).to_have_text("Ana Popescu")


@pytest.mark.parametrize("end", ["Enter", ""])
def test_a_command_scanned_into_the_note_is_none_of_its_words(station, database, order, end):
    station.scan_piece(f"{order}-0001", "099")
    station.page.keyboard.type("loose")
    station.page.keyboard.type("CMDCLEAR")
    if end:
        station.page.keyboard.press(end)
    station.await_active("cp")
    expect(station.page.locator("#note")).to_be_hidden()
    assert database.scans(order) == []
