"""The reports say what was scanned: each figure on the page, each filter, each refusal."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from scans.corrections import void_scan
from scans.models import Scan
from scans.recording import record_scan
from scans.reporting import rollups
from scans.shifts import FACTORY
from scans.submission import read, read_void
from tests.scans.sample import payload

pytestmark = pytest.mark.usefixtures("master_data")

DAY = "2026-11-20"
PAGES = ["", "operators/", "reinspections/", "data/", "rows/"]


@pytest.fixture
def scan(person):
    """`scan("0001", "001", "07:30")` is a scan of that piece, on that day of the factory."""
    operator = person("operator")

    def make(piece: str, defect: str = "000", at: str = "07:00", **changes: Any) -> Scan:
        day = changes.pop("day", DAY)
        moment = datetime.fromisoformat(f"{day}T{at}")
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=FACTORY)).isoformat()
        changes = {"cp": f"CP10045821-{piece}", "station": "FG-01"} | changes
        made = payload(defect=defect, scanned_at=moment, **changes)
        return record_scan(read(made), operator)[0]

    return make


@pytest.fixture
def void(person):
    operator = person("operator")

    def make(scan: Scan) -> None:
        at = scan.scanned_at.isoformat()
        wish = read_void({"reason": "wrong", "voided_at": at})
        void_scan(scan.uid, wish, operator, may_correct_any=True)

    return make


@pytest.fixture
def quality(client_of) -> Client:
    client = client_of("quality")
    client.post("/i18n/setlang/", {"language": "en"})
    return client


@pytest.fixture
def shift(scan, void):
    """Two stations, four rejects of three kinds, one piece repaired, one scan voided."""
    for piece in range(1, 7):
        scan(f"{piece:04}", at=f"07:{piece:02}")
    scan("0007", "001", "08:10")
    scan("0007", "000", "08:40", operator="OP0002")  # repaired
    scan("0008", "001", "08:20", station="FG-02")
    scan("0009", "002", "15:00", station="FG-02", operator="OP0002")
    scan("0010", "007", "23:30", station="FG-02", oc1="OC02", oc2="OC12")
    void(scan("0011", "003", "09:00"))


def text(response: Any) -> str:
    """What somebody reads, without marks and in one line."""
    body = re.sub(
        r"<(script|style|option|datalist).*?</\1>", " ", response.content.decode(), flags=re.S
    )
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def ask(client: Client, page: str = "", query: str = f"date={DAY}") -> str:
    response = client.get(f"/scans/reports/{page}?{query}")
    assert response.status_code == 200, response.content.decode()[-2000:]
    return text(response)


# ----- Figures


def test_the_figures_are_those_of_the_records(quality, shift):
    page = ask(quality)
    # 11 scans count: 7 approved, 4 rejected. 10 pieces, of which 6 were approved at first.
    assert "Inspected 11 Approved 7 Rejected 4 Reject % 36.4% FPY 60.0% of 10 first scans" in page
    assert "Re-inspections 1 Voided 1 or replaced" in page
    assert "FPY (first-pass yield): of the pieces that were scanned for the first time" in page


def test_the_pareto_has_the_most_frequent_first_and_leads_to_its_scans(quality, shift):
    page = ask(quality)
    assert (
        "001 Scratch 2 50.0% 50.0% 002 Stain 1 25.0% 75.0% 007 Seam defect 1 25.0% 100.0%" in page
    )
    response = quality.get(f"/scans/reports/?date={DAY}")
    link = f"/scans/reports/rows/?since={DAY}&amp;until={DAY}&amp;defect=001"
    assert f'<a href="{link}">001 Scratch</a>' in response.content.decode()
    rows = text(quality.get(unescape(link)))
    assert "2 scans" in rows
    assert "CP10045821-0007" in rows
    assert "CP10045821-0009" not in rows


def test_stations_operators_and_hours_are_told_apart(quality, shift):
    page = ask(quality)
    assert "FG-01 8 7 1 12.5% 85.7% FG-02 3 0 3 100.0% 0.0% All 11 7 4 36.4% 60.0%" in page
    assert "07:00 6 6 0 08:00 3 1 2 09:00 0 0 0" in page
    page = ask(quality, "operators/")
    assert "OP0001 Ana Popescu 9 6 3 33.3% 66.7% as usual" in page
    assert "OP0002 Ion Munteanu 2 1 1 50.0% 0.0% as usual" in page


def test_a_station_that_differs_from_all_is_named_in_words(quality, scan):
    for piece in range(20):
        scan(f"{piece:04}", at=f"07:{piece:02}")
    assert "Compared with all" not in ask(quality)
    scan("0020", "001", "07:30", station="FG-02")
    page = ask(quality)
    assert "FG-01 20 20 0 0.0% 100.0% as usual FG-02 1 0 1 100.0% 0.0% ▲ more rejects" in page


def test_the_chart_says_of_each_shift_whether_it_is_out_of_limits(quality, scan):
    for number in range(200):
        day = datetime.fromisoformat(DAY) - timedelta(days=1 + number % 6)
        scan(f"{number:04}", day=f"{day:%Y-%m-%d}", at=f"07:{number % 60:02}")
    for number in range(12):
        scan(f"1{number:03}", "001" if number < 6 else "000", "08:00")
    page = ask(quality)
    assert "Out of limits 20 Nov · Morning: 50.0%, the limit is" in page
    assert re.search(r"20 Nov · Morning 12 6 50.0% 0.0% 1\d.\d% ▲ above", page)
    assert re.search(r"19 Nov · Morning 34 0 0.0% 0.0% 1\d.\d% within", page)
    # The shift leads to its rejects.
    address = f"/scans/reports/rows/?since={DAY}&until={DAY}&shift=morning&result=rejected"
    assert (
        address.replace("&", "&amp;") in quality.get(f"/scans/reports/?date={DAY}").content.decode()
    )
    assert "6 scans" in text(quality.get(address))
    # A day before it nothing is out.
    assert "Within limits 0.0% rejected." in ask(quality, query="date=2026-11-19")


def test_reinspected_pieces_are_told_by_what_became_of_them(quality, shift, scan):
    scan("0008", "001", "16:00")
    scan("0001", "002", "16:05")
    page = ask(quality, "reinspections/")
    assert "Scanned again 3 pieces Repaired 1 33.3% Still rejected 1 33.3% Rejected later 1" in page
    assert "CP10045821-0001 ✓ 000 Approved ✗ 002 Stain 20/11/2026 16:05 2 FG-01 OP0001" in page


def test_the_page_of_the_data_tells_how_far_it_can_be_trusted(quality, shift, scan):
    """One reached the server long after it was made, by a browser whose clock is wrong."""
    sent_at = (timezone.now() - timedelta(seconds=90)).isoformat()
    scan("0012", at="10:00", device=str(uuid4()), sequence=1, sent_at=sent_at)
    page = ask(quality, "data/")
    assert "FG-01 9 1 1 1 0 0 0 FG-02 3 0 0 0 0 0 0 All 12 1 1 1 0 0 0" in page
    assert "off by more than 60 seconds" in page
    assert "Imports from another system" in page
    assert "There was none." in page


def test_one_defect_is_looked_at_among_all_that_was_inspected(quality, shift):
    page = ask(quality, query=f"date={DAY}&defect=001")
    assert "Scans with it 2 Inspected 11 Share 18.2%" in page
    assert "FPY" not in page.partition("Shares are of all scans")[0]
    page = ask(quality, query=f"date={DAY}&defect=001&station=FG-02")
    assert "Scans with it 1 Inspected 3 Share 33.3%" in page


def test_of_what_was_approved_the_chart_says_what_was_not(quality, shift):
    page = ask(quality, query=f"date={DAY}&result=approved")
    assert "Scans with it 7 Inspected 11 Share 63.6%" in page
    assert "36.4% rejected Too few shifts have scans to tell what is usual." in page
    assert "Share rejected of each shift" in page
    page = ask(quality, query=f"date={DAY}&defect=001")
    assert "18.2% of all that was inspected Too few" in page
    assert "Share rejected of each shift" not in page


def test_what_was_approved_is_judged_by_what_was_rejected(quality, scan):
    for number in range(200):
        day = datetime.fromisoformat(DAY) - timedelta(days=1 + number % 6)
        scan(f"{number:04}", day=f"{day:%Y-%m-%d}", at=f"07:{number % 60:02}")
    for number in range(12):
        scan(f"1{number:03}", "001" if number < 6 else "000", "08:00")
    for query in ("defect=000", "result=approved"):
        page = ask(quality, query=f"date={DAY}&{query}")
        assert "Out of limits 20 Nov · Morning: 50.0%, the limit is" in page
        assert "Share rejected of each shift" in page
        html = quality.get(f"/scans/reports/?date={DAY}&{query}").content.decode()
        rejects = f"/scans/reports/rows/?since={DAY}&until={DAY}&shift=morning&result=rejected"
        assert f'<a href="{rejects.replace("&", "&amp;")}">20 Nov' in html
        # A day on which all was well: both numbers of the sentence are of the same kind.
        page = ask(quality, query=f"date=2026-11-19&{query}")
        assert "Within limits 0.0% rejected. The mean of 14 days is 0.0%." in page


def test_over_many_days_the_chart_speaks_of_days(quality, shift):
    page = ask(quality, query=f"since=2026-08-01&until={DAY}")
    assert "Share rejected of each day" in page
    assert "for the number of scans of each day" in page
    assert "20/11/2026 11 4 36.4%" in page
    assert "of each shift" not in page
    assert (
        '"heading": "Day"'
        in quality.get(f"/scans/reports/?since=2026-08-01&until={DAY}").content.decode()
    )


def test_the_hour_that_comes_twice_has_two_names(quality, scan):
    day = {"day": "2026-10-25"}
    scan("0001", "000", "03:30+03:00", **day)
    scan("0002", "001", "03:40+02:00", **day)
    page = ask(quality, query="date=2026-10-24&shift=night")
    assert "02:00 0 0 0 03:00 EEST 1 1 0 03:00 EET 1 0 1 04:00 0 0 0" in page


# ----- Filters


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"date={DAY}", 12),
        (f"date={DAY}&shift=morning", 10),
        (f"date={DAY}&shift=night", 1),
        (f"since={DAY}&until={DAY}&station=FG-02", 3),
        (f"date={DAY}&station=-", 0),
        (f"date={DAY}&operator=OP0002", 2),
        (f"date={DAY}&operator=op0002", 2),
        (f"date={DAY}&cp_base=cp10045821&oc1=%5DC1oc02", 1),
        (f"date={DAY}&cp_base=CP10045821", 12),
        (f"date={DAY}&cp_base=cp10045821'0007", 12),
        (f"date={DAY}&cp_base=CP10045822", 0),
        (f"date={DAY}&oc1=OC02", 1),
        (f"date={DAY}&oc2=OC12", 1),
        (f"date={DAY}&defect=001", 2),
        (f"date={DAY}&result=approved", 7),
        (f"date={DAY}&result=rejected", 5),
        (f"date={DAY}&result=rejected&station=FG-02&shift=afternoon", 1),
        ("date=2026-11-19", 0),
        ("since=2026-11-01&until=2026-11-30", 12),
        ("since=2026-11-01", 12),
    ],
)
def test_each_filter_holds_for_the_rows_and_the_figures(quality, shift, query, count):
    page = ask(quality, "rows/", query)
    if not count:
        assert "No scan fits these filters" in page
        assert "Nothing was scanned" in ask(quality, query=query)
        return
    assert re.search(rf"\b{count} scans?\b", page)
    # The voided scan is a row, and no figure.
    voided = page.count("Voided")
    figures = ask(quality, query=query)
    inspected = "Scans with it" if re.search("defect=|result=", query) else "Inspected"
    assert f"{inspected} {count - voided} " in figures


def test_what_is_chosen_stands_there_and_can_be_taken_away(quality, shift):
    html = quality.get(f"/scans/reports/?date={DAY}&station=FG-02&defect=001").content.decode()
    without = f'<a href="?since={DAY}&amp;until={DAY}&amp;defect=001"'
    assert f'{without} aria-label="Without Station: FG-02">' in html
    assert f'<a class="all" href="?since={DAY}&amp;until={DAY}">' in html
    # The other pages keep it.
    assert f'href="/scans/reports/operators/?since={DAY}&amp;until={DAY}&amp;station=FG-02' in html
    # The form has it, too.
    assert '<option value="FG-02" selected>' in html
    assert f'type="date" value="{DAY}"' in html


def test_a_code_that_nobody_knows_stays_in_the_form(quality, shift):
    html = quality.get(f"/scans/reports/?date={DAY}&station=FG-99").content.decode()
    assert '<option value="FG-99" selected>' in html
    assert "No scan fits these filters" in html


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=gestern", "“gestern” is no date such as 2026-11-20."),
        ("date=9999-12-31", "“9999-12-31” is no date such as 2026-11-20."),
        ("shift=lunch", "No shift is called so"),
        ("since=2026-11-20&until=2026-11-19", "The first day is behind the last one."),
        (f"operator={'x' * 33}", "A code has at most 32 characters."),
        ("result=maybe", "It is one of approved, rejected."),
    ],
)
def test_a_filter_that_makes_no_sense_is_answered_with_what_was_typed(quality, page, query, said):
    response = quality.get(f"/scans/reports/{page}?{query}")
    assert response.status_code == 400
    assert said in text(response)
    name, _equals, typed = query.partition("&")[0].partition("=")
    html = response.content.decode()
    assert f'value="{typed}"' in html or f'<option value="{typed}" selected>' in html
    if name != "date":
        assert f'aria-describedby="wrong-{name}"' in html


def test_a_page_of_the_list_that_was_never_given_out_is_refused(quality, shift):
    response = quality.get(f"/scans/reports/rows/?date={DAY}&after=nowhere")
    assert response.status_code == 400
    assert "This page is not there." in text(response)


def test_the_running_day_is_shown_unless_another_one_is_asked_for(quality, scan):
    now = timezone.now().astimezone(FACTORY)
    scan("0001", day=f"{now:%Y-%m-%d}", at=f"{now:%H:%M}")
    assert "Inspected 1 " in ask(quality, query="")


def test_a_long_list_has_pages_the_newest_first(quality, scan):
    for number in range(150):
        scan(f"{number:04}", at=f"{7 + number // 60:02}:{number % 60:02}")
    first = quality.get(f"/scans/reports/rows/?date={DAY}")
    cps = re.findall(r"CP10045821-(\d{4})", first.content.decode())
    assert cps == [f"{number:04}" for number in range(149, 49, -1)]
    older = unescape(re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1])
    second = quality.get(f"/scans/reports/rows/{older}").content.decode()
    assert re.findall(r"CP10045821-(\d{4})", second) == [f"{n:04}" for n in range(49, -1, -1)]
    assert 'rel="next"' not in second


def test_rows_lead_to_their_records_and_to_files(quality, scan):
    made = scan("0001", "001")
    html = quality.get(f"/scans/reports/rows/?date={DAY}").content.decode()
    assert f'<a href="/scans/record/{made.uid}/">CP10045821-0001</a>' in html
    for form in ("csv", "xlsx"):
        assert f'href="/scans/export.{form}?since={DAY}&amp;until={DAY}"' in html


def test_what_is_not_counted_yet_is_not_called_nothing(quality, scan):
    """So many shifts at once are left to the chore."""
    for day in range(1, 16):
        scan(f"{day:04}", day=f"2026-11-{day:02}", at="09:00")
    page = ask(quality, query="since=2026-11-01&until=2026-11-15")
    assert "15 shifts are being counted anew: what you see is not complete" in page
    assert "Not counted yet" in page
    assert "Nothing was scanned" not in page
    rollups.refresh()
    page = ask(quality, query="since=2026-11-01&until=2026-11-15")
    assert "Inspected 15 " in page
    assert "not complete" not in page


# ----- Who may


@pytest.mark.parametrize("page", PAGES)
def test_the_reports_are_for_who_may_see_scans(client_of, page):
    address = f"/scans/reports/{page}"
    assert client_of("auditor").get(address).status_code == 200
    assert client_of("operator").get(address).status_code == 403
    assert client_of("").get(address)["Location"] == f"/accounts/login/?next={address}"
    assert client_of("quality").post(address).status_code == 405


def test_the_links_at_the_top_are_those_that_one_may_open(client_of):
    def links(role: str) -> list[str]:
        html = client_of(role).get("/scans/reports/").content.decode()
        nav = html.partition('class="top-links"')[2].partition("</nav>")[0]
        return re.findall(r'href="([^"]+)"', nav)

    assert "/scans/board/" in links("quality")
    assert "/scans/board/" not in links("auditor")
    assert {"/scans/reports/", "/scans/trace/", "/scans/proposals/"} <= set(links("auditor"))
