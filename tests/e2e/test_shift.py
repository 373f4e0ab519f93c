"""Counts of the shift: of what waits, of an order, at the end, by a wrong clock."""

import json
from datetime import datetime, timedelta

from playwright.sync_api import expect

from tests.e2e.test_outbox import FAILED

# A browser whose clock is five minutes ahead.
AHEAD = """{
  const Right = Date;
  window.Date = class extends Right {
    constructor(...values) {
      if (values.length) super(...values);
      else super(Date.now());
    }
    static now() { return Right.now() + 300_000; }
  };
}"""


def end_shift(station):
    """The page has known of a morning until now; the server tells of another shift."""
    now = datetime.now().astimezone()
    since, until = now - timedelta(hours=8), now + timedelta(hours=1)
    known = {"name": "morning", "start": since.isoformat(), "end": until.isoformat()}
    station.page.evaluate(
        "known => localStorage.setItem('quality.closing', JSON.stringify({current: known}))", known
    )
    station.page.evaluate("window.dispatchEvent(new Event('online'))")


def test_what_waits_is_counted_and_its_age_is_shown(station, complaints, order):
    complaints.expected = [FAILED]
    approved, rejected = station.totals()
    station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.scan_piece(f"{order}-0002", "001")
    station.await_totals(approved + 1, rejected + 1)
    station.pass_seconds(130)
    expect(station.page.locator("#pending")).to_contain_text("2 pending, oldest 02:1")
    station.heal()
    station.await_pending(0)
    station.await_totals(approved + 1, rejected + 1)


def test_the_progress_of_an_order_counts_each_piece_once(open_station, order):
    station = open_station()
    progress = station.page.locator("#order-counts")
    station.scan_piece(f"{order}-0001", "001")
    station.scan_piece(f"{order}-0002")
    expect(progress).to_have_text("1 approved, 1 rejected")
    # Mended and inspected again, at another station.
    other = open_station("FG-02")
    other.scan_piece(f"{order}-0001")
    other.await_confirmed(f"{order}-0001")
    expect(other.page.locator("#order-counts")).to_have_text("2 approved, 0 rejected")
    # Here it is known as soon as the server is asked again.
    station.scan_piece(f"{order}-0003")
    expect(progress).to_have_text("3 approved, 0 rejected")
    expect(station.page.locator("#order-base")).to_have_text(order)


def test_at_the_end_of_the_shift_the_counts_are_compared(station, order):
    for number in range(1, 4):
        station.scan_piece(f"{order}-{number:04d}")
    station.page.locator("#undo").click()
    station.await_pending(0)
    end_shift(station)
    closing = station.page.locator("#closing")
    expect(closing).to_have_text("Morning: 3 scans of this browser, the server has all.")


def test_what_the_server_lacks_at_the_end_of_the_shift_is_said_until_it_has_it(
    station, complaints, order
):
    complaints.expected = [FAILED]
    station.scan_piece(f"{order}-0001")
    station.await_pending(0)
    station.drop_posts()
    station.scan_piece(f"{order}-0002")
    station.await_pending(1)
    end_shift(station)
    closing = station.page.locator("#closing")
    expect(closing).to_have_text("Morning: 2 scans of this browser, the server has 1.")
    expect(closing).to_have_attribute("data-sort", "warn")
    station.heal()
    expect(closing).to_have_text("Morning: 2 scans of this browser, the server has all.")


def test_a_clock_that_is_wrong_is_said_and_marked_but_not_corrected(open_station, database, order):
    station = open_station(script=AHEAD)
    expect(station.page.locator("#clock-off")).to_contain_text("clock is 05:0")
    with station.page.expect_request("**/scans/") as sent:
        station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    scanned_at = json.loads(sent.value.post_data)["scanned_at"]
    [(skew, at)] = database.run(
        "SELECT clock_skew_seconds, scanned_at FROM scans_scan WHERE cp_base = %s", order
    )
    assert -302 < skew < -290
    assert at.isoformat()[14:19] == scanned_at[14:19]


def test_a_right_clock_is_not_spoken_of(station):
    expect(station.page.locator("#clock-off")).to_be_hidden()


def test_the_page_tells_the_server_that_it_is_there(open_station, database):
    station = open_station(has_clock=True)
    ours = station.page.evaluate(
        """() => new Promise((found) => {
          indexedDB.open("quality").onsuccess = ({ target: { result } }) => {
            const facts = result.transaction("facts").objectStore("facts");
            facts.get("device").onsuccess = ({ target }) => found(target.result.id);
          };
        })"""
    )
    with station.page.expect_response("**/scans/heartbeat/") as beat:
        station.page.clock.fast_forward(30_000)
    assert beat.value.status == 200
    rows = database.run(
        "SELECT station_id, pending FROM scans_presence WHERE device = %s", ours.replace("-", "")
    )
    assert rows == [("FG-01", 0)]
