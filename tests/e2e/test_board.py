"""The board on the wall: news without a reload, alarms, outages, the end of a session."""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, Route, expect

from scans.shifts import FACTORY
from tests.e2e.station import sign_in
from tests.e2e.telling import telling
from tests.e2e.test_admin import violations
from tests.e2e.test_look import TABLET, TINY, picture
from tests.serving import PASSWORD, Browser

WALL = {"width": 1920, "height": 1080}
DESK = {"width": 1280, "height": 800}
FAILED = "Failed to load resource"
# What does not fit into its place.
CUT = """() => [...document.querySelectorAll(".station, .counts > div, .summary dl > div")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""

OUT_OF_SIGHT = """() => [...document.querySelectorAll(".station, .line-head")]
  .filter((one) => one.getBoundingClientRect().bottom > innerHeight)
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def operator(site) -> Browser:
    return Browser(site.url, PASSWORD)


@pytest.fixture
def open_board(open_context) -> Callable[..., Page]:
    def open_page(user: str = "quality", **options: Any) -> Page:
        page = open_context(user, **options).new_page()
        page.goto("/scans/board/")
        expect(page.locator("#board:not([aria-busy])")).to_be_attached()
        return page

    return open_page


@pytest.fixture
def lines(database) -> Iterator[None]:
    """Two lines of two stations."""
    before = database.run("SELECT line, code FROM scans_station")
    change = "UPDATE scans_station SET line = %s WHERE code = %s"
    for station in range(1, 5):
        database.run(change, f"Line {(station + 1) // 2}", f"FG-0{station}")
    yield
    for row in before:
        database.run(change, *row)


def card(page: Page, code: str) -> Locator:
    return page.locator(".station", has=page.get_by_role("heading", name=code))


def scan(operator: Browser, order: str, piece: int, defect: str = "000", **changes: Any) -> None:
    sent = {"scanned_at": timezone.now().isoformat(), "station": "FG-01"} | changes
    assert operator.scan(cp=f"{order}-{piece:04}", defect=defect, **sent) == 201


def beat(operator: Browser, device: str, pending: int, oldest: int | None) -> None:
    """What a station's page tells of itself each 30 s."""
    body = {"station": "FG-02", "device": device, "attention": 0}
    body |= {"pending": pending, "oldest_pending_seconds": oldest}
    assert operator.post("/scans/heartbeat/", body) == 200


def test_a_scan_is_on_the_board_a_moment_later(open_board, operator, order):
    page = open_board()
    approved = int(card(page, "FG-01").locator(".approved").inner_text())
    rejected = int(card(page, "FG-01").locator(".rejected").inner_text())
    total = int(page.locator("#total-approved").inner_text())
    page.evaluate("window.isTheSame = true")
    scan(operator, order, 1)
    scan(operator, order, 2)
    scan(operator, order, 3, "001")
    expect(card(page, "FG-01").locator(".approved")).to_have_text(str(approved + 2))
    expect(card(page, "FG-01").locator(".rejected")).to_have_text(str(rejected + 1))
    expect(page.locator("#total-approved")).to_have_text(str(total + 2))
    expect(card(page, "FG-01")).to_have_attribute("data-state", "good")
    assert page.evaluate("window.isTheSame")


def test_the_age_of_the_last_scan_goes_on_between_two_answers(open_board, operator, order):
    scan(operator, order, 1, scanned_at=(timezone.now() - timedelta(seconds=20)).isoformat())
    page = open_board()
    page.route("**/board.json", lambda route: None)
    last = card(page, "FG-01").locator(".last")
    before = last.inner_text()
    expect(last).not_to_have_text(before)


def test_where_nothing_is_new_nothing_is_sent(open_board):
    page = open_board()
    with page.expect_response("**/board.json") as caught:
        pass
    first = caught.value
    # Heartbeats of other tests may have changed something once.
    if first.status == 200:
        with page.expect_response("**/board.json") as caught:
            pass
    answer = caught.value
    assert answer.status == 304
    assert answer.request.headers["if-none-match"]
    expect(page.locator("#fresh")).to_have_text("Up to date")


