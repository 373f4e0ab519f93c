"""The banner says what is true: of this piece, of the last one, of the way to the server."""

from playwright.sync_api import expect

from tests.e2e.station import StationPage, sign_in

FAILED = "Failed to load resource"
REFUSED = {"status": 422, "json": {"errors": {"defect": ["No."]}}}


def test_a_refused_scan_never_looks_as_if_it_were_on_its_way(station, complaints, order):
    complaints.expected = [FAILED]
    station.answer_posts(**REFUSED)
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", "Not accepted. Defect: No.")
    station.scan("OP0002")
    station.await_banner("problem", "Not accepted. Defect: No.")


def test_a_refused_scan_that_is_stored_at_last_ends_the_alarm(station, complaints, order):
    complaints.expected = [FAILED]
    station.answer_posts(**REFUSED)
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", "Not accepted")
    station.heal()
    station.attention.get_by_role("button", name="Send again").click()
    station.await_confirmed(f"{order}-0001")


def test_the_last_piece_does_not_come_back_green_while_the_next_is_made(station, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    station.scan(f"{order}-0002")
    station.await_banner("ready", f"{order}-0002")
    expect(station.banner).to_contain_text("not recorded yet")
    station.scan("999")
    station.await_banner("problem", "No defect has the code 999")
    station.scan("OC01")
    station.await_banner("ready", f"{order}-0002")
    station.page.locator("#restart").click()
    station.await_banner("ready", "Ready")


def test_while_no_answer_comes_nothing_looks_well(station, order):
    station.page.route("**/scans/", lambda route: None)
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "waits for the server")
    connection = station.page.locator("#connection")
    expect(connection).to_contain_text("No answer from the server yet")
    # That the counts can be read does not make it well.
    with station.page.expect_response("**/recent/**"):
        station.page.evaluate("window.dispatchEvent(new Event('online'))")
    station.scan_piece(f"{order}-0002")
    station.await_pending(2)
    station.await_banner("kept", "waits for the server")
    expect(connection).to_have_attribute("data-sort", "warn")


def test_a_scan_that_lacks_a_note_gets_it_and_is_sent_again(station, complaints, database, order):
    complaints.expected = [FAILED]
    station.keep_from_news()
    database.run("UPDATE scans_defect SET note_required = 1 WHERE code = '002'")
    try:
        station.scan_piece(f"{order}-0001", "002")
        note = station.attention.get_by_role("textbox")
        note.click()
        station.page.keyboard.type("a stain of oil")
        station.attention.get_by_role("button", name="Send again").click()
        station.await_confirmed(f"{order}-0001", "002")
    finally:
        database.run("UPDATE scans_defect SET note_required = 0 WHERE code = '002'")
    assert [row["note"] for row in database.scans(order)] == ["a stain of oil"]


def test_a_sign_out_with_pending_scans_asks_first(open_context, site, complaints, order):
    complaints.expected = [FAILED]
    page = open_context("").new_page()
    page.goto("/accounts/login/?next=/scans/station/%3Fstation%3DFG-01")
    sign_in(page, "operator")
    station = StationPage(page)
    station.await_connected()
    station.answer_posts(status=403, json={"error": "No."})
    station.scan_piece(f"{order}-0001")
    station.await_pending(1)
    expect(page.locator("#sign-in-again")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.locator("#leaving")).to_contain_text("1 scan is still here")
    expect(page.locator("#stay")).to_be_focused()
    page.get_by_role("button", name="Stay").click()
    expect(page.locator("#leaving")).to_be_hidden()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Sign out all the same").click()
    expect(page.get_by_role("heading", name="Autentificare")).to_be_visible()
