"""The page opens, keeps and sends, whatever the server and the browser do meanwhile."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.station import StationPage, sign_in

FAILED = "Failed to load resource"


@pytest.fixture
def station(open_station) -> StationPage:
    return open_station(service_workers="allow")


def test_the_page_opens_keeps_and_sends_while_the_server_is_away(
    station, site, complaints, database, order
):
    complaints.expected = [FAILED]
    page = station.page
    station.await_page_kept()
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


MAKE_SECOND_OPERATOR = """
from accounts.models import User
from django.conf import settings
from django.contrib.auth.models import Group
user, _ = User.objects.get_or_create(username="second")
user.set_password(settings.DEMO_PASSWORD)
user.save()
user.groups.add(Group.objects.get(name="operator"))
"""
SIMULATED = timedelta(minutes=10)


@pytest.fixture
def second_operator(site, database) -> int:
    """The id of another person who works at stations."""
    made = site.manage("shell", "-c", MAKE_SECOND_OPERATOR)
    assert made.returncode == 0, made.stderr
    ((number,),) = database.run("SELECT id FROM accounts_user WHERE username = 'second'")
    return int(number)


class Shift:
    """Pieces of an order, scanned evenly over the simulated time."""

    def __init__(self, order: str, count: int) -> None:
        self.order = order
        self.count = count
        self.done = 0
        self.step = SIMULATED / count

    def scan(self, station: StationPage, count: int, *, operator: str) -> None:
        station.scan_quickly(operator)
        for _ in range(count):
            self.done += 1
            station.scan_quickly(f"{self.order}-{self.done:04d}", "OC01", "OC11", "000")
            station.page.clock.fast_forward(int(self.step.total_seconds() * 1000))
        expect(station.banner).to_contain_text(f"{self.order}-{self.done:04d}")
        expect(station.banner).not_to_contain_text("being kept")


def test_200_scans_outlive_server_browser_and_login_and_are_stored_once(
    chromium, site, binding, second_operator, database, order
):
    began = datetime.now().astimezone() - SIMULATED
    shift = Shift(order, 200)

    def open_page(context: BrowserContext) -> StationPage:
        page = context.new_page()
        page.goto(f"{site.url}/scans/station/")
        expect(page.locator("#pending")).not_to_be_empty()
        # From now on: the clock's stand-in for `performance` knows no files.
        page.clock.install(time=began + shift.done * shift.step)
        return StationPage(page)

    context = chromium.start().contexts[0]
    context.add_cookies(
        [binding("FG-02"), {"name": "django_language", "value": "en", "url": site.url}]
    )
    page = context.new_page()
    page.goto(f"{site.url}/accounts/login/")
    sign_in(page, "operator")
    page.wait_for_url("**/scans/station/")
    (session,) = (c["value"] for c in context.cookies() if c["name"] == "sessionid")
    page.close()
    station = open_page(context)
    station.await_connected()
    station.await_page_kept()
    shift.scan(station, 20, operator="OP0001")
    station.await_pending(0)

    site.stop()
    try:
        shift.scan(station, 90, operator="OP0001")
        station.await_pending(90)
        chromium.kill()
        context = chromium.start().contexts[0]
        station = open_page(context)
        station.await_pending(90)
        shift.scan(station, 90, operator="OP0002")
        station.await_pending(180)
        database.run("DELETE FROM accounts_session WHERE session_key = %s", session)
    finally:
        site.start()
    assert len(database.scans(order)) == 20
    station.page.clock.fast_forward(30_000)
    expect(station.page.locator("#connection")).to_contain_text("Sign in again")
    station.await_pending(180)
    with context.expect_page() as opened:
        station.page.locator("#sign-in-again").click()
    sign_in(opened.value, "second")
    station.await_pending(0)
    rows = database.run(
        "SELECT cp, operator, station_id, uid, sequence, device, recorded_by_id FROM scans_scan "
        "WHERE cp_base = %s ORDER BY sequence",
        order,
    )
    cps, operators, stations, uids, sequence, devices, recorders = map(
        list, zip(*rows, strict=True)
    )
    assert cps == [f"{order}-{number:04d}" for number in range(1, 201)]
    assert operators == ["OP0001"] * 110 + ["OP0002"] * 90
    assert set(stations) == {"FG-02"}
    assert len(set(uids)) == 200
    assert sequence == list(range(1, 201))
    assert len(set(devices)) == 1
    assert recorders[20:] == [second_operator] * 180


def test_after_a_sign_out_the_page_is_the_servers_as_long_as_that_answers(station, database, order):
    station.await_page_kept()
    station.page.context.clear_cookies(name="sessionid")
    station.page.goto("/scans/station/")
    expect(station.page).to_have_url(re.compile("/accounts/login/"))


def test_a_newer_version_is_offered_between_pieces_and_the_older_page_goes_on(
    station, database, order
):
    page = station.page
    page.route(
        "**/scans/worker.js", lambda route: route.fulfill(body="", headers={"X-Version": "newer"})
    )
    page.clock.install()
    page.reload()
    station.await_connected()
    offer = page.locator("#newer")
    station.scan("OP0001", f"{order}-0001")
    page.clock.fast_forward(300_000)
    expect(offer).to_be_hidden()
    station.scan("OC01", "OC11", "000")
    station.await_confirmed(f"{order}-0001")
    expect(offer).to_be_visible()
    station.scan_piece(f"{order}-0002")
    station.await_confirmed(f"{order}-0002")
    page.unroute("**/scans/worker.js")
    offer.click()
    station.await_connected()
    page.clock.fast_forward(300_000)
    expect(offer).to_be_hidden()
