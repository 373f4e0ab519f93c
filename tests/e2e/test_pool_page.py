"""The page of the pools, as an administrator sees it while all is well and while nothing is."""

import http.client
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import MySQLdb
import pytest
from playwright.sync_api import Browser, Page, expect

from quality.devdb.mariadb import PrivateMariaDB
from tests.e2e.station import sign_in
from tests.serving import Database, Site, running

SCREENSHOTS = Path(__file__).parent / "screenshots"
ADDRESS = "/admin/monitor/pool/"
POOL_SIZE = 4
# So many requests at once keep all threads of both workers, and so all connections.
MANY = 40
# The page has a second for its answer; a busy machine is given more.
IN_TIME_SECONDS = 2.0
# A sample each second, a look of the page each three: what is new is shown within this.
SHOWN_MS = 15_000


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    """A server of this module's own, to be stopped."""
    with running(PrivateMariaDB(tmp_path_factory.mktemp("db"))) as server:
        yield server


@pytest.fixture(scope="module")
def pool_site(server, tmp_path_factory) -> Iterator[Site]:
    """Two workers with fewer connections than threads."""
    home = tmp_path_factory.mktemp("site")
    site = Site(
        Database(server, "quality_pool_page"),
        home,
        DB_POOL_SIZE=str(POOL_SIZE),
        WEB_THREADS="8",
        DB_POOL_TIMEOUT="30",
        # Whoever holds a connection here keeps it until it is told to let go.
        DB_READ_TIMEOUT="60",
        DB_STATEMENT_TIMEOUT="60",
        DB_LEDGER=str(home / "ledger"),
        MONITOR_INTERVAL="1",
        ALERT_TIME_FACTOR="0.1",
        MONITOR_HOST="hall-1",
    )
    site.prepare()
    _remember_a_day(site.database)
    with running(site):
        yield site


def _remember_a_day(database: Database) -> None:
    """What two hosts would have written down, one of them with an hour in which it was off."""
    now = time.time()
    for host, phase in (("hall-1", 0.0), ("hall-2", 2.0)):
        for number in range(144, 0 if host == "hall-1" else -1, -1):
            began = math.floor((now - number * 600) / 600) * 600
            if host == "hall-2" and 60 < number < 68:
                continue
            at = [one for one in range(began, began + 600, 60) if one < now]
            load = [3 + 2.5 * math.sin(one / 9000 + phase) + math.sin(one / 400) for one in at]
            columns = {
                "interval": 60,
                "at": at,
                "limit": [2 * POOL_SIZE] * len(at),
                "in_use": [max(0, round(one)) for one in load],
                "waiting": [max(0, round(one - 6)) for one in load],
            }
            database.run(
                "INSERT INTO monitor_pool (host, began_at, samples) "
                "VALUES (%s, FROM_UNIXTIME(%s), %s)",
                *(host, began, json.dumps(columns)),
            )


@pytest.fixture(scope="module")
def cookies(browser: Browser, pool_site: Site) -> Callable[[str], list[Any]]:
    """The cookies of a person who has signed in; asked for once for each person."""
    known: dict[str, list[Any]] = {}

    def of(user: str) -> list[Any]:
        if user not in known:
            context = browser.new_context(base_url=pool_site.url)
            page = context.new_page()
            page.goto("/accounts/login/")
            sign_in(page, user)
            page.wait_for_url(lambda url: "/accounts/" not in url)
            known[user] = [one for one in context.cookies() if one["name"] == "sessionid"]
            context.close()
        return known[user]

    return of


@pytest.fixture
def open_pool(open_context, cookies, pool_site) -> Callable[..., Page]:
    """`open_pool()` is an administrator's page, with its numbers."""

    def open_page(**options: Any) -> Page:
        context = open_context("", base_url=pool_site.url, **options)
        context.add_cookies(cookies("admin"))
        page = context.new_page()
        page.goto(ADDRESS)
        expect(page.locator("#pool:not([aria-busy])")).to_be_attached()
        return page

    return open_page


class Holders:
    """Requests that keep their connections until `release()`."""

    def __init__(self, site: Site, session: str) -> None:
        self.site = site
        self.session = session
        self.threads: list[threading.Thread] = []
        self.lock = connect(site)
        self.lock.cursor().execute("LOCK TABLES scans_scan WRITE")

    def add(self) -> None:
        thread = threading.Thread(target=self._hold)
        thread.start()
        self.threads.append(thread)

    def _hold(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=90)
        connection.request("GET", "/scans/reports/", headers={"Cookie": self.session})
        connection.getresponse().read()
        connection.close()

    def release(self) -> None:
        if self.lock.open:
            self.lock.close()
        for thread in self.threads:
            thread.join(60)


def connect(site: Site) -> Any:
    parts = urlsplit(site.database.url)
    return MySQLdb.connect(
        user=parts.username,
        password=unquote(parts.password or ""),
        unix_socket=parts.query.partition("=")[2],
        database=site.database.name,
        autocommit=True,
    )


