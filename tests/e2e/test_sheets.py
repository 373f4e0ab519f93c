"""The sheet of codes is read by a decoder as it leaves the printer; the card knows a scanner."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from scans.barcode import COMMANDS
from tests.e2e.test_admin import violations

# An A4 page within its margins of 10 mm, at the 96 pixels per inch of CSS.
PAPER = {"width": 718, "height": 1047}
PICTURES = os.environ.get("PICTURES")
KNOWN = "Az-Qw/Ym;09"


def read(picture: bytes) -> list[str]:
    image = Image.open(io.BytesIO(picture)).convert("L")
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.Code128)
    return sorted(one.text for one in found)


def look(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("language", ["en", "ro"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_active_code_is_read_from_the_printed_sheet(open_context, database, language, scheme):
    page = open_context(
        language=language, viewport=PAPER, device_scale_factor=3, color_scheme=scheme
    ).new_page()
    database.run("UPDATE scans_defect SET active = 0 WHERE code = '014'")
    try:
        page.goto("/scans/sheet/")
    finally:
        database.run("UPDATE scans_defect SET active = 1 WHERE code = '014'")
    defects = [code for (code,) in database.run("SELECT code FROM scans_defect") if code != "014"]
    expect(page.locator(".codes")).to_contain_text("Zgârietură" if language == "ro" else "Scratch")
    page.emulate_media(media="print", color_scheme=scheme)
    look(page, f"sheet-{language}-{scheme}-print")
    assert read(page.screenshot(full_page=True)) == sorted([*defects, *COMMANDS.values()])


def test_the_demos_sheet_fits_on_one_page_of_a4(open_context):
    page = open_context().new_page()
    page.goto("/scans/sheet/")
    document = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", document)) == 1
    assert re.findall(rb"/MediaBox\s*\[0 0 (\d+)[.\d]* (\d+)", document) == [(b"594", b"841")]


def test_the_sheet_prints_at_a_press(open_context):
    page = open_context("auditor").new_page()
    page.add_init_script("window.print = () => { window.printed = true; }")
    page.goto("/scans/sheet/")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")


@pytest.fixture
def ninety_nine(database) -> Iterator[list[str]]:
    """As many defects as three digits of a factory name, some with long names."""
    known = {code for (code,) in database.run("SELECT code FROM scans_defect")}
    codes = [code for number in range(1, 100) if (code := f"{number:03}") not in known]
    for code in codes:
        database.run(
            "INSERT INTO scans_defect (code, name_en, name_ro, note_required, active)"
            " VALUES (%s, %s, %s, 0, 1)",
            *(code, f"Adhesive residue on visible surfaces {code}", f"Urme de adeziv {code}"),
        )
    yield sorted({*known, *codes})
    database.run("DELETE FROM scans_defect WHERE code IN %s", codes)


def test_of_many_codes_some_are_chosen_and_they_alone_are_printed(open_context, ninety_nine):
    page = open_context(viewport=PAPER, device_scale_factor=3).new_page()
    page.goto("/scans/sheet/")
    codes = page.locator(".codes li")
    expect(codes).to_have_count(len(ninety_nine) + len(COMMANDS))
    page.get_by_text("Choose the codes").click()
    for name in ("000 Approved", "Undo the last scan", "007", "055", "099"):
        page.get_by_role("checkbox", name=name.removeprefix("000 ")).check()
    page.get_by_role("button", name="Show these codes").click()
    expect(codes).to_have_count(5)
    expect(page.get_by_text("5 of 102 codes")).to_be_visible()
    page.emulate_media(media="print")
    look(page, "sheet-chosen-print")
    assert read(page.screenshot(full_page=True)) == sorted(
        ["000", "007", "055", "099", COMMANDS["undo"]]
    )
    expect(page.locator(".choice")).to_be_hidden()
    page.emulate_media(media="screen")
    # What was chosen can be changed, and undone.
    page.get_by_text("Choose the codes").click()
    expect(page.get_by_role("checkbox", name="055")).to_be_checked()
    page.get_by_role("link", name="All codes").click()
    expect(codes).to_have_count(len(ninety_nine) + len(COMMANDS))


def test_ten_codes_are_chosen_at_once(open_context, ninety_nine):
    page = open_context().new_page()
    page.goto("/scans/sheet/")
    page.get_by_text("Choose the codes").click()
    page.get_by_role("link", name="Only these 020–029").click()
    expect(page.locator(".codes li")).to_have_count(10)
    expect(page.locator(".codes li").first).to_contain_text("020")


def test_a_sheet_of_codes_that_are_no_more_says_so(open_context):
    page = open_context().new_page()
    page.goto("/scans/sheet/?code=777")
    expect(page.get_by_text("None of these codes is active.")).to_be_visible()
    expect(page.get_by_text("0 of 18 codes")).to_be_visible()


class Card:
    """The card that tests a scanner, as a person at it uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._keys = page.context.new_cdp_session(page)
        page.goto("/scans/scanner/")

    def scan(self, text: str, end: str = "Enter", *, delay_ms: float = 0) -> None:
        for char in text:
            if char.isascii():
                self.page.keyboard.type(char, delay=delay_ms)
            else:  # Playwright knows no key that types it.
                for kind in ("keyDown", "keyUp"):
                    self._keys.send(
                        "Input.dispatchKeyEvent", {"type": kind, "key": char, "text": char}
                    )
        if end:
            self.page.keyboard.press(end)

    def expect_verdict(self, sort: str, text: str) -> None:
        expect(self.page.locator("#verdict")).to_have_attribute("data-sort", sort)
        expect(self.page.locator("#verdict")).to_contain_text(text)

    def expect_finding(self, what: str, found: str, advice: str = "") -> None:
        row = self.page.locator("#findings > div").filter(has_text=what)
        expect(row.locator(".found")).to_contain_text(found)
        expect(row.locator(".advice")).to_contain_text(advice)


