"""Signing in and out, binding a browser, the report, both languages, every size."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.station import StationPage, sign_in

SCREENSHOTS = Path(__file__).parent / "screenshots"
SIZES = {"desk": {"width": 1280, "height": 800}, "tablet": {"width": 800, "height": 1280}}
FAILED = "Failed to load resource"


def test_signing_in_leads_to_the_station_and_out_again(open_context):
    page = open_context("").new_page()
    page.goto("/")
    sign_in(page, "operator", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("User name or password is wrong")
    sign_in(page, "operator")
    page.wait_for_url("**/scans/station/")
    StationPage(page).await_connected()
    page.get_by_role("button", name="Sign out").click()
    # Romanian: the next person at this browser may be another.
    expect(page.get_by_role("heading", name="Autentificare")).to_be_visible()


def test_a_browser_without_a_station_scans_and_is_reminded(open_station, database, order):
    station = open_station("")
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    assert database.scans(order)[0]["station_id"] is None
    notice = station.page.get_by_role("note")
    expect(notice).to_contain_text("An administrator binds it at /scans/bind/.")


def test_an_administrator_binds_a_browser_and_it_stays_bound(open_context, database, order):
    context = open_context("")
    page = context.new_page()
    page.goto("/scans/bind/")
    sign_in(page, "admin")
    expect(page.locator(".lead")).to_have_text("It has no station yet.")
    page.select_option("#station", "FG-03")
    page.get_by_role("button", name="Bind").click()
    expect(page.locator(".lead")).to_have_text("It stands at station FG-03.")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "operator")
    station = StationPage(page)
    station.await_connected()
    expect(page.locator(".station-name")).to_have_text("FG-03")
    station.scan_piece(f"{order}-0001")
    station.await_banner("good", f"{order}-0001")
    station.await_pending(0)
    assert database.scans(order)[0]["station_id"] == "FG-03"


def test_the_language_changes_on_the_page_and_in_the_servers_words(
    open_station, complaints, database, order
):
    complaints.expected = [FAILED]
    station = open_station()
    station.scan("OP0001", f"{order}-0001")
    station.page.get_by_role("button", name="Română").click()
    expect(station.page.locator("html")).to_have_attribute("lang", "ro")
    expect(station.page.locator("#connection")).to_have_text("Conectat")
    # Nothing of the piece is lost by it.
    station.scan("OC1")
    expect(station.hint("oc1")).to_have_text("OC1: lipsește 1 cifră. Se așteaptă: OC01.")
    station.scan("OC01", "OC11", "001")
    station.await_banner("reject", "001 Zgârietură · salvat")
    station.keep_from_news()
    database.run("UPDATE scans_defect SET active = 0 WHERE code = '013'")
    try:
        station.scan(f"{order}-0002", "OC01", "OC11", "013")
        expect(station.attention).to_contain_text("Defect: Niciun defect nu are codul 013.")
    finally:
        database.run("UPDATE scans_defect SET active = 1 WHERE code = '013'")
    station.page.get_by_role("button", name="English").click()
    station.await_connected()


@pytest.mark.parametrize("language", ["ro", "en"])
@pytest.mark.parametrize("size", SIZES)
def test_the_station_fits_and_nothing_moves_while_it_is_used(
    open_station, complaints, order, size, language
):
    complaints.expected = [FAILED]
    station = open_station(viewport=SIZES[size], language=language)
    watched = ["#banner", "[data-field=operator]", "[data-field=defect]", ".totals", ".recent"]

    def places() -> list[object]:
        return [station.page.locator(selector).bounding_box() for selector in watched[:-1]] + [
            station.page.locator(watched[-1]).bounding_box()["y"]
        ]

    before = places()
    station.scan("OP0001", "CP1004582-0001")
    assert places() == before
    station.drop_posts()
    station.scan_piece(f"{order}-0001", "012")
    station.await_pending(1)
    assert places() == before
    station.answer_posts(status=401, json={})
    station.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(station.page.locator("#sign-in-again")).to_be_visible()
    assert places() == before
    assert station.page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"]
    small = station.page.evaluate(
        """() => [...document.querySelectorAll("button, a, input:not([type=hidden])")]
          .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 40)
          .map((one) => one.outerHTML)"""
    )
    assert small == []


def test_what_a_station_scans_is_in_the_report(open_context, open_station, order):
    station = open_station("FG-04")
    station.scan_piece(f"{order}-0001")
    station.scan(f"{order}-0002", "OC01", "OC11", "099")
    station.page.keyboard.type("<script>alert(1)</script>")
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0002", "099")
    page = open_context("quality").new_page()
    page.goto(f"/scans/reports/?cp_base={order}")
    expect(page.locator(".groups tbody")).to_contain_text("FG-04")
    page.get_by_role("link", name=re.compile("^099 Other")).click()
    expect(page.get_by_text(f"{order}-0002")).to_be_visible()
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()


def test_a_long_list_has_pages(open_context, database, order):
    database.run(
        "INSERT INTO scans_scan (uid, operator, cp, cp_base, oc1, oc2, defect_id, note, raw,"
        " scanned_at, scanned_offset_minutes, received_at, recorded_by_id)"
        " SELECT LEFT(REPLACE(UUID(), '-', ''), 32), 'OP0001', CONCAT(%s, '-0001'), %s,"
        " 'OC01', 'OC11', '000', '', '{}', '2021-03-01 08:00:00', 120, '2021-03-01 08:00:01',"
        " (SELECT MIN(id) FROM accounts_user) FROM seq_1_to_130",
        *(order, order),
    )
    page = open_context("auditor").new_page()
    page.goto(f"/scans/reports/rows/?date=2021-03-01&shift=morning&cp_base={order}")
    expect(page.get_by_role("heading", level=2)).to_contain_text("130 scans")
    expect(page.locator(".rows tbody tr")).to_have_count(100)
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".rows tbody tr")).to_have_count(30)
    page.get_by_role("link", name="Newest").click()
    expect(page.locator(".rows tbody tr")).to_have_count(100)


def test_pages_for_errors_say_what_to_do(open_context, complaints):
    complaints.expected = [FAILED]
    page = open_context().new_page()
    for address, heading in [
        ("/nowhere", "There is nothing here"),
        ("/scans/reports/", "No right to do this"),
    ]:
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.get_by_role("link", name="To my page")).to_be_visible()


def test_the_picture_of_the_station_can_be_taken(open_station):
    """UPDATE_SCREENSHOTS=1 puts it where README shows it."""
    station = open_station("FG-02")
    for number, defect in enumerate(["000", "000", "007", "000", "000", "000", "001", "000"], 1):
        station.scan_piece(f"CP10045821-{number:04d}", defect)
    station.await_confirmed("CP10045821-0008")
    station.scan("CP10045821-0009", "OC01")
    station.await_active("oc2")
    expect(station.page.locator("#recent .is-here")).to_have_count(0)
    picture = station.page.screenshot()
    assert len(picture) < 250_000
    if os.environ.get("UPDATE_SCREENSHOTS"):
        SCREENSHOTS.mkdir(exist_ok=True)
        (SCREENSHOTS / "station.png").write_bytes(picture)
