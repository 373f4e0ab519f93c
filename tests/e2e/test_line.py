"""Each fault between page and server: nothing lost or doubled, and a true count of what waits."""

import random
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from tests.e2e.chromium import PLAIN_HTTP
from tests.e2e.station import StationPage

FAILED = "Failed to load resource"
# Takes from the browser what those of some years ago do not have.
OLD = """
delete Navigator.prototype.locks;
delete Navigator.prototype.serviceWorker;
delete window.BroadcastChannel;
delete Crypto.prototype.randomUUID;
"""


Fault = Callable[[Route], None]


class Line:
    """What lies between the tabs of a browser and the server; a fault is met by each scan sent."""

    def __init__(self, *tabs: StationPage) -> None:
        self.tabs = tabs
        self.fault: Fault = through
        self.sent: list[str] = []
        tabs[0].page.context.route("**/scans/", self._meet)

    def heal(self) -> None:
        self.fault = through
        self.tell()

    def tell(self) -> None:
        """The tabs need not wait for the end of their pauses."""
        for tab in self.tabs:
            tab.page.evaluate("window.dispatchEvent(new Event('online'))")

    def await_met(self) -> None:
        """Return when a request has come this way."""
        deadline = time.monotonic() + 20
        while not self.sent and time.monotonic() < deadline:
            self.tabs[0].page.wait_for_timeout(50)
        assert self.sent, "the fault was never met"

    def _meet(self, route: Route) -> None:
        self.sent.append(route.request.post_data_json["cp"])
        self.fault(route)


def through(route: Route) -> None:
    route.continue_()


def open_tab(context: BrowserContext) -> StationPage:
    """Another tab of this browser."""
    tab = StationPage(context.new_page())
    tab.page.goto("/scans/station/")
    tab.await_connected()
    return tab


@pytest.fixture
def second_tab(station) -> StationPage:
    return open_tab(station.page.context)


def dropped_request(route: Route) -> None:
    route.abort()


def dropped_response(route: Route) -> None:
    route.fetch()
    route.abort()


def duplicate_delivery(route: Route) -> None:
    route.fetch()
    route.continue_()


def duplicate_then_nothing(route: Route) -> None:
    route.fetch()
    route.fetch()
    route.abort()


def answers(status: int, content_type: str, body: str, **headers: str) -> Fault:
    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type=content_type, body=body, headers=headers)

    answer.__name__ = f"{status}_{content_type}"
    return answer


