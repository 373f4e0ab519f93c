"""The reports in a real browser: filters, charts that lead on, files, paper, for everybody."""

import csv
import io
import os
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.telling import telling
from tests.e2e.test_admin import violations
from tests.e2e.test_look import DESK, TABLET, TINY, WATCH_SHIFTS, picture
from tests.serving import PASSWORD, Browser

# A month in which no other test scans anything.
FIRST, LAST = date(2023, 3, 1), date(2023, 3, 20)
MONTH = f"since={FIRST}&until={LAST}"
BAD_DAY = date(2023, 3, 14)
FAILED = "Failed to load resource"
REPORTS = ["", "operators/", "reinspections/", "data/", "rows/"]
# Whether the charts are painted: a canvas is no element that says so.
PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, width, height).data;
}"""
PAINTED = f"""() => [...document.querySelectorAll(".chart canvas")]
  .every((canvas) => ({PIXELS})(canvas).some(Boolean))"""
# Of the one that has most.
COLOUR = f"""() => {{
  const data = ({PIXELS})(document.querySelector("#hours canvas")), found = new Map();
  for (let at = 0; at < data.length; at += 4) {{
    if (data[at + 3] < 255) continue;
    const colour = data.slice(at, at + 3).join();
    found.set(colour, (found.get(colour) ?? 0) + 1);
  }}
  return [...found].toSorted((one, other) => other[1] - one[1])[0][0];
}}"""


@pytest.fixture(scope="module")
def month(site) -> None:
    """Each day the same pieces at two stations, and one bad night; all by the page's own door."""
    operator = Browser(site.url, PASSWORD)
    piece = 0

    def scan(day: date, clock: str, defect: str, station: str, **changes: Any) -> None:
        nonlocal piece
        piece += 1
        moment = f"{day}T{clock}:00+02:00"
        codes = {
            "cp": f"CP2303{piece // 240:04}-{piece % 240:04}",
            "operator": f"OP000{1 + piece % 2}",
        }
        sent = codes | {"defect": defect, "station": station, "scanned_at": moment} | changes
        assert operator.scan(**sent) == 201

    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        for hour, station in [(8, "FG-01"), (9, "FG-02"), (15, "FG-01"), (23, "FG-02")]:
            is_bad = (day, hour) == (BAD_DAY, 23)
            for minute in range(12):
                is_reject = minute < 6 if is_bad else (number + hour + minute) % 29 == 0
                defect = ("001", "001", "002", "007", "003")[minute % 5] if is_reject else "000"
                scan(day, f"{hour:02}:{minute * 3:02}", defect, station)
    again = {"cp": "CP23030000-0001", "operator": "OP0017"}
    scan(LAST, "10:00", "012", "FG-02", **again)
    scan(LAST, "11:00", "000", "FG-02", **again)
    # As the chore does within a minute.
    done = site.manage("rebuildrollups")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def open_report(open_context, month) -> Callable[..., Page]:
    """`open_report("rows/", "defect=001")` is that page of the month."""

    def open_page(
        page: str = "", query: str = "", *, user: str = "quality", **options: Any
    ) -> Page:
        shown = open_context(user, **options).new_page()
        shown.add_init_script(WATCH_SHIFTS)
        shown.goto(f"/scans/reports/{page}?{MONTH}&{query}")
        if not page:
            await_drawn(shown)
        return shown

    return open_page


def await_drawn(page: Page) -> None:
    expect(page.locator(".chart")).not_to_have_count(0)
    expect(page.locator(".chart[aria-busy]")).to_have_count(0)
    page.wait_for_function(PAINTED)


def figure(page: Page, name: str) -> Locator:
    return (
        page.locator(".figures > div", has=page.get_by_text(name, exact=True)).locator("dd").first
    )


