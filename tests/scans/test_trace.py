"""Any code, or a part of one, leads to what was scanned with it."""

import random
from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from scans.barcode import STANDARD
from scans.corrections import correct_scan
from scans.models import Scan, Settings
from scans.recording import record_scan
from scans.reporting import parts, rollups
from scans.reporting.filters import Filters
from scans.reporting.trace import trace
from scans.submission import read
from tests.scans.sample import payload

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture(autouse=True)
def _english():
    from django.utils import translation

    with translation.override("en"):
        yield


@pytest.fixture
def record(person):
    def make(cp: str, **changes) -> Scan:
        scan, _ = record_scan(read(payload(station="FG-01", cp=cp) | changes), person("operator"))
        return scan

    return make


@pytest.fixture
def scanned(record):
    """Pieces of three orders, one of them twice."""
    times = [f"2026-11-{day}T10:00:00+02:00" for day in (16, 17, 18, 19, 20)]
    cps = [
        "CP10045821-0001",
        "CP10045821-0002",
        "CP10045821-0001",
        "CP10045999-0002",
        "CP20041234-0345",
    ]
    codes = [
        {"defect": "001"},
        {"operator": "OP0002"},
        {},
        {"oc1": "OC03", "oc2": "OC13"},
        {"station": "FG-02"},
    ]
    return [
        record(cp, scanned_at=at, **more) for cp, at, more in zip(cps, times, codes, strict=True)
    ]


def found(code: str) -> dict[str, list[Scan]]:
    return {match.title: match.scans for match in trace(code).matches}


@pytest.mark.parametrize(
    "code", ["CP10045821-0001", "cp10045821'0001", "]C1CP10045821-0001\r", "10045821-0001"]
)
def test_a_whole_cp_shows_the_piece(scanned, code):
    timeline = trace(code).timeline
    assert timeline is not None
    assert [entry.scan for entry in timeline.entries] == [scanned[0], scanned[2]]


def test_an_order_shows_how_far_it_is_and_leads_to_its_report(scanned, person):
    correct_scan(scanned[1].uid, {"kind": "void", "reason": "x"}, person("quality"))
    assert trace("10045821").matches == trace("CP10045821").matches
    [match] = trace("CP10045821").matches
    assert match.title == "Order CP10045821"
    assert match.progress == {"approved": 1, "rejected": 0}
    assert match.pieces == 1
    assert match.scans == [scanned[2], scanned[1], scanned[0]]
    assert [scan.is_voided for scan in match.scans] == [False, True, False]
    assert match.query == "since=2026-11-16&until=2026-11-18&cp_base=CP10045821"


@pytest.mark.parametrize(
    ("code", "title", "positions"),
    [
        ("op0002", "Operator OP0002 Ion Munteanu", [1]),
        ("FG-02", "Station FG-02", [4]),
        ("001", "Defect 001 Scratch", [0]),
        ("OC03", "OC1 OC03", [3]),
        ("OC13", "OC2 OC13", [3]),
    ],
)
def test_other_codes_show_their_newest_scans(scanned, code, title, positions):
    assert found(code)[title] == [scanned[position] for position in positions]


@pytest.mark.parametrize("code", ["CP10045821", "OP0002", "FG-02", "001", "OC03", "OC13"])
def test_the_link_to_the_reports_shows_the_same(scanned, code):
    from django.http import QueryDict

    match = trace(code).matches[0]
    filters = Filters.read(QueryDict(match.query).dict(), today=date(2026, 11, 20))
    names = {"cp_base": "cp_base", "operator": "operator", "station": "station_id",
             "defect": "defect_id", "oc1": "oc1", "oc2": "oc2"}  # fmt: skip
    [(start, end)] = filters.windows()
    assert filters.chosen
    chosen = {names[name]: value for name, value in filters.chosen.items()}
    rows = Scan.objects.filter(scanned_at__gte=start, scanned_at__lt=end, **chosen)
    assert set(rows) == set(match.scans)


def test_the_id_of_a_scan_is_the_scan(scanned, client_of):
    scan = scanned[0]
    assert trace(str(scan.uid)).scan == scan
    assert trace(scan.uid.hex).scan == scan
    answer = client_of("auditor").get("/scans/trace/", {"code": str(scan.uid)})
    assert answer["Location"] == f"/scans/record/{scan.uid}/"


# ----- Parts