@pytest.fixture
def card(open_context) -> Card:
    return Card(open_context().new_page())


def test_the_card_holds_the_code_that_it_waits_for(open_context):
    page = open_context(device_scale_factor=3).new_page()
    page.goto("/scans/scanner/")
    assert read(page.screenshot()) == [KNOWN]


def test_a_scanner_that_is_set_well_is_told_so(card):
    card.scan(KNOWN)
    card.expect_verdict("good", "This scanner is set well")
    card.expect_finding("Keyboard layout", "English (United States)")
    card.expect_finding("End of a code", "Enter")
    card.expect_finding("Prefix", "none")
    look(card.page, "scanner-good")


def test_a_german_keyboard_is_named_with_what_it_spoils(card):
    card.scan("AyßQw-Zmö09", "Tab")
    card.expect_verdict("problem", "CP: CP10045821-0007 arrives as CP10045821ß0007.")
    card.expect_finding("Keyboard layout", "German (QWERTZ)", "Set this computer's keyboard")
    card.expect_finding("End of a code", "Tab")
    look(card.page, "scanner-german")


def test_caps_lock_a_prefix_and_no_terminator_are_named(card):
    card.scan("]c0aZ-qW/yM;09", "")
    card.expect_verdict("warn", "The station can read this scanner")
    card.expect_finding("Caps Lock", "on", "Switch it off")
    card.expect_finding("Prefix", "]c0 (AIM)")
    card.expect_finding("End of a code", "none", "Set the scanner to send Enter (CR)")
    look(card.page, "scanner-warn")


def test_the_speed_is_measured(card):
    card.scan(KNOWN, delay_ms=100)
    card.expect_verdict("warn", "The station can read this scanner")
    found = card.page.locator("#findings > div").filter(has_text="Speed").locator(".found")
    assert int(re.findall(r"^(\d+) ms per key", found.inner_text())[0]) >= 95


def test_another_code_is_not_taken_for_a_fault(card):
    card.scan("CP10045821-0007")
    card.expect_verdict("warn", "That was another code")
    expect(card.page.locator("#read")).to_have_text("CP10045821-0007")


def test_enter_presses_nothing_while_a_scanner_types(card):
    card.page.get_by_role("link", name="Code sheet").focus()
    card.scan(KNOWN)
    card.page.keyboard.press("Enter")
    card.expect_verdict("good", "This scanner is set well")
    assert card.page.url.endswith("/scans/scanner/")
    # What is no scan does what it always does.
    card.page.wait_for_timeout(900)
    card.page.keyboard.press("Enter")
    card.page.wait_for_url("**/scans/sheet/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
def test_both_pages_keep_nobody_out(open_context, scheme, width):
    page = open_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}
    ).new_page()
    page.goto("/scans/sheet/")
    look(page, f"sheet-{width}-{scheme}")
    assert violations(page) == {}
    page.get_by_text("Choose the codes").click()
    look(page, f"sheet-choice-{width}-{scheme}")
    assert violations(page) == {}
    card = Card(page)
    card.scan("AyßQw-Zmö09")
    look(page, f"scanner-{width}-{scheme}")
    assert violations(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth") == width
