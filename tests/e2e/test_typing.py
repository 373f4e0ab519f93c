"""However a code is typed, and wherever the focus is: the next scan lands right."""

import pytest
from playwright.sync_api import expect

# What becomes of a code on the way from its print to the page.
TYPED = {
    "as printed": lambda code: code,
    "Caps Lock": lambda code: code.swapcase(),
    "another layout": lambda code: code.replace("-", "'"),
    "Caps Lock and another layout": lambda code: code.lower().replace("-", "/"),
    "an AIM prefix": lambda code: f"]C1{code}",
}
# A person's next key, and the pause in which a scanner without terminator is understood.
BY_HAND_MS = 250
MISREAD = "CP1004582-0001"


@pytest.mark.parametrize("end", ["Enter", "Tab", ""])
def test_a_code_is_understood_however_it_arrives(station, database, order, end):
    for number, typed in enumerate(TYPED.values(), 1):
        codes = ["OP0001", f"{order}-{number:04d}", "OC01", "OC11", "000"]
        for code, active in zip(codes, ["cp", "oc1", "oc2", "defect", "cp"], strict=True):
            station.page.keyboard.type(typed(code), delay=5)
            if end:
                station.page.keyboard.press(end)
            station.await_active(active)
            # The badge was there before: what is typed stands in the next field until it ends.
            expect(station.value(active)).to_have_text("")
        station.await_confirmed(codes[1])
    rows = database.scans(order)
    assert [row["cp"][-4:] for row in rows] == [f"{n:04d}" for n in range(1, len(TYPED) + 1)]
    assert {tuple(row.values())[1:6] for row in rows} == {
        ("000", "OP0001", "OC01", "OC11", "FG-01")
    }


@pytest.mark.parametrize("delay_ms", [5, 30, 100, BY_HAND_MS])
def test_a_code_without_terminator_is_whole_at_any_speed(station, order, delay_ms):
    station.scan("OP0001")
    station.page.keyboard.type(f"{order}-0007", delay=delay_ms)
    expect(station.value("cp")).to_have_text(f"{order}-0007")
    station.await_active("oc1")


def test_the_next_scan_lands_right_after_a_click_anywhere(station, database, order):
    page = station.page
    number = 0
    for selector in ("#banner", ".totals", "#recent", "h1", "[data-field=oc1]", "#pending", ".top"):
        number += 1
        page.locator(selector).click(force=True, position={"x": 1, "y": 1})
        station.scan_piece(f"{order}-{number:04d}")
        station.await_confirmed(f"{order}-{number:04d}")
    assert len(database.scans(order)) == number


def test_the_next_scan_lands_right_after_a_dialog(station, complaints, database, order):
    complaints.expected = ["Failed to load resource"]
    station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.await_pending(1)
    station.page.get_by_role("button", name="Sign out", exact=True).click()
    # While it is open nothing is pressed, and nothing is lost.
    station.scan_piece(f"{order}-0002")
    station.await_pending(2)
    expect(station.page.locator("#leaving")).to_be_visible()
    station.page.locator("#stay").click()
    station.scan_piece(f"{order}-0003")
    station.await_pending(3)
    # One of the browser's own.
    station.page.once("dialog", lambda dialog: dialog.accept())
    station.page.evaluate("alert('update?')")
    station.scan_piece(f"{order}-0004")
    station.await_pending(4)
    station.heal()
    station.await_pending(0)
    assert len(database.scans(order)) == 4


def test_the_next_scan_lands_right_after_another_tab(station, order):
    station.scan("OP0001", f"{order}-0001")
    other = station.page.context.new_page()
    other.goto("/scans/station/")
    other.keyboard.type("OC99")
    station.page.bring_to_front()
    station.scan("OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0001")
    other.close()


@pytest.mark.parametrize("delay_ms", [5, 100])
def test_a_misread_code_scanned_into_the_note_is_not_the_note(station, database, order, delay_ms):
    station.scan_piece(f"{order}-0001", "099")
    station.heard()
    station.scan(MISREAD, delay_ms=delay_ms)
    expect(station.page.locator("#note-problem")).to_contain_text(f"{MISREAD} was meant as a code")
    station.await_banner("problem", "misread")
    assert station.heard() == [220, 220]
    expect(station.page.locator("#note")).to_have_value("")
    # Behind words, they stay.
    station.page.keyboard.type("loose thread")
    station.scan(MISREAD, delay_ms=delay_ms)
    expect(station.page.locator("#note")).to_have_value("loose thread")
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0001", "099")
    assert [row["note"] for row in database.scans(order)] == ["loose thread"]


def test_the_next_piece_ends_the_note_without_a_terminator(station, database, order):
    station.scan_piece(f"{order}-0001", "099")
    station.page.keyboard.type(f"loose thread{order}-0002")
    station.await_active("oc1")
    expect(station.value("cp")).to_have_text(f"{order}-0002")
    station.await_pending(0)
    assert [row["note"] for row in database.scans(order)] == ["loose thread"]


def test_fields_that_stay_need_no_scan(open_station, profile, database, order):
    profile(oc1_is_sticky=1, oc2_is_sticky=1)
    station = open_station()
    station.scan_piece(f"{order}-0001")
    station.scan(f"{order}-0002", "001")
    station.await_confirmed(f"{order}-0002", "001")
    station.scan("OC03", "OC13", f"{order}-0003", "000")
    station.await_confirmed(f"{order}-0003")
    assert [(row["oc1"], row["oc2"]) for row in database.scans(order)] == [
        ("OC01", "OC11"),
        ("OC01", "OC11"),
        ("OC03", "OC13"),
    ]


# ----- Tiles


def test_a_defect_is_chosen_with_the_finger_the_last_used_first(station, database, order):
    tiles = station.page.locator(".tile")
    expect(tiles.first).to_be_hidden()
    station.scan_piece(f"{order}-0001", "007")
    station.scan(f"{order}-0002", "OC01", "OC11")
    expect(tiles.locator("strong").first).to_have_text("007")
    station.page.get_by_role("button", name="014 Contamination").click()
    station.await_confirmed(f"{order}-0002", "014")
    expect(tiles.first).to_be_hidden()
    # Enter belongs to the scanner, though a tile was pressed last.
    station.scan(f"{order}-0003", "OC01", "OC11")
    assert tiles.locator("strong").all_inner_texts()[:3] == ["014", "007", "000"]
    station.scan("000")
    station.await_confirmed(f"{order}-0003")
    assert [row["defect_id"] for row in database.scans(order)] == ["007", "014", "000"]


def test_tiles_are_large_enough_and_on_the_screen(station, order):
    station.scan("OP0001", f"{order}-0001", "OC01", "OC11")
    expect(station.page.locator(".tile").first).to_be_visible()
    boxes = [tile.bounding_box() for tile in station.page.locator(".tile").all()]
    assert len(boxes) == 16
    assert all(box["height"] >= 48 and box["width"] >= 48 for box in boxes)
    assert all(box["y"] + box["height"] <= 801 for box in boxes)