@pytest.fixture(params=["walk", "indexes"])
def _way(request, monkeypatch):
    """What is rare is found by the indexes as well as by looking at each scan."""
    if request.param == "indexes":
        monkeypatch.setattr(parts, "FIRST_STEPS", 0)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    ("part", "positions"),
    [
        ("CP1004582", [0, 1, 2]), ("CP1", [0, 1, 2, 3]),
         ("CP10045821-00", [0, 1, 2]), ("5821", [0, 1, 2]),
        ("00458", [0, 1, 2]), ("821-0001", [0, 2]), ("821-00", [0, 1, 2]), ("1-", [0, 1, 2]),
        ("0002", [1, 3]), ("-0002", [1, 3]), ("-0345", [4]), ("0345", [4]), ("345", [4]),
        ("34", [4]), ("45", [0, 1, 2, 3, 4]), ("-03", [4]), ("cp2004", [4]), ("4-0345", [4]),
    ],
)  # fmt: skip
def test_a_part_of_a_cp_is_enough(scanned, part, positions):
    [match] = [match for match in trace(part).matches if match.title.startswith("CPs")]
    assert set(match.scans) == {scanned[position] for position in positions}
    assert match.scans == sorted(match.scans, key=lambda scan: scan.scanned_at, reverse=True)
    assert match.orders == sorted({scan.cp_base for scan in match.scans})
    assert not match.has_more


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    "part", ["CP9", "777", "9999", "ZZZ", "%", "__", "0%1", "\\\\", "' OR 1=1", "-0001-", "Ș"]
)
def test_what_is_in_no_cp_is_not_found(scanned, part):
    assert trace(part).matches == []


def test_of_a_part_that_is_too_common_the_newest_are_shown(record, monkeypatch):
    monkeypatch.setattr(parts, "MOST", 5)
    first = timezone.now() - timedelta(hours=1)
    scans = [
        record(f"CP10045821-{n:04}", scanned_at=(first + timedelta(seconds=n)).isoformat())
        for n in range(9)
    ]
    [match] = trace("0045").matches
    assert match.has_more
    assert match.scans == scans[:3:-1]


def test_what_takes_too_long_is_looked_for_among_the_newest_and_says_so(record, monkeypatch):
    monkeypatch.setattr(parts, "STEP", 2)
    monkeypatch.setattr(parts, "WALK_SECONDS", 0)
    scans = [record(f"CP10045821-{n:04}") for n in range(9)]
    monkeypatch.setattr(parts, "FIRST_STEPS", 2)
    missed = trace("01")
    assert missed.matches == []
    assert missed.searched_since == scans[5].received_at
    [match] = trace("08").matches
    assert match.scans == [scans[8]]
    assert match.searched_since == scans[5].received_at


def test_a_piece_in_too_many_orders_is_looked_for_in_the_newest_and_says_so(record, monkeypatch):
    monkeypatch.setattr(parts, "FIRST_STEPS", 0)
    monkeypatch.setattr(parts, "STEP_ORDERS", 2)
    scans = [record(f"CP1004582{n}-{n:04}") for n in range(5)]
    assert [match.scans for match in trace("0001").matches] == [[scans[1]]]
    monkeypatch.setattr(parts, "WALK_SECONDS", 0)
    assert trace("0001").matches == []
    assert trace("0001").searched_since == scans[3].received_at
    [match] = trace("0003").matches
    assert match.scans == [scans[3]]


def test_in_as_many_orders_is_looked_as_fill_a_page(record, monkeypatch):
    monkeypatch.setattr(parts, "FIRST_STEPS", 0)
    monkeypatch.setattr(parts, "MOST_ORDERS", 2)
    scans = [record(f"CP1004582{n}-{n:04}") for n in range(5)]
    for part in ("04582", "2-00", "P1004"):
        rollups.refresh()
        wanted = scans if part != "2-00" else scans[2:3]
        assert [match.scans for match in trace(part).matches] == [wanted[::-1]]
    monkeypatch.setattr(parts, "MOST", 3)
    [match] = trace("04582").matches
    assert match.has_more
    assert match.scans == scans[:1:-1]
    monkeypatch.setattr(parts, "WALK_SECONDS", 0)
    monkeypatch.setattr(parts, "MOST", 100)
    [match] = trace("04582").matches
    assert match.scans == scans[:2:-1]
    assert match.searched_since == scans[3].received_at


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    ("pattern", "cps", "parts_of_all"),
    [
        # As long as they please,
        (r"CP\d{8}-\d{2,5}", ["CP10045821-00071", "CP10045821-0007"], ["0007", "-0007", "07"]),
        # of several kinds,
        (r"(CP|CR)\d{8}-\d{4}", ["CR10045821-0007", "CP10045821-0007"], ["10045821-00", "0007"]),
        (r"C[PR]\d{8}-\d{4}", ["CR10045821-0007", "CP10045821-0007"], ["10045821-", "0007"]),
        # with letters in between,
        (r"CP\d\dA\d{5}-\d{4}", ["CP11A45821-0007", "CP10A45821-0007"], ["A45821-0", "45821-"]),
        # and without a dash.
        (r"CP\d{12}", ["CP200458210007", "CP100458210007"], ["210007", "0007", "1000", "04582"]),
    ],
)
def test_a_part_is_found_in_cps_of_any_pattern(record, pattern, cps, parts_of_all):
    settings = Settings.now()
    settings.cp_pattern, settings.cp_example = pattern, cps[1]
    settings.full_clean()
    settings.save()
    scans = [record(cp) for cp in cps]
    for part in parts_of_all:
        [match] = [match for match in trace(part).matches if match.title.startswith("CPs")]
        assert match.scans == scans[::-1], part