def test_a_backlog_turns_a_station_red_with_icon_word_and_reason(open_board, operator, order):
    scan(operator, order, 1, station="FG-02")
    device = str(uuid4())
    beat(operator, device, 0, None)
    page = open_board()
    station = card(page, "FG-02")
    expect(station).to_have_attribute("data-state", "good")
    expect(station.locator(".backlog")).to_have_text("nothing waits")
    beat(operator, device, 3, 301)
    expect(station).to_have_attribute("data-state", "red")
    expect(station.locator(".state")).to_have_text("Not delivered")
    expect(station.locator(".state use")).to_have_attribute("href", "/static/scans/icons.svg#alert")
    expect(station.locator(".reason")).to_contain_text("The oldest scan has waited there for 5 min")
    expect(station.locator(".backlog")).to_have_text("3 wait, oldest 5 min")
    # Who cannot see it is told.
    expect(page.locator("#spoken")).to_contain_text("FG-02: Not delivered.")
    beat(operator, device, 51, 2)
    expect(station.locator(".reason")).to_have_text("51 scans wait there")
    beat(operator, device, 0, None)
    expect(station).to_have_attribute("data-state", "good")


def test_it_survives_the_server_and_says_how_old_its_picture_is(open_board, complaints, site):
    complaints.expected = [FAILED]
    page = open_board()
    shown = page.locator("#total-approved").inner_text()
    site.stop()
    try:
        failure = page.locator("#failure")
        expect(failure).to_contain_text("The site cannot be reached. This picture is of")
        expect(page.locator("#board")).to_have_attribute("data-age", "old")
        expect(page.locator("#total-approved")).to_have_text(shown)
        expect(card(page, "FG-01")).to_be_visible()
    finally:
        site.start()
    expect(failure).to_be_hidden()
    expect(page.locator("#fresh")).to_have_text("Up to date")


def test_the_end_of_a_session_is_said_and_the_picture_stays(open_context, complaints, database):
    complaints.expected = [FAILED]
    context = open_context("")
    page = context.new_page()
    page.goto("/scans/board/")
    sign_in(page, "quality")
    expect(page.locator("#board:not([aria-busy])")).to_be_attached()
    key = next(one["value"] for one in context.cookies() if one["name"] == "sessionid")
    database.run("DELETE FROM accounts_session WHERE session_key = %s", key)
    expect(page.locator("#failure")).to_contain_text("picture")
    expect(card(page, "FG-01")).to_be_visible()
    page.locator("#failure a").click()
    sign_in(page, "quality")
    page.wait_for_url("**/scans/board/")


