"""The station page as a person at it sees and uses it."""

import re
import time
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.serving import PASSWORD


def sign_in(page: Page, user: str, password: str = PASSWORD) -> None:
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.press("#id_password", "Enter")


# The page that this browser has kept for when the server is away: its version and its files.
KEPT = """async () => {
  const names = (await caches.keys()).filter((name) => name.startsWith("station-"));
  for (const name of names.sort().reverse()) {
    const cache = await caches.open(name);
    const page = await cache.match("/scans/station/");
    if (!page) continue;
    const version = (await page.text()).match(/data-version="(\\w+)"/)[1];
    const files = (await cache.keys()).map(({ url }) => new URL(url).pathname);
    return { version, files };
  }
  return null;
}"""
KEPT_SECONDS = 60
TYPE = """codes => {
  for (const key of codes.flatMap((code) => [...code, "Enter"])) {
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
}"""


class StationPage:
    def __init__(self, page: Page) -> None:
        self.page = page

    # -- what the scanner does

    def scan(self, *codes: str, end: str = "Enter", delay_ms: float = 0) -> None:
        for code in codes:
            self.page.keyboard.type(code, delay=delay_ms)
            self.page.keyboard.press(end)

    def scan_piece(self, cp: str, defect: str = "000") -> None:
        self.scan("OP0001", cp, "OC01", "OC11", defect)

    def scan_quickly(self, *codes: str) -> None:
        """As a scanner that needs no time; for tests that count scans, not key strokes."""
        self.page.evaluate(TYPE, codes)

    def pass_seconds(self, seconds: float) -> None:
        """So much later by the browser's clock; what waits for time to pass goes on waiting."""
        self.page.evaluate(
            "ms => { const now = Date.now; Date.now = () => now() + ms; }", seconds * 1000
        )

    # -- what the eye sees

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    def value(self, field: str) -> Locator:
        return self.page.locator(f"[data-field={field}] .field-value")

    def hint(self, field: str) -> Locator:
        return self.page.locator(f"[data-field={field}] .field-hint")

    @property
    def recent(self) -> Locator:
        return self.page.locator("#recent tr")

    @property
    def attention(self) -> Locator:
        return self.page.locator("#attention-list li")

    def heard(self) -> list[int]:
        """The tones since the last question, in hertz."""
        heard: list[int] = self.page.evaluate("window.heard.splice(0)")
        return heard

    def await_totals(self, approved: int, rejected: int) -> None:
        expect(self.page.locator("#approved")).to_have_text(str(approved))
        expect(self.page.locator("#rejected")).to_have_text(str(rejected))

    def totals(self) -> tuple[int, int]:
        approved = self.page.locator("#approved").inner_text()
        return int(approved), int(self.page.locator("#rejected").inner_text())

    def await_connected(self) -> None:
        expect(self.page.locator("#connection")).to_have_attribute("data-sort", "good")
        expect(self.page.locator("#approved")).not_to_have_text("–")

    def await_active(self, field: str) -> None:
        expect(self.page.locator("[data-field].is-active")).to_have_attribute("data-field", field)

    def await_banner(self, sort: str, text: str) -> None:
        expect(self.banner).to_have_attribute("data-sort", sort)
        expect(self.banner).to_contain_text(text)

    def await_pending(self, count: int) -> None:
        expect(self.page.locator("#pending")).to_have_text(re.compile(rf"^{count} "))

    def await_confirmed(self, cp: str, defect: str = "000") -> None:
        """The banner says that the server has it, and nothing waits any more."""
        self.await_banner("good" if defect == "000" else "reject", cp)
        expect(self.banner).to_contain_text("saved")
        self.await_pending(0)

    @property
    def version(self) -> str:
        return self.page.locator("#station").get_attribute("data-version") or ""

    def kept(self) -> Any:
        return self.page.evaluate(KEPT)

    def await_page_kept(self) -> None:
        """The page that is open. Not by `wait_for_function`, to which any promise is true."""
        deadline = time.monotonic() + KEPT_SECONDS
        while (self.kept() or {}).get("version") != self.version:
            assert time.monotonic() < deadline, "the page was not kept"
            time.sleep(0.05)

    # -- what can go wrong on the way to the server

    def answer_posts(self, **answer: Any) -> None:
        """Every scan that is sent gets this answer, and never reaches the server."""
        self._on_posts(lambda route: route.fulfill(**answer))

    def keep_from_news(self) -> None:
        """What is changed in the office from now on, the page does not hear of."""
        self.page.route("**/scans/floor/", lambda route: route.abort())

    def drop_posts(self) -> None:
        self._on_posts(lambda route: route.abort())

    def lose_answers(self, **changes: Any) -> None:
        """Every scan that is sent is stored (with these changes), but its answer is lost."""

        def lose(route: Route) -> None:
            route.fetch(post_data={**route.request.post_data_json, **changes})
            route.abort()

        self._on_posts(lose)

    def heal(self, *, tell: bool = True) -> None:
        """The way is free again; the browser tells the page so, or the next retry finds out."""
        self.page.unroute("**/scans/")
        if tell:
            self.page.evaluate("window.dispatchEvent(new Event('online'))")

    def _on_posts(self, handler: Any) -> None:
        # The newest counts. To take the older away first would let a retry slip through.
        self.page.route("**/scans/", handler)
