"""The page opens, keeps and sends, whatever the server and the browser do meanwhile."""

from playwright.sync_api import Page, expect

from tests.e2e.station import StationPage, sign_in

FAILED = "Failed to load resource"
KEPT = """async () => {
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    if (name.startsWith("station-") && await cache.match("/scans/station/")) return true;
  }
  return false;
}"""


def await_page_kept(page: Page) -> None:
    page.wait_for_function(f"({KEPT})()")


def test_the_page_opens_keeps_and_sends_while_the_server_is_away(
    station, site, complaints, database, order
):
    complaints.expected = [FAILED]
    page = station.page
    await_page_kept(page)
    site.stop()
    try:
        page.reload()
        expect(page.locator("#connection")).to_contain_text("The server is away")
        expect(page.locator(".station-name")).to_have_text("FG-01")
        # With its sheet of styles and its texts.
        expect(page.locator("#banner")).to_have_css("display", "flex")
        station.scan_piece(f"{order}-0001")
        station.await_banner("kept", "kept here, waits for the server")
        page.reload()
        station.await_pending(1)
    finally:
        site.start()
    station.await_pending(0)
    assert [(row["cp"][-4:], row["station_id"]) for row in database.scans(order)] == [
        ("0001", "FG-01")
    ]
