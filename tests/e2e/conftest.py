"""A real Chromium in front of a real gunicorn.

All of it lives as long as this package's tests and no longer: Playwright leaves an event loop
running in the thread, and Django refuses its ORM to other tests as long as there is one.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from quality.devdb.mariadb import PrivateMariaDB
from tests.e2e.chromium import ARGUMENTS, PLAIN_HTTP, Chromium, chromium_path
from tests.e2e.station import StationPage, sign_in
from tests.serving import Database, Site, running

# Notes down every tone that the page plays.
LISTEN = """
window.heard = [];
window.OscillatorNode = class extends OscillatorNode {
  constructor(audio, options) { super(audio, options); window.heard.push(options.frequency); }
};
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    site = Site(
        Database(PrivateMariaDB(mariadb_home), "quality_e2e"),
        tmp_path_factory.mktemp("site"),
        ALLOWED_HOSTS=f"127.0.0.1,{PLAIN_HTTP}",
    )
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="package")
def database(site) -> Database:
    return site.database


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def chromium(playwright, tmp_path) -> Iterator[Chromium]:
    """A browser that can be killed; each start finds what the one before has left."""
    chromium = Chromium(playwright, tmp_path / "profile")
    yield chromium
    chromium.kill()


@pytest.fixture(scope="package")
def signed_in(browser, site) -> Callable[[str], Any]:
    """The cookies of a person who has signed in; asked for once for each person."""
    states: dict[str, Any] = {}

    def state_of(user: str) -> Any:
        if user not in states:
            context = browser.new_context(base_url=site.url)
            page = context.new_page()
            page.goto("/accounts/login/")
            sign_in(page, user)
            page.wait_for_url(lambda url: "/accounts/" not in url)
            # Signing out ends a session for all who share it; but its cookies suffice here.
            states[user] = {"cookies": context.cookies(), "origins": []}
            context.close()
        return states[user]

    return state_of


@pytest.fixture(scope="package")
def binding(browser, site, signed_in) -> Callable[[str], Any]:
    """The cookie that binds a browser to a station, as an administrator gives it there."""
    cookies: dict[str, Any] = {}

    def cookie_of(code: str) -> Any:
        if code not in cookies:
            context = browser.new_context(base_url=site.url, storage_state=signed_in("admin"))
            page = context.new_page()
            page.goto("/scans/bind/")
            page.select_option("#station", code)
            page.click("main button")
            expect(page.locator(".lead")).to_contain_text(code)
            cookies[code] = next(one for one in context.cookies() if one["name"] == "station")
            context.close()
        return cookies[code]

    return cookie_of


class Complaints(list[str]):
    """What the browser's console complained about; `expected` lists beginnings that are meant."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []

    def unexpected(self) -> list[str]:
        return [text for text in self if not text.startswith(tuple(self.expected))]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def open_context(browser, site, signed_in, complaints) -> Iterator[Callable[..., BrowserContext]]:
    """`open_context("operator")` is a browser in which that person is signed in; "" is nobody.

    Whatever a page complains about on its console fails the test: errors, warnings, and with them
    every violation of the content security policy.
    """
    contexts = []

    def open_for(user: str = "operator", *, language: str = "en", **options: Any) -> BrowserContext:
        options = {
            "base_url": site.url,
            "locale": "en-GB",
            "timezone_id": "Europe/Bucharest",
            "viewport": {"width": 1280, "height": 800},
            "storage_state": signed_in(user) if user else None,
            # Else a test's faults would not meet what is on its way to a worker that begins.
            "service_workers": "block",
        } | options
        context = browser.new_context(**options)
        context.set_default_timeout(60_000)
        if language:
            context.add_cookies([{"name": "django_language", "value": language, "url": site.url}])
        context.add_init_script(LISTEN)

        def note(message: Any) -> None:
            is_blocked = message.text.startswith("Service Worker registration blocked")
            if message.type in ("error", "warning") and not is_blocked:
                complaints.append(message.text)

        context.on("console", note)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield open_for
    for context in contexts:
        context.close()
    assert complaints.unexpected() == []


@pytest.fixture
def open_station(open_context, binding) -> Callable[..., StationPage]:
    """`open_station("FG-01")` is that station's page, with a browser of its own.

    A script runs before those of the page, to take from the browser what others lack. With a clock
    `page.clock` moves time on.
    """

    def open_at(
        code: str = "FG-01", *, script: str = "", has_clock: bool = False, **options: Any
    ) -> StationPage:
        context = open_context(**options)
        if code:
            context.add_cookies([binding(code)])
        page = context.new_page()
        if has_clock:
            page.clock.install()
        if script:
            page.add_init_script(script)
        page.goto("/scans/station/")
        station = StationPage(page)
        station.await_connected()
        return station

    return open_at


@pytest.fixture
def station(open_station) -> StationPage:
    return open_station()


@pytest.fixture
def profile(database) -> Iterator[Callable[..., None]]:
    """`profile(repeat_policy="warn")` changes how the stations' pages behave, for one test."""
    [names] = database.run("SELECT * FROM scans_profile ORDER BY id LIMIT 1")
    columns = [name for (name, *_) in database.run("SHOW COLUMNS FROM scans_profile")]
    before = dict(zip(columns, names, strict=True))

    def change(**values: Any) -> None:
        assignments = ", ".join(f"{name} = %s" for name in values)
        database.run(f"UPDATE scans_profile SET {assignments}", *values.values())
        # As the admin does in the same transaction.
        database.run("UPDATE scans_revision SET number = number + 1")

    yield change
    change(**{name: value for name, value in before.items() if name != "id"})


_orders = itertools.count(90000001)


@pytest.fixture
def order() -> str:
    """The base of an order that no other test scans."""
    return f"CP{next(_orders)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show gunicorn's log below the failure of a test."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and site is not None:
        report.sections.append(("gunicorn", site.messages()))
    return report