def click_mark(page: Page, chart: str, mark: int, count: int) -> None:
    """On the mark with that number, as the chart's scale places it; in the middle of its height."""
    over = page.locator(f"#{chart} .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    x = box["x"] + box["width"] * (mark + 0.6) / (count + 0.2)
    page.mouse.move(x, box["y"] + box["height"] * 0.5)
    page.mouse.move(x + 1, box["y"] + box["height"] * 0.55)
    page.mouse.down()
    page.mouse.up()


# ----- Filters


def test_filters_are_chosen_shown_in_the_address_and_taken_away_again(open_report):
    page = open_report()
    expect(figure(page, "Inspected")).to_have_text("962")
    page.get_by_label("Station", exact=True).select_option("FG-01")
    page.get_by_label("Shift", exact=True).select_option("morning")
    page.get_by_text("More filters").click()
    page.get_by_label("Operator").fill("OP0001")
    page.get_by_role("button", name="Show").click()
    # Nothing that was not chosen stands in the address.
    page.wait_for_url(f"**/?{MONTH}&shift=morning&station=FG-01&operator=OP0001")
    expect(figure(page, "Inspected")).to_have_text("120")
    expect(page.locator(".chips li")).to_have_text(
        [
            re.compile("Shift: Morning"),
            re.compile("Station: FG-01"),
            re.compile("Operator: OP0001 Ana Popescu"),
            "Show all",
        ]
    )
    page.get_by_role("link", name="Without Operator").click()
    expect(figure(page, "Inspected")).to_have_text("240")
    page.get_by_role("link", name="Scans", exact=True).click()
    page.wait_for_url(f"**/rows/?{MONTH}&shift=morning&station=FG-01")
    expect(page.get_by_role("heading", level=2)).to_contain_text("240 scans")
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("962 scans")


def test_days_are_a_click_away(open_report):
    page = open_report("rows/", "station=FG-01")
    page.get_by_role("link", name="7 days").click()
    # On a Sunday these are also those of "this week", which is named instead.
    current = page.locator('.periods [aria-current="true"]')
    expect(current).to_have_text(re.compile("^(7 days|This week)$"))
    expect(page.locator(".chips li")).to_have_count(1)
    until, since = page.locator("#filter-until"), page.locator("#filter-since")
    days = date.fromisoformat(until.input_value()) - date.fromisoformat(since.input_value())
    assert days == timedelta(days=6)


def test_what_makes_no_sense_is_said_beside_its_field(open_report, complaints):
    complaints.expected = [FAILED]
    page = open_report("rows/", "shift=lunch&since=soon")
    page.goto("/scans/reports/rows/?since=soon&shift=lunch&oc1=OC01")
    since = page.get_by_label("From")
    expect(since).to_have_value("soon")
    expect(since).to_have_accessible_description(re.compile("“soon” is no date"))
    expect(page.get_by_label("Shift", exact=True)).to_have_accessible_description(
        re.compile("No shift is called")
    )
    expect(page.get_by_label("OC1")).to_have_value("OC01")
    since.fill("2023-03-01")
    page.get_by_label("Shift", exact=True).select_option("")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".filters .wrong")).to_have_count(0)


def test_a_filter_is_saved_opened_overwritten_and_forgotten(open_report, complaints):
    complaints.expected = [FAILED]
    name = f"Nights {uuid4()}"
    page = open_report("", "shift=night")

    def save() -> None:
        page.get_by_text("Saved filters").click()
        page.get_by_label("Save this filter as").fill(name)
        page.get_by_role("button", name="Save").click()

    save()
    expect(page.get_by_text(f"Saved as “{name}”.")).to_be_visible()
    page.goto("/scans/reports/operators/")
    page.get_by_text("Saved filters").click()
    page.get_by_role("link", name=name).click()
    page.wait_for_url(f"**/operators/?{MONTH}&shift=night")
    page.goto(f"/scans/reports/?{MONTH}&shift=morning")
    save()
    expect(page.get_by_role("alert")).to_contain_text("You have a filter of that name.")
    expect(page.locator("main")).to_contain_text("Shift: Night")
    assert violations(page) == {}
    page.get_by_role("button", name="Overwrite it").click()
    page.get_by_text("Saved filters").click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("href", re.compile("morning"))
    page.get_by_role("button", name=f"Forget {name}").click()
    page.get_by_text("Saved filters").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


