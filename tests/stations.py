"""Stations that scan and poll without end, and send each scan until it is confirmed."""

import contextlib
import http.client
import itertools
import threading
from typing import Self
from uuid import uuid4

from tests.serving import PASSWORD, Browser, Site

# Between two scans of a station: thirty of them leave a small machine room for the watch.
PAUSE_SECONDS = 1.0


class Stations:
    """Load on a site, for as long as the context lasts."""

    def __init__(self, site: Site, count: int) -> None:
        self.site = site
        self.count = count
        self.confirmed: list[str] = []
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._orders = itertools.count(80000001)

    def __enter__(self) -> Self:
        # One session for all: the hash of a password takes longer than many scans.
        browser = Browser(self.site.url, PASSWORD)
        for _ in range(self.count):
            thread = threading.Thread(target=self._work, args=(browser,), name="station")
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, browser: Browser) -> None:
        while not self._is_over.is_set():
            scan_id, cp = str(uuid4()), f"CP{next(self._orders)}-0001"
            # Like the page: also what was refused or cut off is sent again, under the same id.
            while not self._is_sent(browser, scan_id, cp):
                if self._is_over.wait(PAUSE_SECONDS):
                    return
            self.confirmed.append(scan_id)
            with contextlib.suppress(OSError, http.client.HTTPException):
                browser.get("/scans/recent/")
            self._is_over.wait(PAUSE_SECONDS)

    def _is_sent(self, browser: Browser, scan_id: str, cp: str) -> bool:
        try:
            return browser.scan(id=scan_id, cp=cp) in (200, 201)
        except (OSError, http.client.HTTPException):
            return False
