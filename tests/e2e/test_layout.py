"""Whatever the screen: the result, the piece and the note are in sight together."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

SIZES = {
    "desk": {"width": 1280, "height": 800},
    "laptop": {"width": 1024, "height": 600},
    "zoomed": {"width": 853, "height": 533},
    "tablet": {"width": 800, "height": 1280},
}
PICTURES = os.environ.get("PICTURES")
# What of these is not wholly on the screen, or lies below something else.
HIDDEN = """(selectors) => selectors.filter((selector) => {
  const one = document.querySelector(selector);
  const { top, bottom, left, right } = one.getBoundingClientRect();
  const isOut = top < 0 || left < 0 || bottom > innerHeight + 1 || right > innerWidth + 1;
  const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return isOut || !(one.contains(seen) || seen.contains(one));
})"""
FIELDS = [f"[data-field={field}]" for field in ("operator", "cp", "oc1", "oc2", "defect")]
TOO_SMALL = """() => [...document.querySelectorAll("button, a, input:not([type=hidden])")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .map((one) => [one.getBoundingClientRect(), one.outerHTML])
  .filter(([{ width, height }]) => width < 48 || height < 48).map(([, html]) => html)"""


def picture(station, name):
    if PICTURES:
        station.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest.mark.parametrize("language", ["en", "ro"])
@pytest.mark.parametrize("size", SIZES)
def test_the_result_the_piece_and_the_note_are_in_sight(open_station, order, size, language):
    station = open_station(viewport=SIZES[size], language=language)
    station.scan("OP0001", f"{order}-0001", "OC01", "OC11")
    picture(station, f"{size}-{language}-piece")
    assert station.page.evaluate(HIDDEN, ["#banner", "#pending", *FIELDS]) == []
    station.scan("099")
    expect(station.page.locator("#note")).to_be_focused()
    picture(station, f"{size}-{language}-note")
    seen = ["#banner", "#pending", *FIELDS, "#note", "#note-done", "#note-drop"]
    assert station.page.evaluate(HIDDEN, seen) == []
    assert station.page.evaluate(TOO_SMALL) == []
    assert station.page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"]


@pytest.mark.parametrize("code", ["FG-01", ""])
def test_at_a_desk_nothing_scrolls(open_station, order, code):
    station = open_station(code)
    for number in range(1, 17):
        station.scan_piece(f"{order}-{number:04d}")
    station.await_pending(0)
    expect(station.recent).to_have_count(15)
    picture(station, f"desk-{code or 'notice'}-full")
    height = station.page.evaluate("document.documentElement.scrollHeight")
    assert height == 800
    assert station.page.evaluate(HIDDEN, ["#banner", *FIELDS, "#restart"]) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_long_reason_is_not_cut(open_station, complaints, order, size):
    complaints.expected = ["Failed to load resource"]
    station = open_station(viewport=SIZES[size], language="ro")
    reason = "Acest defect are nevoie de o notă. Niciun defect nu are codul 014."
    station.answer_posts(status=422, json={"errors": {"defect": [reason]}})
    station.scan_piece(f"{order}-0001")
    station.await_banner("problem", reason)
    picture(station, f"{size}-ro-refused")
    assert (
        station.page.evaluate(
            """() => ["#banner-title", "#banner-detail", "#banner p"]
          .map((selector) => document.querySelector(selector))
          .filter(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight + 2).length"""
        )
        == 0
    )


LONG_NAME = "Rezerva de cusătură nerespectată la căptușeală"
# A letter's foot may stand a little below its line; a line that is missing is as high as it.
CUT_TEXTS = """() => [...document.querySelectorAll(".recent :is(th, td, td span:not(.unseen))")]
  .filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 6)
  .map((one) => one.textContent)"""
HEIGHTS = """() => [...new Set([...document.querySelectorAll("#recent tr")]
  .map((row) => row.getBoundingClientRect().height))]"""


@pytest.fixture
def long_name(database) -> Iterator[None]:
    change = "UPDATE scans_defect SET name_ro = %s WHERE code = '007'"
    database.run(change, LONG_NAME)
    yield
    database.run(change, "Defect de cusătură")


@pytest.mark.usefixtures("long_name")
@pytest.mark.parametrize("size", ["desk", "tablet"])
def test_the_names_of_the_last_defects_are_read_to_their_end(open_station, order, size):
    station = open_station(viewport=SIZES[size], language="ro")
    station.scan_piece(f"{order}-0001")
    station.await_pending(0)
    [height] = station.page.evaluate(HEIGHTS)
    for number, defect in enumerate(("012", "007"), start=2):
        station.scan_piece(f"{order}-{number:04d}", defect)
    station.await_pending(0)
    expect(station.recent.first).to_contain_text(f"007 {LONG_NAME}")
    picture(station, f"{size}-ro-long-names")
    assert station.page.evaluate(CUT_TEXTS) == []
    # What takes two lines takes no more room, and for the longest there is a title.
    assert station.page.evaluate(HEIGHTS) == [height]
    defect = station.recent.first.locator(".defect")
    expect(defect).to_have_attribute("title", f"007 {LONG_NAME}")