# ----- Charts


def test_a_bar_of_the_pareto_leads_to_its_scans(open_report):
    page = open_report()
    rows = page.locator("section", has=page.locator("#pareto")).locator(".wide tbody tr")
    count, second = rows.count(), rows.nth(1)
    code, times = second.locator("th").inner_text()[:3], second.locator("td").first.inner_text()
    click_mark(page, "pareto", 1, count)
    page.wait_for_url(f"**/rows/?{MONTH}&defect={code}")
    expect(page.get_by_role("heading", level=2)).to_contain_text(f"{times} scan")
    # And so does the table beside it, without a mouse.
    page.go_back()
    link = second.get_by_role("link")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/rows/?{MONTH}&defect={code}")


# As high as the bars of the Pareto are painted: the first, and the last.
HEIGHTS = f"""() => {{
  const canvas = document.querySelector("#pareto canvas"), data = ({PIXELS})(canvas);
  const painted = (x, y) => data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3);
  const over = document.querySelector("#pareto .u-over").getBoundingClientRect();
  const left = over.left - canvas.getBoundingClientRect().left;
  return [0, 10].map((bar) => {{
    // Beside its middle, where a point of the line stands.
    const x = Math.round((left + over.width * (bar + 0.6 - 0.25) / 11.2) * devicePixelRatio);
    let count = 0;
    for (let y = 0; y < canvas.height; y += 1) count += painted(x, y).join() === "154,63,0";
    return count / (over.height * devicePixelRatio);
  }});
}}"""


def with_others(data: Any) -> Any:
    """Ten defects that are about as frequent as each other, and many more."""
    counts = [6, 6, 6, 5, 5, 5, 5, 5, 5, 4, 99]
    told = {
        "labels": [*(f"{number:03}" for number in range(1, 11)), "Others"],
        "names": [""] * 11,
        "counts": counts,
        "cumulative": [sum(counts[: at + 1]) / sum(counts) for at in range(11)],
        "links": [""] * 11,
        "has_others": True,
    }
    return data | {"pareto": told}


@pytest.mark.parametrize("viewport", [DESK, TABLET], ids=["desk", "tablet"])
def test_all_others_together_make_no_bar_flat(open_context, month, viewport):
    page = open_context("quality", viewport=viewport, color_scheme="light").new_page()
    page.route("**/scans/reports/?*", telling("chart-data", with_others))
    page.goto(f"/scans/reports/?{MONTH}")
    await_drawn(page)
    if folder := os.environ.get("PICTURES"):
        page.locator("#pareto").screenshot(path=Path(folder) / f"pareto-{viewport['width']}.png")
    first, others = page.evaluate(HEIGHTS)
    assert first > 0.7
    # It is broken, and holds its number.
    assert 0.5 < others < 0.99


def test_a_shift_that_is_out_of_limits_is_said_marked_and_leads_to_its_scans(open_report):
    page = open_report()
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("Out of limits")
    expect(verdict).to_contain_text("14 Mar · Night: 50.0%")
    assert verdict.get_attribute("data-sort") == "problem"
    panel = page.locator("section", has=page.locator("#p-chart"))
    panel.get_by_text("As a table").click()
    rows = panel.locator(".as-table tbody tr")
    assert rows.count() == 60
    out = rows.locator("xpath=self::*[contains(@class, 'is-out')]")
    expect(out).to_have_count(1)
    expect(out).to_contain_text("▲ above")
    place = 59 - rows.evaluate_all("all => all.findIndex((one) => one.matches('.is-out'))")
    click_mark(page, "p-chart", place, 60)
    page.wait_for_url(f"**/rows/?since={BAD_DAY}&until={BAD_DAY}&shift=night")
    expect(page.get_by_role("heading", level=2)).to_contain_text("12 scans")