@pytest.fixture
def holders(pool_site, cookies) -> Iterator[Holders]:
    (session,) = cookies("quality")
    # Before the lock, which the administrator's first page would wait for.
    cookies("admin")
    holders = Holders(pool_site, f"sessionid={session['value']}")
    yield holders
    holders.release()


def numbers(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.request.get("/monitor/pool").json()
    return found


def busiest(page: Page) -> int:
    return max(one["in_use"] + one["waiting"] for one in numbers(page)["workers"])


def fill(page: Page, holders: Holders, *, until: Callable[[], bool]) -> None:
    """Add one holder after the other."""

    def wanted() -> int:
        return sum(one["in_use"] + one["waiting"] for one in numbers(page)["workers"])

    while not until():
        assert len(holders.threads) < 40
        before = wanted()
        holders.add()
        # It may also have come to a worker whose threads are all busy.
        deadline = time.monotonic() + 2
        while wanted() <= before and time.monotonic() < deadline:
            time.sleep(0.02)


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#banner")).to_have_attribute("data-status", state, timeout=SHOWN_MS)


def picture(open_pool: Callable[..., Page], name: str) -> None:
    """UPDATE_SCREENSHOTS=1 puts it where the documentation shows it, in both themes."""
    for scheme in ("light", "dark"):
        page = open_pool(color_scheme=scheme)
        page.evaluate("document.fonts.ready")
        expect(page.locator("#day canvas")).to_be_attached()
        taken = page.screenshot(full_page=name == "healthy")
        assert len(taken) < 250_000
        if os.environ.get("UPDATE_SCREENSHOTS"):
            (SCREENSHOTS / f"pool-{name}-{scheme}.png").write_bytes(taken)


def test_all_is_well_at_first_glance(open_pool):
    page = open_pool()
    expect_state(page, "healthy")
    expect(page.locator("#word")).to_have_text("Healthy")
    expect(page.get_by_role("status")).to_have_text("Healthy")
    expect(page.locator("#workers tbody")).to_have_count(2)
    expect(page.locator("#host")).to_have_text("Host hall-1")
    expect(page.locator("#of-limit")).to_have_text(f"of {2 * POOL_SIZE}")
    expect(page.locator("#server")).to_contain_text("the monitor's own", timeout=SHOWN_MS)
    expect(page.locator("#budget")).to_contain_text(f"= {2 * POOL_SIZE}")
    expect(page.locator("#fleet-note")).to_contain_text("a minute ago at most")
    picture(open_pool, "healthy")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180), (1180, 820), (640, 900)])
@pytest.mark.parametrize("language", ["ro", "en"])
def test_nothing_is_cut_off(open_pool, width, height, language):
    page = open_pool(viewport={"width": width, "height": height}, language=language)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width > 800:
        assert page.evaluate("document.querySelector('.wide').scrollWidth") <= page.evaluate(
            "document.querySelector('.wide').clientWidth"
        )


def test_the_page_speaks_romanian(open_pool):
    page = open_pool(language="ro")
    expect_state(page, "healthy")
    expect(page.locator("#word")).to_have_text("În regulă")
    expect(page.locator("#t-workers")).to_have_text("Procesele acestui server")


def test_it_warns_before_it_hurts_and_says_who_waits(open_pool, holders):
    page = open_pool()
    fill(page, holders, until=lambda: busiest(page) == POOL_SIZE - 1)
    expect_state(page, "warning")
    expect(page.locator("#reason")).to_contain_text(f"uses 3 of its {POOL_SIZE} connections")
    expect(page.locator("#workers")).to_contain_text("scans:reports")
    picture(open_pool, "warning")

    for _ in range(MANY):
        holders.add()
    expect_state(page, "critical")
    expect(page.locator("#reason")).to_contain_text("wait for a connection")
    for address in (ADDRESS, "/monitor/pool", "/monitor/alerts"):
        began = time.monotonic()
        assert page.request.get(address).status == 200
        assert time.monotonic() - began < IN_TIME_SECONDS
    expect(page.locator("#alerts")).to_contain_text("PoolExhausted", timeout=SHOWN_MS)
    picture(open_pool, "exhausted")
    remedy = page.get_by_role("link", name="What to do").first
    expect(remedy).to_have_attribute("href", "/monitor/runbook#poolexhausted")
    # Somebody who was not here in the last half hour gets in as well: the check waits in no queue.
    began = time.monotonic()
    late = open_pool()
    assert time.monotonic() - began < 3 * IN_TIME_SECONDS
    expect_state(late, "critical")
    holders.release()
    expect_state(page, "healthy")


