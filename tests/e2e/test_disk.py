"""A browser whose disk is slow, silent or forbidden: never a false green, no scan lost."""

import pytest
from playwright.sync_api import expect

from tests.e2e.station import StationPage

# As another tab does which writes for long: the store is taken until `window.letGo()`.
HOLD_THE_STORE = """() => new Promise((held) => {
  indexedDB.open("quality").onsuccess = (event) => {
    const store = event.target.result.transaction("outbox", "readwrite").objectStore("outbox");
    let isHeld = true;
    window.letGo = () => (isHeld = false);
    (function again() { store.count().onsuccess = () => isHeld && again(); })();
    held();
  };
})"""
SILENT_DISK = "if (sessionStorage.silent !== 'no') IDBFactory.prototype.open = () => ({});"

# As a policy or a private window does; `localStorage.allowed = 1` ends it.
DENIED_DISK = """
const open = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...asked) {
  if (!localStorage.allowed) throw new DOMException("denied", "SecurityError");
  return open.apply(this, asked);
};
"""


def test_while_the_disk_stalls_the_banner_is_never_green(station, complaints, database, order):
    complaints.expected = ["Failed to load resource"]  # The other tab's icon.
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    other = station.page.context.new_page()
    other.goto("/health/live")
    other.evaluate(HOLD_THE_STORE)
    station.page.bring_to_front()
    station.scan_piece(f"{order}-0002")
    assert station.banner.get_attribute("data-sort") == "ready"
    assert f"{order}-0002" in station.banner.inner_text()
    assert "being kept" in station.banner.inner_text()
    station.await_pending(1)
    station.await_banner("problem", f"{order}-0002 is not kept yet")
    # The warning stays, whatever is scanned.
    station.scan(f"{order}-0003")
    station.await_banner("problem", f"{order}-0002 is not kept yet")
    station.scan("OC01", "OC11", "000")
    station.await_pending(2)
    other.evaluate("window.letGo()")
    station.await_confirmed(f"{order}-0003")
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0001", "0002", "0003"]


def test_a_scan_that_the_disk_never_took_survives_a_reload_under_its_id(
    open_station, database, order
):
    station = open_station(script=SILENT_DISK)
    page = station.page
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", f"{order}-0001 is not kept yet")
    [held] = page.evaluate("JSON.parse(sessionStorage.getItem('quality.held'))")
    page.reload()
    station.await_banner("problem", f"{order}-0001 is not kept yet")
    page.evaluate("sessionStorage.silent = 'no'")
    page.reload()
    station.await_confirmed(f"{order}-0001")
    assert [row["uid"].replace("-", "") for row in database.scans(order)] == [
        held["record"]["id"].replace("-", "")
    ]


def test_a_full_disk_says_so_takes_no_further_scan_and_goes_on_by_itself(
    open_context, binding, site, complaints, database, order
):
    complaints.expected = ["A scan could not be kept: QuotaExceededError"]
    context = open_context()
    context.add_cookies([binding("FG-01")])
    station = StationPage(context.new_page())
    disk = context.new_cdp_session(station.page)
    # The browser's real limit. Set at first: for half a minute it trusts what it found free.
    disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url, "quotaSize": 1})
    station.page.goto("/scans/station/")
    station.await_connected()
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", f"{order}-0001 is not kept yet")
    expect(station.banner).to_contain_text("storage is full")
    station.await_pending(1)
    # Nothing of the next piece is taken, and each code is refused aloud.
    station.heard()
    station.scan(f"{order}-0002", "OC01")
    assert station.heard() == [220, 220] * 2
    assert station.value("cp").inner_text() == ""
    station.await_banner("problem", f"{order}-0001 is not kept yet")
    assert database.scans(order) == []
    disk.send("Storage.overrideQuotaForOrigin", {"origin": site.url})
    station.await_confirmed(f"{order}-0001")
    station.scan(f"{order}-0002", "OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0002")
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0001", "0002"]


def test_a_browser_that_lets_the_page_keep_nothing_says_so_and_takes_one_scan_at_most(
    open_station, complaints, database, order
):
    complaints.expected = [
        "A scan could not be kept: SecurityError",
        "The outbox cannot use the browser's database: SecurityError",
    ]
    station = open_station(script=DENIED_DISK)
    station.await_banner("problem", "cannot keep scans")
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", f"{order}-0001 is not kept yet")
    expect(station.banner).to_contain_text("does not let the page keep anything")
    station.await_pending(1)
    station.heard()
    station.scan(f"{order}-0002")
    assert station.heard() == [220, 220]
    assert database.scans(order) == []
    station.page.evaluate("localStorage.allowed = 1")
    station.await_confirmed(f"{order}-0001")
    station.scan_piece(f"{order}-0002")
    station.await_confirmed(f"{order}-0002")
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0001", "0002"]


@pytest.mark.parametrize("kind", ["localStorage", "sessionStorage"])
def test_a_browser_without_storage_for_small_things_scans_all_the_same(
    open_station, database, order, kind
):
    station = open_station(
        script=f"Object.defineProperty(window, '{kind}', "
        "{get() { throw new DOMException('no') }})"
    )
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    expect(station.recent.first).to_contain_text(f"{order}-0001")
    assert len(database.scans(order)) == 1