def test_charts_follow_the_scheme_and_the_width(open_report):
    page = open_report()
    assert page.evaluate(COLOUR) == "20,113,58"  # --good in the light
    page.emulate_media(color_scheme="dark")
    # What is painted may still be the light one.
    page.wait_for_function(f"() => ({PAINTED})() && ({COLOUR})() === '111,215,151'")
    assert page.evaluate(COLOUR) == "111,215,151"
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_function(
        "() => document.querySelector('#hours .uplot').clientWidth < 700"
        " && document.documentElement.scrollWidth <= 700"
    )


def test_over_many_days_a_point_is_a_day(open_report):
    page = open_report()
    page.goto("/scans/reports/?since=2023-01-01&until=2023-05-31")
    await_drawn(page)
    panel = page.locator("section", has=page.locator("#p-chart"))
    panel.get_by_text("As a table").click()
    expect(panel.locator(".as-table tbody tr")).to_have_count(20)
    panel.get_by_role("link", name="14/03/2023").click()
    page.wait_for_url(f"**/rows/?since={BAD_DAY}&until={BAD_DAY}")


# ----- Files and paper


def test_an_export_has_the_rows_that_are_shown(open_report):
    page = open_report("rows/", "defect=007")
    shown = page.locator(".rows tbody .code").all_inner_texts()
    assert shown
    with page.expect_download() as caught:
        page.get_by_role("link", name="CSV").click()
    text = caught.value.path().read_text(encoding="utf-8-sig")
    rows = list(
        csv.reader(io.StringIO(text), delimiter=text[text.index("cp") + 2] if ";" in text else ",")
    )
    cps = [next(cell for cell in row if re.fullmatch(r"CP\d{8}-\d{4}", cell)) for row in rows[1:]]
    assert cps == shown[::-1]
    with page.expect_download() as caught:
        page.get_by_role("link", name="Excel").click()
    assert caught.value.path().read_bytes().startswith(b"PK")