def test_without_a_database_it_goes_on_and_says_so(open_pool, server, complaints):
    complaints.expected = ["Failed to load resource"]
    page = open_pool()
    expect_state(page, "healthy")
    cookies = page.context.cookies()
    server.stop()
    try:
        expect_state(page, "away")
        expect(page.locator("#word")).to_have_text("Database down")
        expect(page.locator("#alerts")).to_contain_text("DatabaseDown", timeout=SHOWN_MS)
        began = time.monotonic()
        page.reload()
        expect_state(page, "away")
        assert time.monotonic() - began < 3 * IN_TIME_SECONDS
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.reload()
            expect_state(page, "away")
            expect(page.locator("#recent-use canvas")).to_be_attached()
            expect(page.locator("#alerts")).to_contain_text("DatabaseDown")
            if os.environ.get("UPDATE_SCREENSHOTS"):
                page.screenshot(path=SCREENSHOTS / f"pool-down-{scheme}.png")
        page.context.clear_cookies(name="watcher")
        began = time.monotonic()
        response = page.request.get(ADDRESS)
        assert response.status == 503
        assert "The database cannot be reached" in response.text()
        assert time.monotonic() - began < IN_TIME_SECONDS
        page.context.add_cookies(cookies)
    finally:
        server.start()
    expect_state(page, "healthy")


def test_it_says_loudly_that_its_numbers_are_old(open_pool, complaints):
    complaints.expected = ["Failed to load resource"]
    page = open_pool()
    expect_state(page, "healthy")
    page.route("**/monitor/pool", lambda route: route.abort())
    page.clock.install()
    page.clock.fast_forward("01:00")
    expect_state(page, "unknown")
    expect(page.locator("#word")).to_have_text("No fresh numbers")
    expect(page.locator("#reason")).to_contain_text("The site cannot be reached.")
    page.unroute("**/monitor/pool")
    expect_state(page, "healthy")


def test_who_is_signed_out_is_told_where_to_sign_in(open_pool, complaints):
    complaints.expected = ["Failed to load resource"]
    page = open_pool()
    page.context.clear_cookies()
    link = page.get_by_role("link", name="Sign in again")
    expect(link).to_have_attribute("href", f"/accounts/login/?next={ADDRESS.replace('/', '%2F')}")


def test_a_pool_is_drained_after_a_confirmation_and_it_is_written_down(open_pool, pool_site):
    before_bytes = pool_site.log_bytes
    ((last,),) = pool_site.database.run("SELECT IFNULL(MAX(id), 0) FROM django_admin_log")
    page = open_pool()
    orders = page.locator("#orders li")
    before = orders.count()
    worker = page.locator("#workers tbody").first
    worker.get_by_role("button", name="Drain").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Drain the pool of worker")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(orders).to_have_count(before)
    worker.get_by_role("button", name="Drain").click()
    dialog.get_by_role("button", name="Drain the pool").click()
    expect(orders).to_have_count(before + 1)
    # The newest is the first.
    expect(orders.first).to_have_class("is-done", timeout=SHOWN_MS)
    expect(orders.first).to_contain_text("by admin")
    ((what, message),) = pool_site.database.run(
        "SELECT object_repr, change_message FROM django_admin_log WHERE id > %s", last
    )
    assert what.startswith("worker ")
    assert message == "drain, default"
    said = pool_site.messages(after_bytes=before_bytes)
    assert f"{what}, drain, default: by admin" in said


def test_a_statement_is_killed_and_its_connection_lives(open_pool, pool_site):
    before_bytes = pool_site.log_bytes
    page = open_pool()
    connection = connect(pool_site)
    number = connection.thread_id()
    failures: list[Exception] = []

    def sleep() -> None:
        try:
            connection.cursor().execute("SELECT SLEEP(60) + 12345")
        except MySQLdb.Error as error:
            failures.append(error)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        # One that was killed before may still be shown.
        row = page.locator(f"#statements li:has([data-id='{number}'])", has_text="SLEEP")
        expect(row).to_be_visible(timeout=SHOWN_MS)
        expect(row).not_to_contain_text("12345")
        row.get_by_role("button", name="Kill").click()
        page.get_by_role("dialog").get_by_role("button", name="Kill the statement").click()
        thread.join(20)
        assert not thread.is_alive()
        connection.ping()
    finally:
        # Also when nobody else has ended it.
        with suppress(MySQLdb.Error):
            pool_site.database.run("KILL %s", number)
        thread.join()
        connection.close()
    said = pool_site.messages(after_bytes=before_bytes)
    assert f"connection {number}, kill statement" in said


def test_what_to_do_about_an_alert_is_read_without_a_database(open_pool, server, complaints):
    complaints.expected = ["Failed to load resource"]
    page = open_pool()
    server.stop()
    try:
        expect_state(page, "away")
        page.get_by_role("link", name="What to do").click()
        page.wait_for_url("**/monitor/runbook#databasedown")
        heading = page.get_by_role("heading", name="DatabaseDown")
        expect(heading).to_be_in_viewport()
        assert heading.evaluate("one => one.matches(':target')")
    finally:
        server.start()


def test_others_may_not_look(open_context, cookies, pool_site, complaints):
    complaints.expected = ["Failed to load resource"]
    context = open_context("", base_url=pool_site.url)
    assert "/accounts/login/" in context.new_page().goto(ADDRESS).url
    context.add_cookies(cookies("quality"))
    assert context.new_page().goto(ADDRESS).status == 403
    assert context.request.get("/monitor/pool").status == 403
