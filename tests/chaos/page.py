"""A person who scans at a real station page without a pause: a browser in a process of its own.

`python -m tests.chaos.page URL STATION ORDER` prints a line of JSON for whatever happens there, and
reads what it is told, a word a line: `look`, `later SECONDS`; the end of its input is its end.
"""

import itertools
import json
import queue
import sys
import threading
import time
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from scans.simulation.simulation import pieces_of
from tests.e2e.chromium import ARGUMENTS, chromium_path
from tests.e2e.station import StationPage, sign_in

PAUSE_MS = 700
# What it shows is compared so long with what the server says, until both are the same.
LOOK_SECONDS = 60.0
# A machine that is busy with the faults needs long to open a browser.
MOST_SECONDS = 120
SHOWN = """() => {
  const text = (id) => document.getElementById(id).textContent;
  return {
    pending: Number.parseInt(text("pending")) || 0,
    attention: document.querySelectorAll("#attention-list li").length,
    connection: document.getElementById("connection").dataset.sort,
    totals: [Number(text("approved")), Number(text("rejected"))],
  };
}"""
ASK_TOTALS = """async (station) => {
  const answer = await fetch(`/scans/recent/?station=${station}`, { cache: "no-store" });
  const { totals } = await answer.json();
  return [totals.approved, totals.rejected];
}"""


def say(kind: str, **facts: Any) -> None:
    """Tell the rig, with the time of day, which no test steps in this process."""
    print(json.dumps({"kind": kind, "at": time.time(), **facts}), flush=True)


def open_page(context: BrowserContext, url: str, code: str) -> StationPage:
    """The station's page, bound by an administrator, at which an operator has signed in."""
    page = context.new_page()
    for user in ("admin", "operator"):
        page.goto(f"{url}/accounts/login/")
        sign_in(page, user)
        page.wait_for_url(lambda address: "/accounts/" not in address)
        if user == "admin":
            page.goto(f"{url}/scans/bind/")
            page.select_option("#station", code)
            page.click("main button")
            expect(page.locator(".lead")).to_contain_text(code)
            context.clear_cookies(name="sessionid")
    page.goto(f"{url}/scans/station/")
    station = StationPage(page)
    station.await_connected()
    return station


def watch(page: Page) -> None:
    """Tell what becomes of each scan that the page sends."""

    def scan_of(request: Request) -> dict[str, Any] | None:
        if request.method != "POST" or not request.url.endswith("/scans/"):
            return None
        content: dict[str, Any] = request.post_data_json
        return {"id": content["id"], "cp": content["cp"]}

    def answered(request: Request, status: int, text: str = "") -> None:
        if scan := scan_of(request):
            say("answer", **scan, status=status, text=text)

    page.on("response", lambda response: answered(response.request, response.status))
    page.on("requestfailed", lambda request: answered(request, 0, request.failure or ""))
    page.on("pageerror", lambda error: say("error", text=str(error)))


def look(page: Page, code: str) -> None:
    """Tell what the page shows, and the server's counts, once nothing waits and both are equal."""
    deadline = time.monotonic() + LOOK_SECONDS
    while True:
        try:
            true = page.evaluate(ASK_TOTALS, code)
        except PlaywrightError as error:  # the server is away
            true = str(error)
        shown = page.evaluate(SHOWN)
        is_well = shown["pending"] == 0 and shown["totals"] == true
        if is_well or time.monotonic() > deadline:
            say("look", **shown, true=true)
            return
        page.wait_for_timeout(200)


def hear(told: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        told.put(line)
    told.put("end")


def main(url: str, code: str, first_order: str) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=hear, args=[told], daemon=True).start()
    pieces = pieces_of(itertools.count(int(first_order)))
    expect.set_options(timeout=MOST_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(ARGUMENTS), timeout=MOST_SECONDS * 1000
        )
        context = browser.new_context()
        context.set_default_timeout(MOST_SECONDS * 1000)
        context.add_cookies([{"name": "django_language", "value": "en", "url": url}])
        station = open_page(context, url, code)
        watch(station.page)
        say("open")
        while True:
            cp = next(pieces)
            # Before: its answer may come while the last key is still being told of.
            say("made", cp=cp)
            station.scan_piece(cp)
            station.page.wait_for_timeout(PAUSE_MS)
            match [] if told.empty() else told.get().split():
                case ["look"]:
                    look(station.page, code)
                case ["later", seconds]:
                    station.pass_seconds(float(seconds))
                case ["end"]:
                    break
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
