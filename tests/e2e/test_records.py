"""What was recorded wrongly is put right before all eyes, and any code leads to its scans."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_admin import violations
from tests.e2e.test_hostile import FOUND, WATCH, hostile, superuser
from tests.e2e.test_look import DESK, TABLET, TINY, WATCH_SHIFTS
from tests.records import unlocked
from tests.serving import PASSWORD

__all__ = ["hostile", "superuser"]  # Fixtures.

FAILED = "Failed to load resource"


@pytest.fixture(scope="module")
def second(site) -> str:
    """Another person of quality."""
    code = (
        "from accounts.models import User; from django.contrib.auth.models import Group;"
        f"u = User.objects.create_user('colleague', password={PASSWORD!r});"
        "u.groups.add(Group.objects.get(name='quality'))"
    )
    done = site.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return "colleague"


@pytest.fixture
def four_eyes(database) -> Iterator[None]:
    # Its triggers tell each worker.
    database.run("UPDATE scans_settings SET four_eyes = TRUE")
    yield
    database.run("UPDATE scans_settings SET four_eyes = FALSE")


@pytest.fixture
def scanned(open_station, order) -> str:
    """A CP that a station has rejected as 001."""
    station = open_station("FG-01")
    station.scan_piece(f"{order}-0001", "001")
    station.await_confirmed(f"{order}-0001", "001")
    return f"{order}-0001"


def traced(page: Page, code: str) -> None:
    """As by a scanner: the keys, and Enter."""
    page.goto("/scans/trace/")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/scans/trace/?code=*")


def test_a_scan_is_replaced_with_a_reason(open_context, complaints, database, scanned):
    complaints.expected = [FAILED]
    page = open_context("quality").new_page()
    traced(page, scanned.replace("-", "'").lower())
    page.locator(".timeline").get_by_role("link", name="001 Scratch").click()
    expect(page.locator(".state").first).to_have_text("Rejected")
    page.get_by_role("link", name="Correct it").click()
    # Without a script: what is missing is said by the browser, what is wrong by the server.
    page.select_option("#f-defect", "099")
    page.fill("#f-reason", "The operator pressed the wrong tile.")
    page.get_by_role("button", name="Correct the scan").click()
    note = page.get_by_label("Note")
    expect(note).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#e-note")).to_have_text("This defect needs a note.")
    note.fill("Corner lifted")
    page.get_by_role("button", name="Correct the scan").click()
    expect(page.get_by_role("status")).to_contain_text("Replaced.")
    entry = page.locator(".timeline .is-replace")
    expect(entry).to_contain_text("The operator pressed the wrong tile.")
    expect(entry.locator("del").first).to_contain_text("001 Scratch")
    expect(entry.locator("ins").first).to_contain_text("099 Other (note required)")
    old, new = database.scans(scanned[:10])
    assert (old["defect_id"], new["defect_id"], new["note"]) == ("001", "099", "Corner lifted")
    assert new["station_id"] == "FG-01"


def test_a_scan_is_voided_by_keyboard_alone_without_scripts(open_context, database, scanned):
    page = open_context("quality", java_script_enabled=False).new_page()
    traced_at = f"/scans/trace/?code={scanned}"
    page.goto(traced_at)
    page.locator(".timeline a").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Correct it").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="It says something wrong").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="It should not be there")).to_be_checked()
    expect(page.locator("#f-cp")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.type("No piece at all")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Voided.")
    expect(page.locator(".state").first).to_have_text("Voided")
    expect(page.get_by_role("link", name="Correct it")).to_have_count(0)
    rows = database.run(
        "SELECT reason FROM scans_event e JOIN scans_scan s ON s.id = e.scan_id WHERE cp = %s",
        scanned,
    )
    assert rows == [("No piece at all",)]


def test_four_eyes_see_more_than_two(open_context, database, scanned, second, four_eyes):
    page = open_context("quality").new_page()
    page.goto(f"/scans/trace/?code={scanned}")
    page.locator(".timeline a").first.click()
    page.get_by_role("link", name="Correct it").click()
    page.select_option("#f-defect", "000")
    page.fill("#f-reason", "It was dust")
    page.get_by_role("button", name="Propose the correction").click()
    expect(page.get_by_role("status")).to_contain_text("Proposed.")
    page.goto("/scans/proposals/")
    own = page.locator(".proposal", has_text=scanned)
    expect(own).to_contain_text("Somebody else decides")
    expect(own.get_by_role("checkbox")).to_have_count(0)
    assert len(database.scans(scanned[:10])) == 1
    other = open_context(second).new_page()
    other.goto("/scans/proposals/")
    proposal = other.locator(".proposal", has_text=scanned)
    expect(proposal.locator("del")).to_contain_text("001 Scratch")
    proposal.get_by_role("checkbox", name=f"{scanned} Replace").check()
    other.get_by_label("Remark").fill("Seen at the piece")
    other.get_by_role("button", name="Accept").click()
    expect(other.get_by_role("status").first).to_contain_text("1 proposal accepted.")
    other.get_by_role("link", name="Decided", exact=True).click()
    row = other.locator(".proposal", has_text=scanned)
    expect(row).to_contain_text("Seen at the piece")
    assert [one["defect_id"] for one in database.scans(scanned[:10])] == ["001", "000"]
    page.goto(f"/scans/trace/?code={scanned}")
    expect(page.locator(".states")).to_contain_text("Approved")
    expect(page.locator(".timeline .is-decision")).to_contain_text("colleague")


@pytest.fixture
def many(site, database, second, order, four_eyes) -> Iterator[str]:
    """An order of which another person would correct 65 scans, in three ways."""
    code = (
        "from uuid import uuid4; from django.utils import timezone;"
        "from accounts.models import User;"
        "from scans.corrections import correct_scan; from scans.recording import record_scan;"
        "from scans.submission import read\n"
        f"user = User.objects.get(username={second!r})\n"
        "for number in range(1, 66):\n"
        "    body = {'id': str(uuid4()), 'operator': 'OP0001', 'oc1': 'OC01', 'oc2': 'OC11',"
        f"        'cp': f'{order}-{{number:04}}', 'defect': '001', 'note': '',"
        "        'station': f'FG-0{1 + number % 2}', 'scanned_at': timezone.now().isoformat()}\n"
        "    scan, _ = record_scan(read(body), user)\n"
        "    form = {'kind': 'replace', 'reason': 'It was dust: wiped off, nothing below it.'}\n"
        "    form |= [{'defect': '000'}, {'operator': 'OP0002', 'oc1': 'OC02', 'defect': '002'},"
        "        {'kind': 'void', 'reason': 'No piece at all'}][number % 3]\n"
        "    correct_scan(scan.uid, form, user)\n"
    )
    done = site.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    yield order
    database.run(
        "INSERT INTO scans_decision (proposal_id, is_accepted, reason, decided_by_id, decided_at) "
        "SELECT p.id, FALSE, '', 1, UTC_TIMESTAMP() FROM scans_proposal p "
        "LEFT JOIN scans_decision d ON d.proposal_id = p.id WHERE d.id IS NULL"
    )


def test_many_are_decided_page_by_page(open_context, complaints, database, many):
    complaints.expected = [FAILED]
    page = open_context("quality").new_page()
    page.goto("/scans/proposals/")
    expect(page.locator(".tabs .count")).to_have_text("65")
    page.locator("#filter-station").select_option("FG-02")
    page.locator("#filter-kind").select_option("replace")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".tabs .count")).to_have_text("22")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".proposal")).to_have_count(25)
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".proposal").first).to_contain_text(f"{many}-0026")
    boxes = page.locator(".proposal input")
    page.get_by_role("checkbox", name="Select all that are shown").focus()
    page.keyboard.press("Space")
    expect(page.locator("#selected")).to_have_text("25")
    boxes.first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#selected")).to_have_text("24")
    assert page.locator("#all").evaluate("one => one.indeterminate")
    page.get_by_label("Remark").fill("Seen at the pieces")
    # What cannot be taken back takes more than a key that is pressed in passing.
    for place in (boxes.first, page.get_by_label("Remark")):
        place.focus()
        page.keyboard.press("Enter")
    expect(page.locator("#selected")).to_have_text("24")
    # Somebody is quicker.
    database.run(
        "INSERT INTO scans_decision (proposal_id, is_accepted, reason, decided_by_id, decided_at) "
        "SELECT p.id, FALSE, '', (SELECT id FROM accounts_user WHERE username = 'admin'), "
        "UTC_TIMESTAMP() FROM scans_proposal p JOIN scans_scan s ON s.id = p.scan_id "
        "WHERE s.cp = %s",
        f"{many}-0030",
    )
    page.get_by_role("button", name="Accept").focus()
    page.keyboard.press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("23 proposals accepted. 1 proposal was not decided:")
    expect(alert.get_by_role("listitem")).to_have_text(
        f"{many}-0030 admin has refused this proposal."
    )
    expect(page.locator(".tabs .count")).to_have_text("41")
    # The list stays where it was, and nothing else is selected.
    expect(page.locator(".proposal").first).to_contain_text(f"{many}-0026")
    expect(page.locator("#selected")).to_have_text("0")
    states = [one["defect_id"] for one in database.scans(many)]
    assert len(states) == 65 + 15


def test_several_are_refused_without_scripts(open_context, complaints, many):
    complaints.expected = [FAILED]
    page = open_context("quality", java_script_enabled=False).new_page()
    page.goto("/scans/proposals/?kind=void")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert")).to_have_text("Select what you decide about.")
    for number in ("0002", "0005"):
        page.get_by_role("checkbox", name=f"{many}-{number} Void").check()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("status").first).to_have_text("2 proposals refused.")
    expect(page).to_have_url(re.compile(r"/scans/proposals/\?kind=void$"))
    expect(page.locator(".tabs .count")).to_have_text("20")


def test_what_decides_is_in_sight_and_hides_nothing_that_has_the_focus(open_context, many):
    page = open_context("quality", viewport=TABLET).new_page()
    page.goto("/scans/proposals/")
    expect(page.get_by_role("button", name="Accept")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Refuse")).to_be_in_viewport()
    hidden = page.evaluate("""() => [...document.querySelectorAll(".proposal :is(a, input)")]
      .filter((one) => {
        one.focus();
        const bar = document.querySelector(".decision").getBoundingClientRect();
        return one.getBoundingClientRect().bottom > bar.top;
      }).map((one) => one.outerHTML)""")
    assert hidden == []


def test_a_part_of_a_code_and_an_order_lead_to_the_piece_and_the_reports(open_context, scanned):
    page = open_context("auditor").new_page()
    traced(page, scanned[2:10])
    expect(page.locator(".progress")).to_contain_text("1")
    page.get_by_role("link", name="In the reports").click()
    expect(page).to_have_url(re.compile(rf"/scans/reports/rows/\?.*cp_base={scanned[:10]}"))
    traced(page, scanned[4:])
    page.locator(".found").get_by_role("link", name=scanned).click()
    expect(page.locator("h1")).to_have_text(scanned)
    # An auditor looks and leaves.
    expect(page.get_by_role("link", name="Correct it")).to_have_count(0)
    traced(page, "CP00000000-0000")
    expect(page.locator(".empty")).to_contain_text("Nothing was scanned with")


@pytest.mark.parametrize("language", ["en", "ro"])
def test_an_order_with_long_names_is_read_on_a_tablet_to_its_end(
    open_context, database, scanned, language
):
    page = open_context("quality", viewport=TABLET, language=language).new_page()
    change = "UPDATE scans_defect SET name_en = %s, name_ro = %s WHERE code = '001'"
    names = ("Adhesive residue on visible surfaces", "Urme de adeziv pe suprafețele vizibile")
    database.run(change, *names)
    try:
        traced(page, scanned[:10])
    finally:
        database.run(change, "Scratch", "Zgârietură")
    expect(page.locator(".found")).to_contain_text(names[language == "ro"])
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"trace-{language}.png")
    assert page.locator(".wide").evaluate("one => one.scrollWidth - one.clientWidth") == 0


def test_one_code_after_the_other_is_scanned_wherever_the_focus_is(open_context, scanned):
    page = open_context("quality").new_page()
    traced(page, scanned)
    expect(page.locator("#h-piece")).to_have_text(scanned)
    # The next one takes the place of the first, which still stands there.
    page.keyboard.type(scanned[:10])
    page.keyboard.press("Enter")
    expect(page.locator(".progress")).to_be_visible()
    page.get_by_role("link", name="In the reports").focus()
    page.keyboard.type(scanned)
    page.keyboard.press("Enter")
    expect(page.locator("#h-piece")).to_have_text(scanned)


# ----- The look


def pages(page: Page, scanned: str) -> Iterator[str]:
    """Leads from one page and state to the next, and names each."""
    page.goto("/scans/trace/")
    yield "trace"
    page.goto(f"/scans/trace/?code={scanned}")
    yield "trace-piece"
    address = page.locator(".timeline a").first.get_attribute("href")
    page.goto(f"/scans/trace/?code={scanned[:10]}")
    yield "trace-order"
    page.goto("/scans/trace/?code=NOTHING-AT-ALL-THAT-ANYBODY-EVER-SCANNED-AND-LONG-TOO")
    yield "trace-nothing"
    page.goto("/scans/trace/?code=x")
    yield "trace-refused"
    page.goto(f"{address}")
    yield "record"
    page.goto(f"{address}correct/")
    yield "correct"
    page.fill("#f-cp", "CP1")
    page.fill("#f-reason", "why")
    page.locator("form.correct .primary").click()
    expect(page.locator("#e-cp")).to_be_visible()
    yield "correct-wrong"
    page.goto("/scans/proposals/")
    yield "proposals"
    page.goto("/scans/proposals/")
    page.locator(".proposal input").first.check()
    yield "proposals-selected"
    page.goto("/scans/proposals/")
    page.locator(".decision .primary").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "proposals-refused"
    page.goto("/scans/proposals/?state=decided")
    yield "proposals-decided"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("language", "viewport"), [("en", DESK), ("ro", TABLET)], ids=["desk", "tablet"]
)
def test_everybody_can_use_the_pages(
    open_context, complaints, scanned, many, scheme, language, viewport
):
    complaints.expected = [FAILED]
    context = open_context(
        "quality", color_scheme=scheme, language=language, viewport=viewport, bypass_csp=True
    )
    page = context.new_page()
    page.add_init_script(WATCH_SHIFTS)
    found = {}
    for name in pages(page, scanned):
        found[name] = violations(page)
        assert page.evaluate(TINY) == [], name
        assert page.evaluate("shifts") == [], name
        for width in (1280, 800, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.set_viewport_size(viewport)
    assert {name: broken for name, broken in found.items() if broken} == {}


# ----- Hostile texts


def test_what_people_wrote_never_becomes_a_part_of_the_pages(
    open_context, complaints, superuser, hostile, database
):
    complaints.expected = [FAILED]
    page = open_context(superuser, bypass_csp=True).new_page()
    page.add_init_script(WATCH)
    uid = "e" * 32
    database.run(
        "INSERT INTO scans_proposal (id, scan_id, kind, content, reason, proposed_by_id, "
        "proposed_at) SELECT 1000000, 1000000, 'replace', JSON_OBJECT('note', %s, 'cp', %s), %s, "
        "1, '2020-05-05 08:00'",
        *[hostile] * 3,
    )
    try:
        for address in (
            f"/scans/record/{uid[:8]}-{uid[:4]}-{uid[:4]}-{uid[:4]}-{uid[:12]}/",
            f"/scans/record/{uid[:8]}-{uid[:4]}-{uid[:4]}-{uid[:4]}-{uid[:12]}/correct/",
            "/scans/trace/?code=CP80000002-0001",
            "/scans/trace/?code=CP80000002",
            "/scans/proposals/",
        ):
            page.goto(address)
            assert hostile in page.inner_text("main") or "CP80000002" in page.inner_text("main")
            assert page.evaluate(FOUND) == [0, 0], address
        page.goto("/scans/trace/")
        page.fill("#code", hostile[:64])
        page.press("#code", "Enter")
        page.wait_for_url("**?code=*")
        assert page.evaluate(FOUND) == [0, 0]
    finally:
        with unlocked(database.run):
            database.run("DELETE FROM scans_proposal WHERE id = 1000000")