FAULTS = [
    dropped_request,
    dropped_response,
    duplicate_delivery,
    duplicate_then_nothing,
    answers(500, "application/json", '{"error": "boom"}'),
    answers(500, "text/html", "<h1>500</h1>"),
    answers(502, "text/html", "<h1>Bad gateway</h1>"),
    answers(503, "application/json", '{"error": "exhausted"}', **{"Retry-After": "1"}),
    answers(429, "application/json", '{"error": "Too much at once."}', **{"Retry-After": "1"}),
    answers(401, "application/json", '{"error": "Not signed in."}'),
    answers(403, "application/json", '{"error": "CSRF"}'),
    answers(200, "text/html", "<h1>Welcome to our Wi-Fi</h1>"),
    answers(201, "application/json", '{"id": "another"}'),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost_and_nothing_stored_twice(station, complaints, database, order, fault):
    complaints.expected = [FAILED]
    line = Line(station)
    line.fault = fault
    for number in range(1, 4):
        station.scan_piece(f"{order}-{number:04d}")
        expect(station.recent.first).to_contain_text(f"{order}-{number:04d}")
    station.await_pending(0 if fault is duplicate_delivery else 3)
    line.await_met()
    line.heal()
    station.await_pending(0)
    stored = sorted(row["cp"][-4:] for row in database.scans(order))
    assert stored == ["0001", "0002", "0003"]


def test_faults_at_random_from_two_tabs_lose_and_double_nothing(
    station, second_tab, complaints, database, order
):
    complaints.expected = [FAILED]
    dice = random.Random(5)  # noqa: S311 - the same faults in each run
    tabs = (station, second_tab)
    line = Line(*tabs)
    line.fault = lambda route: dice.choice([*FAULTS, through])(route)
    for tab in tabs:
        tab.scan_quickly("OP0001")
    for number in range(1, 41):
        tabs[number % 2].scan_quickly(f"{order}-{number:04d}", "OC01", "OC11", "000")
        line.tell()
    for tab in tabs:
        expect(tab.banner).not_to_contain_text("being kept")
    line.heal()
    for tab in tabs:
        tab.await_pending(0)
        expect(tab.attention).to_have_count(0)
    stored = sorted(row["cp"][-4:] for row in database.scans(order))
    assert stored == [f"{number:04d}" for number in range(1, 41)]


def test_a_server_that_says_nothing_for_30_seconds_loses_nothing(
    station, complaints, database, order
):
    complaints.expected = [FAILED]
    line = Line(station)
    page = station.page
    page.clock.install()
    line.fault = lambda route: None
    station.scan_piece(f"{order}-0001")
    for _ in range(10):
        station.await_pending(1)
        page.clock.fast_forward(3_000)
    expect(page.locator("#connection")).to_contain_text("No answer from the server yet")
    station.scan_piece(f"{order}-0002")
    station.await_pending(2)
    assert len(line.sent) >= 2, "it was not tried again"
    line.fault = through
    # The one on its way is given up, and its successor waits for its turn.
    page.clock.fast_forward(10_000)
    page.clock.fast_forward(30_000)
    station.await_pending(0)
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0001", "0002"]


def test_a_token_that_is_gone_is_renewed_by_the_page_itself(station, complaints, database, order):
    complaints.expected = [FAILED]
    station.page.context.clear_cookies(name="csrftoken")
    with station.page.expect_response("**/scans/") as refused:
        station.scan_piece(f"{order}-0001")
    assert refused.value.status == 403
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


def test_a_token_of_another_secret_is_renewed_by_the_next_answer(
    station, site, complaints, database, order
):
    complaints.expected = [FAILED]
    station.page.context.add_cookies([{"name": "csrftoken", "value": "stale", "url": site.url}])
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


@pytest.fixture
def plain_http(open_context, binding, site) -> BrowserContext:
    """A browser that reaches the site under a name, without TLS, as in a factory's network."""
    context = open_context(base_url=site.url.replace("127.0.0.1", PLAIN_HTTP))
    context.add_cookies(
        [cookie | {"domain": PLAIN_HTTP} for cookie in [*context.cookies(), binding("FG-01")]]
    )
    return context


@pytest.mark.parametrize("lacking", ["nothing", "https", "what is newer"])
def test_one_of_two_tabs_sends_and_both_tell_the_truth(
    open_context, binding, plain_http, complaints, database, order, lacking
):
    complaints.expected = [FAILED, "The Cross-Origin-Opener-Policy header has been ignored"]
    context = plain_http if lacking == "https" else open_context()
    context.add_cookies([binding("FG-01")])
    if lacking == "what is newer":
        context.add_init_script(OLD)
    first, second = open_tab(context), open_tab(context)
    assert first.page.evaluate("Boolean(navigator.locks)") is (lacking == "nothing")
    line = Line(first, second)
    line.fault = dropped_request
    for number in range(1, 11):
        (second, first)[number % 2].scan_piece(f"{order}-{number:04d}")
        # Both know at once what there is.
        first.await_pending(number)
        second.await_pending(number)
    line.sent.clear()
    line.heal()
    # Each tab's last piece is green there, whichever of them has sent it.
    first.await_confirmed(f"{order}-0009")
    second.await_confirmed(f"{order}-0010")
    assert [row["cp"][-4:] for row in database.scans(order)] == [f"{n:04d}" for n in range(1, 11)]
    assert line.sent == [f"{order}-{n:04d}" for n in range(1, 11)], "each once, in order"


def test_what_a_closed_tab_leaves_behind_the_other_one_sends(station, complaints, database, order):
    complaints.expected = [FAILED]
    station.page.clock.install()
    station.page.reload()
    station.await_connected()
    other = open_tab(station.page.context)
    other.drop_posts()
    other.scan_piece(f"{order}-0001")
    other.await_banner("kept", "waits for the server")
    station.await_pending(1)
    other.page.close()
    assert database.scans(order) == []
    # It looks each half minute.
    station.page.clock.fast_forward(30_000)
    station.await_pending(0)
    assert len(database.scans(order)) == 1