def test_paper_is_white_without_what_cannot_be_pressed_there(open_report):
    page = open_report(color_scheme="dark")
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
          const { scheme } = document.documentElement.dataset;
          window.printed = [scheme, document.querySelector("#hours .uplot").clientWidth];
        })"""
    )
    page.pdf(format="A4")
    # The charts were painted anew before, for paper; and after it for the screen.
    assert page.evaluate("window.printed") == ["light", 690]
    expect(page.locator("html")).to_have_attribute("data-scheme", "system")
    page.emulate_media(media="print")
    for hidden in (".top", ".tabs", ".filters"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".figures")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
    head = "getComputedStyle(document.querySelector('thead')).display"
    assert page.evaluate(head) == "table-header-group"


# ----- For everybody


def pages(page: Page) -> Iterator[str]:
    """Leads through every page and state, and names each."""
    for name in REPORTS:
        page.goto(f"/scans/reports/{name}?{MONTH}")
        if not name:
            await_drawn(page)
        yield name.strip("/") or "overview"
    page.goto(f"/scans/reports/?{MONTH}&defect=001&station=FG-02&oc1=OC01")
    await_drawn(page)
    yield "one-defect"
    page.goto(f"/scans/reports/?{MONTH}&cp_base=CP99999999")
    expect(page.get_by_role("heading", name="No scan fits these filters")).to_be_visible()
    yield "empty"
    page.goto(f"/scans/reports/?since=soon&shift=lunch&operator={'x' * 40}")
    expect(page.get_by_role("alert")).to_be_visible()
    yield "refused"
    page.goto(f"/scans/reports/?{MONTH}")
    page.get_by_text("Saved filters").click()
    yield "saving"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "viewport"), [("desk", DESK), ("tablet", TABLET)])
def test_everybody_can_use_every_report(open_report, complaints, scheme, size, viewport):
    """UPDATE_SCREENSHOTS=1 keeps the picture of each."""
    complaints.expected = [FAILED]
    page = open_report(color_scheme=scheme, viewport=viewport, bypass_csp=True)
    broken = {}
    for name in pages(page):
        picture(page, f"report-{name}-{size}-{scheme}")
        broken |= {(name, rule): where for rule, where in violations(page).items()}
        assert page.evaluate(TINY) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        if name != "saving":
            assert page.evaluate("shifts") == [], name
    assert broken == {}


LONG = "Îmbrăcăminte încrețită în zona spătarului lateral stânga " * 3


@pytest.mark.parametrize("viewport", [DESK, TABLET], ids=["desk", "tablet"])
def test_a_long_note_is_broken_between_words(open_report, viewport):
    page = open_report("rows/", viewport=viewport)
    row = page.locator(".rows tbody tr").first
    row.locator(".words").evaluate_all(
        """([result, note], text) => {
          result.textContent = text.slice(0, 56);
          note.textContent = text;
        }""",
        LONG,
    )
    assert row.bounding_box()["height"] < 300
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("viewport", [DESK, TABLET], ids=["desk", "tablet"])
def test_the_numbers_of_a_year_fit_into_their_boxes(open_report, viewport):
    page = open_report(viewport=viewport)
    figures = page.locator(".figures > div")
    figures.locator("dd:first-of-type").evaluate_all(
        "(all) => all.slice(0, 2).forEach((one) => (one.textContent = '2.035.628'))"
    )
    numbers = figures.locator("dd").all()
    assert not any(one.evaluate("(it) => it.scrollWidth > it.clientWidth") for one in numbers)
    rows = {round(one.bounding_box()["y"]) for one in figures.all()}
    assert len(rows) == (1 if viewport == DESK else 2)


@pytest.mark.parametrize("viewport", [DESK, TABLET], ids=["desk", "tablet"])
def test_two_dozen_stations_with_long_names_fit_into_their_table(open_report, viewport):
    page = open_report(viewport=viewport)
    panel = page.locator("[aria-labelledby=t-stations]").first
    panel.locator("tbody tr").first.evaluate(
        """(row, text) => {
          row.querySelector("a").textContent = text;
          for (let count = 0; count < 24; count += 1) row.after(row.cloneNode(true));
        }""",
        LONG[:60],
    )
    table = panel.locator(".wide")
    assert table.evaluate("(it) => it.scrollWidth <= it.clientWidth")
    assert table.locator("tbody tr").first.bounding_box()["height"] < 130


def test_many_saved_filters_scroll_in_their_own_list(open_report):
    page = open_report()
    page.click(".saved summary")
    page.locator(".saved > div").evaluate(
        "(it) => it.prepend(...Array.from({ length: 60 }, () => document.createElement('p')))"
    )
    box = page.locator(".saved > div").bounding_box()
    assert box["y"] + box["height"] <= DESK["height"]
    page.keyboard.press("Tab")
    expect(page.locator(".saved :focus")).to_be_in_viewport()


def test_on_a_phone_nothing_is_wider_than_the_screen(open_report, complaints):
    complaints.expected = [FAILED]
    page = open_report(viewport={"width": 360, "height": 740})
    for name in pages(page):
        if name == "refused":
            break
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_while_the_charts_come_their_place_is_kept(open_context, month):
    page = open_context("quality", bypass_csp=True).new_page()
    held: list[Route] = []
    page.route("**/scans/reports/charts.js", lambda route: held.append(route))
    page.goto(f"/scans/reports/?{MONTH}", wait_until="commit")
    expect(page.locator(".chart[aria-busy]")).to_have_count(3)
    before = [one.bounding_box() for one in page.locator(".panel").all()]
    picture(page, "report-loading-desk-light")
    assert violations(page) == {}
    for route in held:
        route.continue_()
    await_drawn(page)
    assert [one.bounding_box() for one in page.locator(".panel").all()] == before