def test_who_cannot_see_it_asks_nothing(open_board):
    page = open_board()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { value: true, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    page.wait_for_timeout(7000)  # Longer than from one question to the next.
    assert asked == []
    with page.expect_request("**/board.json"):
        page.evaluate(
            """() => {
              delete document.hidden;
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )


def test_the_shift_changes_by_itself(open_board, database):
    page = open_board()
    expect(page.locator("#hours")).to_contain_text("–")
    before = page.locator("#hours").inner_text()
    columns = ("morning_start", "afternoon_start", "night_start")
    [starts] = database.run(f"SELECT {', '.join(columns)} FROM scans_settings")
    assignments = ", ".join(f"{name} = %s" for name in columns)
    minute = timezone.now().astimezone(FACTORY).strftime("%H:%M")
    # A shift that began with this minute.
    others = [one for one in ("00:00", "23:58", "23:59") if one != minute][:2]
    try:
        database.run(f"UPDATE scans_settings SET {assignments}", *sorted([minute, *others]))
        expect(page.locator("#hours")).to_contain_text(f"{minute}–")
        assert page.locator("#hours").inner_text() != before
    finally:
        database.run(f"UPDATE scans_settings SET {assignments}", *starts)


def test_it_speaks_romanian(open_board):
    page = open_board(language="ro")
    expect(page.locator("html")).to_have_attribute("lang", "ro")
    expect(page.locator("#totals")).to_contain_text("Aprobate")


def floor_of(*lines: int, code: str = "FG-{:02d}", **changes: Any) -> Callable[[Route], None]:
    """The board with as many stations in each line, the last line without a name."""
    counts = {"approved": 1234} | changes

    def changed(board: Any) -> Any:
        one, numbers = board["lines"][0]["stations"][0], itertools.count(1)
        board["lines"] = [
            {
                "name": f"Line {place}" if place < len(lines) else "",
                "stations": [
                    one | counts | {"code": code.format(next(numbers))} for _ in range(count)
                ],
            }
            for place, count in enumerate(lines, start=1)
        ]
        return board

    return telling("board-data", changed)


@pytest.mark.parametrize(
    "lines", [(1,), (2, 2, 1), (9,), (3, 3, 3), (2,) * 6, (10, 3, 1), (20,), (4,) * 4], ids=str
)
def test_all_stations_are_in_sight_on_a_wall(open_context, lines):
    page = open_context("quality", viewport=WALL).new_page()
    page.route("**/scans/board/", floor_of(*lines))
    page.goto("/scans/board/")
    expect(page.locator("#board:not([aria-busy])")).to_be_attached()
    assert page.locator(".station").count() == sum(lines)
    assert page.evaluate(OUT_OF_SIGHT) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate(TINY) == []
    expect(page.get_by_role("heading", name="No line")).to_be_visible(visible=len(lines) > 1)
    # Another screen, another size of the tiles.
    letter = "parseFloat(getComputedStyle(document.querySelector('.station')).fontSize)"
    before = page.evaluate(letter)
    page.set_viewport_size({"width": 3840, "height": 2160})
    page.wait_for_function(f"{letter} > {before}")
    assert page.evaluate(OUT_OF_SIGHT) == []


@pytest.mark.parametrize("viewport", [WALL, DESK, TABLET], ids=["wall", "desk", "tablet"])
@pytest.mark.parametrize("lines", [(2, 2), (8,), (4,) * 6], ids=str)
def test_the_longest_codes_and_large_counts_are_not_cut(open_context, viewport, lines):
    page = open_context("quality", viewport=viewport, language="ro").new_page()
    many = {"approved": 90_000 // sum(lines), "rejected": 36_000 // sum(lines)}
    page.route("**/scans/board/", floor_of(*lines, code="FG-ASAMBLARE-{:03d}", **many))
    page.goto("/scans/board/")
    expect(page.locator("#board:not([aria-busy])")).to_be_attached()
    assert page.evaluate(CUT) == []


def test_where_tiles_scroll_no_column_is_empty(open_context):
    page = open_context("quality", viewport=WALL).new_page()
    page.route("**/scans/board/", floor_of(*(4,) * 6))
    page.goto("/scans/board/")
    expect(page.locator("#board:not([aria-busy])")).to_be_attached()
    assert page.evaluate(OUT_OF_SIGHT) != []
    edges = (
        "[...document.querySelectorAll('.station')].map((one) => one.getBoundingClientRect().right)"
    )
    assert max(page.evaluate(edges)) > WALL["width"] - 48


def test_on_a_tablet_which_is_scrolled_the_hours_stay(open_context):
    page = open_context("quality", viewport=TABLET).new_page()
    page.route("**/scans/board/", floor_of(6, 6, 6, 6))
    page.goto("/scans/board/")
    expect(page.locator("#board:not([aria-busy])")).to_be_attached()
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / "board-24-tablet.png")
    expect(page.locator(".spark").first).to_be_visible()


# How often all sizes are tried: each time begins by leaving room for a message.
COUNT_FITS = """() => {
  const board = document.querySelector("#board");
  window.fits = 0;
  new MutationObserver((records) => {
    window.fits += records.filter(({ oldValue }) => oldValue === null).length;
  }).observe(board, { attributeFilter: ["data-fitting"], attributeOldValue: true });
}"""
DRAG = """async () => {
  for (let at = 0; at < 20; at += 1) dispatchEvent(new Event("resize"));
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  return window.fits;
}"""


def test_sizes_are_tried_once_for_each_picture_that_is_drawn(open_board):
    page = open_board(viewport=WALL)
    page.evaluate(COUNT_FITS)
    assert page.evaluate(DRAG) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "viewport"), [("wall", WALL), ("desk", DESK), ("tablet", TABLET)])
def test_everybody_can_read_it(
    open_board, operator, order, lines, complaints, scheme, size, viewport
):
    """UPDATE_SCREENSHOTS=1 keeps the pictures: each state, and without the server."""
    complaints.expected = [FAILED]
    for number in range(24):
        ago = timedelta(minutes=number * 3)
        defect = "001" if number % 9 == 4 else "000"
        station = f"FG-0{1 + number % 3}"
        moment = (timezone.now() - ago).isoformat()
        scan(operator, order, number, defect, station=station, scanned_at=moment)
    device = str(uuid4())
    beat(operator, device, 7, 380)
    page = open_board(color_scheme=scheme, viewport=viewport, bypass_csp=True)
    expect(card(page, "FG-02")).to_have_attribute("data-state", "red")
    expect(card(page, "FG-01")).to_have_attribute("data-state", "good")
    picture(page, f"board-{size}-{scheme}")
    assert violations(page) == {}
    assert page.evaluate(TINY) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    if size != "tablet":
        # All stations without scrolling.
        height = page.evaluate("document.querySelector('#board').scrollHeight")
        assert height <= page.evaluate("document.querySelector('#board').clientHeight")
    page.route("**/board.json", lambda route: route.abort())
    expect(page.locator("#failure")).to_be_visible()
    if size != "tablet":
        assert page.evaluate(OUT_OF_SIGHT) == []
    picture(page, f"board-away-{size}-{scheme}")
    assert violations(page) == {}
    beat(operator, device, 0, None)
