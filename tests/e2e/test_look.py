"""Every page in every state can be used by everybody, and nothing on it jumps."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.station import StationPage, sign_in
from tests.e2e.test_admin import violations

SCREENSHOTS = Path(__file__).parent / "screenshots"
DESK = {"width": 1280, "height": 800}
TABLET = {"width": 800, "height": 1280}
FAILED = "Failed to load resource"
REFUSED = {"status": 422, "json": {"errors": {"defect": ["No defect has the code 014."]}}}

# Notes down what jumps, also just after a key: a scanner's keys are no reason to move. Only words
# give way to others: in the line and the banner, in the list of scans, beside a code.
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  const free = [...document.querySelectorAll(".line, #banner, .order, .recent")]
    .map((one) => one.getBoundingClientRect());
  const isFree = ({ top, bottom }) =>
    free.some((one) => one.top <= top + 1 && bottom <= one.bottom + 1);
  // Until it was read to its end, a head is drawn as far as it has come.
  const readAt = performance.getEntriesByType("navigation")[0]?.domInteractive || Infinity;
  for (const { sources, startTime } of list.getEntries()) {
    if (startTime < readAt) continue;
    for (const { node, previousRect, currentRect } of sources) {
      if (isFree(previousRect) || isFree(currentRect)) continue;
      if (node?.matches?.(".field-hint, #undo *")) continue;
      const [before, after] = [previousRect, currentRect].map(({ x, y }) => `${x} ${y}`);
      window.shifts.push(`${node?.outerHTML?.slice(0, 80)}: ${before} → ${after}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""
# What is in motion, or would be at the next change.
MOVING = """() => [...document.querySelectorAll("*")].filter((one) => {
  const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(one);
  const rests = transitionDuration.split(", ").every((time) => parseFloat(time) === 0);
  return animationName !== "none" || !rests || scrollBehavior === "smooth";
}).map((one) => one.outerHTML.slice(0, 80))"""
AT_REST = "() => Promise.all(document.getAnimations().map(({ finished }) => finished))"
# Text that is smaller than 13 pixels.
TINY = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.data?.trim()))
  .filter((one) => parseFloat(getComputedStyle(one).fontSize) < 13)
  .map((one) => one.outerHTML.slice(0, 80))"""


def states(station: StationPage, order: str) -> Iterator[str]:
    """Leads the station from one state to the next, and names each."""
    station.scan("OP0001")
    yield "ready"
    station.scan(f"{order}-0001", "OC01", "OC11")
    yield "piece"
    station.scan("000")
    station.await_confirmed(f"{order}-0001")
    yield "confirmed"
    station.scan_piece(f"{order}-0001")
    station.await_banner("repeat", "read twice, recorded once")
    yield "double"
    station.scan_piece(f"{order}-0002", "007")
    station.await_confirmed(f"{order}-0002", "007")
    yield "reject"
    station.scan("CMDUNDO")
    expect(station.banner).to_contain_text("undone")
    station.await_pending(0)
    yield "undone"
    station.scan("CP1004582-0003")
    station.await_banner("problem", "1 digit is missing")
    yield "problem"
    station.scan(f"{order}-0003", "OC01", "OC11", "099")
    expect(station.page.locator("#note")).to_be_focused()
    yield "note"
    station.page.keyboard.type("Corner")
    station.page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0003", "099")
    station.drop_posts()
    station.scan_piece(f"{order}-0004")
    station.await_banner("kept", f"{order}-0004")
    expect(station.page.locator("#connection")).to_contain_text("The server is away")
    yield "offline"
    station.answer_posts(status=401, json={"error": "Not signed in."})
    station.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(station.page.locator("#sign-in-again")).to_be_visible()
    yield "sign-in-again"
    station.answer_posts(**REFUSED)
    station.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(station.attention).to_have_count(1)
    yield "attention"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "viewport"), [("desk", DESK), ("tablet", TABLET)])
def test_everybody_can_use_the_station_in_every_state(
    open_station, complaints, order, scheme, size, viewport
):
    """UPDATE_SCREENSHOTS=1 keeps the picture of each."""
    complaints.expected = [FAILED]
    station = open_station(
        "FG-03", color_scheme=scheme, viewport=viewport, bypass_csp=True, script=WATCH_SHIFTS
    )
    found = {}
    for state in states(station, order):
        station.page.evaluate(AT_REST)
        picture(station.page, f"station-{state}-{size}-{scheme}")
        found[state] = violations(station.page)
        assert station.page.evaluate(TINY) == []
    assert {state: broken for state, broken in found.items() if broken} == {}


