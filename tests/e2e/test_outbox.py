"""No scan is lost between the page and the server, and none is stored twice."""

import json

from playwright.sync_api import expect

from tests.e2e.station import StationPage, sign_in

FAILED = "Failed to load resource"
# As the page does, which sends them after a reload.
KEEP_MORE = """async ({ id, cp }) => {
  const { Outbox } = await import("/static/scans/outbox.js");
  const { Store } = await import("/static/scans/store.js");
  const away = async () => ({ status: 0, body: null });
  const outbox = new Outbox({ store: new Store(), send: away, on: {} });
  await outbox.keepVoid(id, { reason: "undone", station: "FG-01" });
  await outbox.keepIncident("double_read", { cp }, { station: "FG-01" });
}"""
HTML_500 = {"status": 500, "content_type": "text/html", "body": "<h1>500</h1>"}


def test_a_scan_is_confirmed_only_when_the_server_has_it(station, complaints, database, order):
    complaints.expected = [FAILED]
    station.drop_posts()
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "kept here, waits for the server")
    station.await_pending(1)
    expect(station.recent.first).to_have_class("is-here")
    expect(station.page.locator("#connection")).to_contain_text("The server is away")
    assert database.scans(order) == []
    station.heal(tell=False)
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


def test_a_reload_keeps_what_is_pending(station, complaints, database, order):
    complaints.expected = [FAILED]
    station.drop_posts()
    for number in range(1, 4):
        station.scan_piece(f"{order}-{number:04d}")
    station.await_pending(3)
    station.page.reload()
    station.await_pending(3)
    expect(station.recent.first).to_contain_text(f"{order}-0003")
    station.heal()
    station.await_pending(0)
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0001", "0002", "0003"]


def test_whatever_else_the_server_answers_the_scan_is_kept(station, complaints, database, order):
    complaints.expected = [FAILED]
    answers = [
        {"status": 503, "headers": {"Retry-After": "1"}, "json": {"error": "exhausted"}},
        HTML_500,
        {"status": 502, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"},
        {"status": 403, "json": {"error": "CSRF"}},
        {"status": 429, "json": {}},
        {"status": 404, "content_type": "text/html", "body": "<h1>deploying</h1>"},
        # A hotspot that wants a sign-in answers 200 to everything.
        {"status": 200, "content_type": "text/html", "body": "<h1>Welcome to our Wi-Fi</h1>"},
        {"status": 201, "content_type": "application/json", "body": "not JSON"},
        {"status": 302, "headers": {"Location": "/accounts/login/"}},
    ]
    for number, answer in enumerate(answers, 1):
        station.answer_posts(**answer)
        station.scan_piece(f"{order}-{number:04d}")
        station.await_banner("kept", "kept here, waits for the server")
        station.await_pending(1)
        expect(station.page.locator("#connection")).to_have_attribute("data-sort", "warn")
        assert len(database.scans(order)) == number - 1, answer
        station.heal()
        station.await_confirmed(f"{order}-{number:04d}")
    assert len(database.scans(order)) == len(answers)


def test_an_answer_that_is_lost_after_the_commit_makes_no_second_row(
    station, complaints, database, order
):
    complaints.expected = [FAILED]
    station.lose_answers()
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "waits for the server")
    assert len(database.scans(order)) == 1
    station.heal()
    station.await_confirmed(f"{order}-0001")
    assert len(database.scans(order)) == 1


def test_one_scan_that_the_server_stumbles_over_does_not_hold_up_the_others(
    station, complaints, database, order
):
    complaints.expected = [FAILED]

    def stumble(route):
        if route.request.post_data_json["cp"].endswith("0001"):
            route.fulfill(**HTML_500)
        else:
            route.continue_()

    station.page.route("**/scans/", stumble)
    station.scan_piece(f"{order}-0001")
    station.await_pending(1)
    station.scan_piece(f"{order}-0002")
    station.scan_piece(f"{order}-0003")
    # Until then the count may be the one from before.
    station.await_banner("good", f"{order}-0003")
    station.await_pending(1)
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0002", "0003"]


def test_an_expired_login_never_blocks_and_a_sign_in_elsewhere_drains(
    station, complaints, database, order
):
    complaints.expected = [FAILED]
    context = station.page.context
    context.clear_cookies(name="sessionid")
    station.scan_piece(f"{order}-0001")
    link = station.page.locator("#sign-in-again")
    expect(link).to_be_visible()
    expect(station.page.locator("#connection")).to_contain_text("Sign in again")
    station.scan_piece(f"{order}-0002", "001")
    station.await_pending(2)
    with context.expect_page() as opened:
        link.click()
    other = opened.value
    other.wait_for_load_state()
    # Another person, in another tab: the scans keep their own station and operator.
    sign_in(other, "operator")
    StationPage(other).await_connected()
    station.await_pending(0)
    expect(link).to_be_hidden()
    rows = database.scans(order)
    assert sorted((row["cp"][-4:], row["operator"], row["station_id"]) for row in rows) == [
        ("0001", "OP0001", "FG-01"),
        ("0002", "OP0001", "FG-01"),
    ]


