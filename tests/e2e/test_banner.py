"""The banner says what is true: of this piece, of the last one, of the way to the server."""

from playwright.sync_api import expect

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