def picture(page: Page, name: str) -> None:
    if os.environ.get("UPDATE_SCREENSHOTS"):
        # In few colours: a third of the bytes, and nobody sees a difference.
        image = Image.open(io.BytesIO(page.screenshot()))
        image.quantize(128).save(SCREENSHOTS / f"{name}.png", optimize=True)


@pytest.mark.parametrize("viewport", [DESK, TABLET], ids=["desk", "tablet"])
def test_nothing_jumps_from_the_first_paint_to_the_last_state(
    open_station, complaints, order, viewport
):
    complaints.expected = [FAILED]
    station = open_station("FG-03", viewport=viewport, script=WATCH_SHIFTS)
    for state in states(station, order):
        if state == "sign-in-again":
            break  # What comes then, a list of scans that need attention, takes room.
    assert station.page.evaluate("shifts") == []


def test_the_watch_over_jumps_sees_one(station):
    station.page.evaluate(WATCH_SHIFTS)
    station.page.evaluate("() => { document.querySelector('.line').style.height = '200px'; }")
    station.page.evaluate(
        "() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))"
    )
    assert station.page.evaluate("shifts") != []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_a_station_that_is_bound_to_nothing(open_station, scheme):
    station = open_station("", color_scheme=scheme, bypass_csp=True)
    picture(station.page, f"station-unbound-desk-{scheme}")
    assert violations(station.page) == {}


def test_nothing_moves_for_whom_movement_makes_ill(open_station, open_context):
    station = open_station(reduced_motion="reduce")
    assert station.page.evaluate(MOVING) == []
    page = open_context("quality", reduced_motion="reduce").new_page()
    page.goto("/scans/reports/")
    assert page.evaluate(MOVING) == []


# ----- The other pages


def wrong_sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    # A name of nobody who would be locked by it: other tests sign in.
    sign_in(page, "nobody", "wrong")
    expect(page.get_by_role("alert")).to_be_visible()


def at(address: str) -> Callable[[Page], None]:
    return lambda page: page.goto(address) and None


def drawn(template: str) -> Callable[[Page], None]:
    """A page that is shown when something is wrong with the house."""

    def show(page: Page) -> None:
        page.route(
            "**/drawn/",
            lambda route: route.fulfill(
                body=render_to_string(template), content_type="text/html; charset=utf-8"
            ),
        )
        page.goto("/drawn/")

    return show


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "sign-in": ("", at("/accounts/login/")),
    "sign-in-wrong": ("", wrong_sign_in),
    "not-found": ("", at("/nowhere")),
    "forbidden": ("operator", at("/scans/reports/")),
    "unreadable": ("", drawn("400.html")),
    "error": ("", drawn("500.html")),
    "away": ("", drawn("503.html")),
    "out-of-date": ("", drawn("403_csrf.html")),
    "no-role": ("", drawn("no_role.html")),
    "report": ("quality", at("/scans/reports/")),
    "board": ("quality", at("/scans/board/")),
    "bind": ("admin", at("/scans/bind/")),
    "sheet": ("quality", at("/scans/sheet/")),
    "scanner": ("operator", at("/scans/scanner/")),
    "no-first": ("", at("/accounts/first/x/")),
    "password": ("quality", at("/accounts/password/")),
    "device": ("admin", at("/accounts/device/")),
    "people": ("admin", at("/accounts/people/")),
    "present": ("admin", at("/accounts/present/")),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_the_other_pages(open_context, complaints, name, scheme):
    complaints.expected = [FAILED]
    user, show = PAGES[name]
    page = open_context(user, color_scheme=scheme, bypass_csp=True).new_page()
    page.add_init_script(WATCH_SHIFTS)
    show(page)
    if pictures := os.environ.get("PICTURES"):
        page.screenshot(path=Path(pictures) / f"{name}-{scheme}.png")
    assert violations(page) == {}
    assert page.evaluate(TINY) == []
    assert page.evaluate("shifts") == []
    for width in (1280, 800, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
