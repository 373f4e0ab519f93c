"""Keys become codes, codes become rows."""

import json

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize(
    ("delay_ms", "end"), [(5, "Enter"), (5, "Tab"), (30, "Enter"), (30, "Tab"), (100, "Enter")]
)
def test_a_scan_is_stored_whatever_the_scanners_speed_and_terminator(
    station, database, order, delay_ms, end
):
    codes = ["OP0001", f"{order}-0007", "OC01", "OC11", "000"]
    station.scan(*codes, delay_ms=delay_ms, end=end)
    station.await_confirmed(f"{order}-0007")
    [row] = database.scans(order)
    assert list(row.values())[:7] == [codes[1], "000", "OP0001", "OC01", "OC11", "FG-01", ""]


def test_the_operator_stays_for_the_next_piece(station, database, order):
    station.scan_piece(f"{order}-0001")
    station.await_active("cp")
    station.scan(f"{order}-0002", "OC02", "OC12", "007")
    station.await_confirmed(f"{order}-0002", "007")
    expect(station.hint("operator")).to_have_text("Ana Popescu")
    rows = database.scans(order)
    assert [(row["operator"], row["defect_id"]) for row in rows] == [
        ("OP0001", "000"),
        ("OP0001", "007"),
    ]


def test_a_badge_changes_the_operator_at_any_time(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "OP0017")
    expect(station.hint("operator")).to_have_text("Élise Șerban")
    station.await_active("oc2")
    station.scan("OC11", "000")
    station.await_confirmed(f"{order}-0001")
    assert database.scans(order)[0]["operator"] == "OP0017"


def test_a_badge_that_nobody_knows_yet_counts(station, database, order):
    station.scan("OP77", f"{order}-0001", "OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0001")
    expect(station.hint("operator")).to_have_text("new badge")
    assert database.scans(order)[0]["operator"] == "OP77"


