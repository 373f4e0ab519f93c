"""What people and scanners write is shown as it was written, and never becomes a part of a page."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.addresses import table
from tests.records import unlocked
from tests.serving import PASSWORD

# Closes what it may stand in – an attribute, a script, Alpine's expression – and leaves a mark.
HOSTILE = "\"'></script></title><b data-hostile onclick=hostile()>x</b>{{hostile()}}'+hostile()+'"
# Whatever it becomes is seen here, also what the policy would have kept from running.
WATCH = """
window.ran = 0;
window.hostile = () => { window.ran += 1; return ""; };
"""
FOUND = "() => [document.querySelectorAll('[data-hostile]').length, window.ran]"

# By table, the columns that hold a text of somebody's. The first row of each is what pages show.
TEXTS = {
    "scans_station": ("name",),
    "scans_operator": ("name",),
    "scans_defect": ("name_en", "name_ro"),
    "scans_profile": ("name",),
    "accounts_user": ("username", "first_name", "last_name", "email"),
    "auth_group": ("name",),
}
RECORDS = (
    "INSERT INTO scans_scan (id, uid, operator, cp, cp_base, oc1, oc2, defect_id, note, raw,"
    " scanned_at, scanned_offset_minutes, received_at, recorded_by_id) SELECT 1000000,"
    " REPEAT('e', 32), 'OP0001', 'CP80000002-0001', 'CP80000002', '<b>', '<b>', '000', %(text)s,"
    " JSON_OBJECT('cp', %(text)s), '2020-05-05 08:00', 120, '2020-05-05 08:00', 1",
    "INSERT INTO scans_event (id, scan_id, kind, reason, happened_at, happened_offset_minutes,"
    " received_at, recorded_by_id) SELECT 1000000, 1000000, 'void', %(text)s, '2020-05-05 08:00',"
    " 120, '2020-05-05 08:00', 1",
    "INSERT INTO scans_incident (id, uid, kind, happened_at, codes, received_at, recorded_by_id)"
    " SELECT 1000000, REPEAT('e', 32), 'abandoned', '2020-05-05 08:00',"
    " JSON_OBJECT('cp', %(text)s), '2020-05-05 08:00', 1",
    "INSERT INTO django_admin_log (id, action_time, object_id, object_repr, action_flag,"
    " change_message, content_type_id, user_id) SELECT 1000000, '2020-05-05 08:00', '1', %(text)s,"
    " 2, %(text)s, id, 1 FROM django_content_type WHERE model = 'station'",
)


@pytest.fixture
def hostile(database, signed_in) -> Iterator[str]:
    """Every text of master data, people and records, whichever way it came into the database."""
    for user in ("operator", "quality", "admin"):
        signed_in(user)
    undo: list[tuple[str, tuple[Any, ...]]] = []
    for name, columns in TEXTS.items():
        [(key, *texts)] = database.run(
            f"SELECT id, {', '.join(columns)} FROM {name} ORDER BY id LIMIT 1"
        )
        change = f"UPDATE {name} SET {', '.join(f'{one} = %s' for one in columns)} WHERE id = %s"
        database.run(change, *[HOSTILE] * len(columns), key)
        undo.append((change, (*texts, key)))
    for record in RECORDS:
        database.run(record.replace("%(text)s", "%s"), *[HOSTILE] * record.count("%(text)s"))
    yield HOSTILE
    with unlocked(database.run):
        for record in reversed(RECORDS):
            database.run(f"DELETE FROM {record.split()[2]} WHERE id = 1000000")
    for change, values in undo:
        database.run(change, *values)


def unharmed(page: Page) -> bool:
    return bool(page.evaluate(FOUND) == [0, 0])


def test_the_watch_over_pages_sees_what_became_a_part_of_one(open_context):
    page = open_context("", bypass_csp=True).new_page()
    page.add_init_script(WATCH)
    page.goto("/accounts/login/")
    assert unharmed(page)
    page.evaluate("text => { document.body.innerHTML += text; }", HOSTILE)
    assert not unharmed(page)


@pytest.mark.parametrize("bypass_csp", [False, True], ids=["policy", "no policy"])
def test_a_station_shows_what_people_wrote(
    open_station, open_context, complaints, hostile, database, order, bypass_csp
):
    """With the policy nothing complains of it; without it nothing runs."""
    complaints.expected = ["Failed to load resource"]
    station = open_station("FG-01", script=WATCH, bypass_csp=bypass_csp)
    page = station.page
    expect(page.locator(".sign-out")).to_contain_text(hostile)
    station.scan("OP0001")
    expect(page.locator("[data-field=operator]")).to_contain_text(hostile)
    station.scan(f"{order}-0001", "OC01", "OC11")
    expect(page.locator("#tiles")).to_contain_text(hostile)
    station.scan("000")
    station.await_confirmed(f"{order}-0001")
    station.scan(f"{order}-0002", "OC01", "OC11", "099")
    page.fill("#note", hostile)
    page.keyboard.press("Enter")
    station.await_confirmed(f"{order}-0002", "099")
    assert database.scans(order)[1]["note"] == hostile
    # A code that is none, and an answer that nobody of ours has written.
    station.scan_quickly(hostile)
    station.answer_posts(status=422, json={"errors": {hostile: [hostile], "cp": [hostile]}})
    station.scan_piece(f"{order}-0003")
    expect(station.attention).to_contain_text(hostile)
    assert unharmed(page)
    for address in ("/scans/sheet/", "/scans/scanner/"):
        page.goto(address)
        assert unharmed(page)
    other = open_context("quality", bypass_csp=bypass_csp).new_page()
    other.add_init_script(WATCH)
    for query in ("", "?date=2020-05-05&shift=morning"):
        other.goto(f"/scans/reports/rows/{query}")
        expect(other.locator(".rows")).to_contain_text(hostile)
        assert unharmed(other)
    typed = quote('"><b data-hostile>')
    for page_of in ("", "operators/", "reinspections/", "data/", "rows/"):
        other.goto(f"/scans/reports/{page_of}?operator={typed}&station={typed}&cp_base={order}")
        assert unharmed(other)
    other.goto("/scans/board/")
    expect(other.locator("#board:not([aria-busy])")).to_be_attached()
    assert unharmed(other)


ADMIN_PAGES = [
    address.replace("<path:object_id>", "1").replace("<id>", "1").replace("<app_label>", "scans")
    for address, cells in table().items()
    if cells[-1].startswith("200")
    and address.startswith(("/admin/", "/accounts/", "/scans/bind/", "/monitor/runbook"))
    and not address.endswith(("/jsi18n/", "/orders/", "/search/", "/autocomplete/", ".json"))
]


@pytest.fixture(scope="module")
def superuser(site) -> str:
    # Another module with this fixture may have made it.
    code = (
        "from accounts.models import User\n"
        "User.objects.filter(username='root').exists() or "
        f"User.objects.create_superuser('root', password={PASSWORD!r})"
    )
    done = site.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return "root"


def test_the_admin_shows_what_people_wrote(open_context, superuser, hostile, complaints):
    """Every page of the table that a superuser opens, and what the policy says of it."""
    page = open_context(superuser).new_page()
    page.add_init_script(WATCH)
    harmed, seen = [], set()
    for address in ADMIN_PAGES:
        page.goto(address)
        expect(page.locator("html[x-cloak]")).to_have_count(0)
        if not unharmed(page) or complaints:
            harmed.append((address, list(complaints)))
            complaints.clear()
        if hostile in page.inner_text("body") or hostile in page.content():
            seen.add(address.removeprefix("/admin").split("/")[2])
    assert harmed == []
    assert {"user", "group", "station", "operator", "defect", "profile", "scan", "event"} <= seen
    assert {"people", "present"} <= seen


@pytest.mark.parametrize("bypass_csp", [False, True], ids=["policy", "no policy"])
def test_the_pool_page_shows_whoever_holds_a_connection(open_context, bypass_csp):
    """A holder is named by its request: whoever makes requests chooses a part of that."""
    page = open_context("admin", bypass_csp=bypass_csp).new_page()
    page.add_init_script(WATCH)

    def poison(route: Route) -> None:
        answer = route.fetch()
        body = answer.json() | {"host": HOSTILE}
        for worker in body["workers"]:
            worker["holders"] = [{"name": HOSTILE, "held_seconds": 9.5}]
        body["alerts"] = [
            {"name": HOSTILE, "severity": "warning", "summary": HOSTILE, "since": 0, "runbook": "#"}
        ]
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/monitor/pool", poison)
    page.goto("/admin/monitor/pool/")
    expect(page.locator("#workers")).to_contain_text(HOSTILE)
    expect(page.locator("#alerts")).to_contain_text(HOSTILE)
    assert unharmed(page)