@pytest.mark.parametrize("counted", ["not at all", "all", "all but the newest"])
@pytest.mark.parametrize("seed", range(2))
def test_the_same_is_found_as_by_a_look_at_each_scan(record, person, monkeypatch, counted, seed):
    monkeypatch.setattr(parts, "MOST", 25)
    monkeypatch.setattr(parts, "MOST_ORDERS", 3)
    monkeypatch.setattr(parts, "STEP_ORDERS", 7)
    monkeypatch.setattr(parts, "STEP", 10)
    monkeypatch.setattr(parts, "WALK_SECONDS", 60)
    chosen = random.Random(seed)  # noqa: S311 - the same each time
    orders = [f"CP{chosen.randrange(10**8):08}" for _ in range((8, 60)[seed])]
    now = timezone.now()
    scans = []
    for number in range(140):
        if number == 120 and counted != "not at all":
            rollups.refresh()
        # Late deliveries too, of pieces that are scanned more than once.
        at = now - timedelta(hours=chosen.randrange(100), seconds=number)
        cp = f"{chosen.choice(orders)}-{chosen.randrange(30):04}"
        scans.append(record(cp, scanned_at=at.isoformat()))
        if chosen.random() < 0.1:
            correct_scan(scans[-1].uid, {"kind": "void", "reason": "x"}, person("quality"))
    if counted == "all":
        rollups.refresh()
    of_a_cp = STANDARD.examples["cp"], STANDARD.patterns["cp"]
    for _ in range(150):
        monkeypatch.setattr(parts, "FIRST_STEPS", chosen.choice([0, 1]))
        cp = chosen.choice(scans).cp
        start = chosen.randrange(len(cp) - 2)
        part = cp[start : chosen.randrange(start + 2, len(cp) + 1)]
        if chosen.random() < 0.2:
            part = f"{chosen.randrange(10_000):02}"
        have_it = sorted((scan for scan in scans if part in scan.cp), key=in_time, reverse=True)
        found = parts.scans_with(part, *of_a_cp)
        assert found.searched_since is None
        assert found.has_more == (len(have_it) > parts.MOST), part
        if found.has_more:
            assert set(found.ids) < {scan.pk for scan in have_it}, part
        else:
            assert found.ids == [scan.pk for scan in have_it], part


def in_time(scan: Scan) -> tuple[datetime, int]:
    return scan.scanned_at, scan.pk


@pytest.mark.parametrize("code", ["", "  ", "\x00"])
def test_nothing_is_asked_for_nothing(scanned, code):
    assert trace(code).is_empty
    assert not trace(code).problem


@pytest.mark.parametrize("code", ["x", "C" * 65, "C" * 5000])
def test_what_is_no_code_is_not_looked_for(scanned, code, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert trace(code).problem


# ----- The page


def test_the_page_shows_what_was_found_and_what_not(scanned, client_of):
    client = client_of("auditor")
    client.cookies["django_language"] = "en"

    def page(code: str) -> str:
        answer = client.get("/scans/trace/", {"code": code})
        assert answer.status_code == 200
        return answer.content.decode()

    assert "Scan or type any code" in page("")
    assert "Nothing was scanned with “ZZZ”." in page("ZZZ")
    assert "Write 2 to 64 characters of a code." in page("x")
    assert "001 Scratch" in page("CP10045821-0001")
    assert "Order CP10045821" in page("CP10045821")
    assert (
        "/scans/reports/rows/?since=2026-11-16&amp;until=2026-11-18&amp;cp_base=CP10045821"
        in page("CP10045821")
    )
    assert "<b>x" not in page("<b>x</b>")