def test_a_cp_code_begins_the_piece_again_and_says_what_was_dropped(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01", f"{order}-0002")
    station.await_banner("problem", f"{order}-0001 was not finished")
    expect(station.value("oc1")).to_have_text("")
    station.scan("OC02", "OC12", "000")
    station.await_confirmed(f"{order}-0002")
    assert [row["cp"] for row in database.scans(order)] == [f"{order}-0002"]


PRESS = """keys => keys.forEach(key =>
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true})))"""

# What is typed for piece 0001, 0002 … of an order.
REPAIRED = ["cp{order}'0001", "]C1CP{order}-0002", "  CP{order}_0003 ", "cp{order}/0004"]


def test_codes_are_repaired_and_kept_as_they_were_typed(station, database, order):
    typed = [pattern.format(order=order[2:]) for pattern in REPAIRED]
    for number, raw in enumerate(typed, 1):
        station.scan("op0001", raw, "oc01", "oc11", "000")
        station.await_confirmed(f"{order}-{number:04d}")
    rows = database.scans(order)
    assert [row["cp"] for row in rows] == [f"{order}-{number:04d}" for number in range(1, 5)]
    assert [json.loads(row["raw"])["cp"] for row in rows] == typed


# What is typed, the field beside which it is explained, and a part of the explanation.
BAD = [
    ("CP1004582-0001", "cp", "1 digit is missing. Expected: CP10045821-0007"),
    ("CP10045821-00071", "cp", "1 digit too many"),
    ("OP0001OP0001", "operator", "OP0001 was read twice"),
    ("OP1", "operator", "3 digits are missing"),
    ("00", "defect", "00: 1 digit is missing. Expected: 000"),
    ("999", "defect", "No defect has the code 999"),
    ("000", "cp", "000 comes later. Scan CP first"),
    ("OC01", "cp", "OC01 comes later. Scan CP first"),
    ("hello", "cp", "HELLO does not look like CP10045821-0007"),
    ("]C1", "cp", "Nothing readable was scanned"),
    ("<img src=x onerror=alert(1)>", "cp", "<IMG SRC=X ONERROR=ALERT…"),
    ("x" * 4096, "cp", "Too long for a code: 4096 characters"),
]


def test_bad_codes_are_explained_beside_the_field_and_store_nothing(station, database, order):
    station.scan("OP0001")
    station.heard()
    for code, field, explanation in BAD:
        if len(code) < 100:
            station.scan(code)
        else:
            # As many keys would take the driver seconds.
            station.page.evaluate(PRESS, [*code, "Enter"])
        expect(station.hint(field)).to_contain_text(explanation)
        station.await_banner("problem", explanation)
        station.await_active("cp")
        assert station.heard() == [220, 220]
    # The next good code lands right all the same.
    station.scan(f"{order}-0001", "OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


def test_an_oc_code_read_twice_is_not_taken_for_the_second(station, database, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "OC01")
    expect(station.hint("oc2")).to_contain_text("OC01 is OC1 already")
    station.scan("OC11", "000")
    station.await_confirmed(f"{order}-0001")
    # Who means it scans it once more.
    station.scan(f"{order}-0002", "OC01", "OC01", "OC01", "000")
    station.await_confirmed(f"{order}-0002")
    assert [row["oc2"] for row in database.scans(order)] == ["OC11", "OC01"]


def test_a_scanner_without_terminator_is_understood(station, database, order):
    for code, field in [
        ("OP0001", "cp"),
        (f"{order}-0001", "oc1"),
        ("OC01", "oc2"),
        ("OC11", "defect"),
    ]:
        station.page.keyboard.type(code)
        station.await_active(field)
    station.page.keyboard.type("000")
    station.await_confirmed(f"{order}-0001")


def test_a_code_that_may_still_grow_waits_for_its_end(station):
    station.page.keyboard.type("OP00")
    # OC01 is whole, and its time-out runs out while OP00 would still be waiting.
    station.page.wait_for_timeout(600)
    expect(station.value("operator")).to_have_text("OP00")
    station.await_active("operator")
    station.scan("17")
    expect(station.hint("operator")).to_have_text("Élise Șerban")


def test_what_is_typed_by_hand_is_seen_and_can_be_corrected(station):
    keyboard = station.page.keyboard
    keyboard.type("OP0009")
    expect(station.value("operator")).to_have_text("OP0009")
    keyboard.press("Backspace")
    keyboard.type("2")
    keyboard.press("Enter")
    expect(station.hint("operator")).to_have_text("Ion Munteanu")
    keyboard.type("CP1")
    expect(station.value("cp")).to_have_text("CP1")
    keyboard.press("Escape")
    expect(station.value("cp")).to_have_text("")


def test_a_scanners_enter_presses_nothing(station, database, order):
    page = station.page
    number = 0
    for selector in ("#sign-out button", ".languages button", "#restart", ".brand"):
        number += 1
        page.locator(selector).first.focus()
        page.keyboard.press("Enter")
        station.scan_piece(f"{order}-{number:04d}")
        station.await_confirmed(f"{order}-{number:04d}")
    page.locator("#banner").click()
    station.scan_piece(f"{order}-9999")
    station.await_confirmed(f"{order}-9999")
    assert page.url.endswith("/scans/station/")
    assert len(database.scans(order)) == number + 1


def test_the_space_bar_presses_what_is_focused(station, order):
    station.scan("OP0001", f"{order}-0001", "OC01")
    station.page.locator("#restart").focus()
    station.page.keyboard.press("Space")
    expect(station.value("cp")).to_have_text("")


def test_after_a_press_on_a_button_the_next_code_lands_right(station, order):
    station.scan("OP0001", f"{order}-0001", "OC01")
    station.page.click("#restart")
    station.await_active("cp")
    station.scan_piece(f"{order}-0002")
    station.await_confirmed(f"{order}-0002")


def test_one_high_tone_for_good_and_two_low_ones_for_a_reject(station, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "OC11")
    # The first key unlocks the sound; its code may have been too quick for it.
    expect(station.page.locator("#sound-off")).to_be_hidden()
    station.heard()
    station.scan("000")
    station.await_confirmed(f"{order}-0001")
    assert station.heard() == [1760]
    station.scan_piece(f"{order}-0002", "001")
    station.await_confirmed(f"{order}-0002", "001")
    assert station.heard() == [1760] * 4 + [220, 220]


def test_the_page_says_that_there_is_no_sound_before_the_first_key(station):
    expect(station.page.locator("#sound-off")).to_be_visible()


def test_the_page_says_when_another_window_has_the_keyboard(station):
    notice = station.page.locator("#not-in-front")
    expect(notice).to_be_hidden()
    station.page.evaluate(
        "document.hasFocus = () => false; window.dispatchEvent(new Event('blur'))"
    )
    expect(notice).to_be_visible()
    station.page.evaluate(
        "document.hasFocus = () => true; window.dispatchEvent(new Event('focus'))"
    )
    expect(notice).to_be_hidden()


def test_a_mistake_in_the_page_does_not_look_like_a_page_that_works(station, complaints):
    complaints.expected = ["Uncaught", "ours"]
    station.page.evaluate("setTimeout(() => { throw new Error('ours') })")
    station.await_banner("problem", "Reload it")


# ----- Notes


def test_a_defect_that_needs_a_note_asks_for_it(station, database, order):
    station.scan_piece(f"{order}-0001", "099")
    note = station.page.locator("#note")
    expect(note).to_be_focused()
    expect(note).to_be_in_viewport()
    station.await_banner("ready", "099 Other (note required) · Write a note")
    station.page.keyboard.press("Enter")
    expect(station.page.locator("#note-problem")).to_contain_text("needs a note")
    station.page.keyboard.type("<b>fir</b> desprins, ușor")
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0001", "099")
    expect(note).to_be_hidden()
    assert database.scans(order)[0]["note"] == "<b>fir</b> desprins, ușor"


def test_the_note_field_takes_back_what_was_scanned_by_mistake(station, database, order):
    station.scan_piece(f"{order}-0001", "099")
    station.scan("002")
    station.await_confirmed(f"{order}-0001", "002")
    station.scan_piece(f"{order}-0002", "099")
    station.page.keyboard.press("Escape")
    station.await_active("defect")
    station.scan("000")
    station.await_confirmed(f"{order}-0002")
    assert [row["defect_id"] for row in database.scans(order)] == ["002", "000"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_next_piece_scanned_after_the_note_finishes_it(station, database, order, elsewhere):
    station.scan_piece(f"{order}-0001", "099")
    station.page.keyboard.type("loose thread")
    if elsewhere:
        station.banner.click()
    station.scan(f"{order}-0002")
    expect(station.value("cp")).to_have_text(f"{order}-0002")
    station.await_active("oc1")
    station.await_banner("ready", f"{order}-0002")
    station.await_pending(0)
    assert database.scans(order)[0]["note"] == "loose thread"


# ----- Counts


def test_counts_and_the_last_scans_are_right(station, order):
    approved, rejected = station.totals()
    for number in range(1, 17):
        station.scan_piece(f"{order}-{number:04d}", "001" if number % 4 == 0 else "000")
    station.await_pending(0)
    expect(station.page.locator("#approved")).to_have_text(str(approved + 12))
    expect(station.page.locator("#rejected")).to_have_text(str(rejected + 4))
    share = (rejected + 4) / (approved + rejected + 16)
    expect(station.page.locator("#reject-percent")).to_have_text(f"{share:.1%}")
    expect(station.recent).to_have_count(15)
    expect(station.recent.first).to_contain_text(f"{order}-0016")
    expect(station.recent.last).to_contain_text(f"{order}-0002")
    expect(station.recent.first).to_contain_text("001 Scratch")


def test_a_reload_loses_nothing(station, order):
    station.scan("OP0002", f"{order}-0001", "OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0001")
    station.scan(f"{order}-0002", "OC03")
    station.page.reload()
    station.await_active("oc2")
    expect(station.hint("operator")).to_have_text("Ion Munteanu")
    expect(station.recent.first).to_contain_text(f"{order}-0001")
    station.scan("OC12", "000")
    station.await_confirmed(f"{order}-0002")


def test_a_page_that_is_open_while_its_browser_is_bound_anew_goes_along(
    station, binding, complaints, database, order
):
    complaints.expected = ["Failed to load resource"]
    station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "waits for the server")
    station.scan(f"{order}-0002", "OC01")
    station.page.context.add_cookies([binding("FG-02")])
    look = "window.dispatchEvent(new Event('online'))"
    with station.page.expect_response("**/scans/recent/**"):
        station.page.evaluate(look)
    # Not under a piece in the making.
    station.scan("OC11", "000")
    with station.page.expect_navigation():
        station.page.evaluate(look)
    expect(station.page.locator(".station-name")).to_have_text("FG-02")
    station.heal()
    station.scan_piece(f"{order}-0003")
    station.await_confirmed(f"{order}-0003")
    found = {row["cp"][-4:]: row["station_id"] for row in database.scans(order)}
    assert found == {"0001": "FG-01", "0002": "FG-01", "0003": "FG-02"}