def test_what_the_server_refuses_needs_attention_until_somebody_handles_it(
    station, complaints, database, order
):
    complaints.expected = [FAILED]
    # Withdrawn while the page was open, which would hear of it with the next heartbeat.
    station.keep_from_news()
    database.run("UPDATE scans_defect SET active = 0 WHERE code = '014'")
    try:
        station.heard()
        station.scan_piece(f"{order}-0001", "014")
        station.await_banner("problem", "No defect has the code 014")
        expect(station.attention).to_contain_text(f"{order}-0001")
        expect(station.attention).to_contain_text("Defect: No defect has the code 014.")
        expect(station.page.locator("#attention-count")).to_have_text("1 needs attention")
        station.await_pending(0)
        # The next scan is not held up, and a reload forgets nothing.
        station.scan_piece(f"{order}-0002")
        station.await_pending(0)
        station.page.reload()
        expect(station.attention).to_have_count(1)
    finally:
        database.run("UPDATE scans_defect SET active = 1 WHERE code = '014'")
    station.attention.get_by_role("button", name="Send again").click()
    expect(station.attention).to_have_count(0)
    station.await_pending(0)
    assert [row["cp"][-4:] for row in database.scans(order)] == ["0002", "0001"]


def test_a_conflict_needs_attention_and_goes_only_when_asked_twice(
    station, complaints, database, order
):
    complaints.expected = [FAILED]
    station.lose_answers(defect="001")
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "waits for the server")
    station.heal()
    expect(station.attention).to_contain_text("Another scan was stored under this id")
    assert [row["defect_id"] for row in database.scans(order)] == ["001"]
    station.attention.get_by_role("button", name="Handled").click()
    station.attention.get_by_role("button", name="Keep it").click()
    expect(station.attention).to_have_count(1)
    station.attention.get_by_role("button", name="Handled").click()
    station.attention.get_by_role("button", name="Remove", exact=True).click()
    expect(station.attention).to_have_count(0)
    station.page.reload()
    station.await_connected()
    expect(station.attention).to_have_count(0)


def test_a_scan_says_when_and_where_it_was_made(station, order):
    with station.page.expect_request("**/scans/") as sent:
        station.scan_piece(f"{order}-0001")
    record = json.loads(sent.value.post_data)
    assert record["station"] == "FG-01"
    assert record["scanned_at"][-6:] in ("+02:00", "+03:00")
    assert record["scanned_at"][19] == "."


def test_a_queue_that_drains_asks_for_the_counts_once(station, complaints, order):
    complaints.expected = [FAILED]
    station.drop_posts()
    for number in range(1, 6):
        station.scan_piece(f"{order}-{number:04d}")
    station.await_pending(5)
    asked = []
    station.page.on("request", lambda r: asked.append(r.url) if "/recent/" in r.url else None)
    with station.page.expect_response("**/recent/**"):
        station.heal(tell=False)
    expect(station.page.locator("#recent .is-here")).to_have_count(0)
    assert len(asked) == 1


def test_a_void_and_an_incident_are_kept_and_sent_in_order(station, complaints, database, order):
    complaints.expected = [FAILED]
    page = station.page
    station.drop_posts()
    with page.expect_request("**/scans/") as sent:
        station.scan_piece(f"{order}-0001")
    station.await_pending(1)
    scan = sent.value.post_data_json
    page.evaluate(KEEP_MORE, scan)
    page.reload()
    station.await_pending(3)
    station.heal()
    station.await_pending(0)
    expect(station.attention).to_have_count(0)
    events = database.run(
        "SELECT e.kind, e.reason FROM scans_event e JOIN scans_scan s ON s.id = e.scan_id "
        "WHERE s.cp_base = %s",
        order,
    )
    assert events == [("void", "undone")]
    incidents = database.run("SELECT kind, codes, device FROM scans_incident ORDER BY id DESC")
    kind, codes, device = incidents[0]
    assert (kind, json.loads(codes)) == ("double_read", {"cp": scan["cp"]})
    ((device_of_scan,),) = database.run("SELECT device FROM scans_scan WHERE cp = %s", scan["cp"])
    assert device == device_of_scan
