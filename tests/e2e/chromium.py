"""A Chromium that is a process of its own, for tests that kill it."""

import subprocess
import time
from pathlib import Path

from playwright.sync_api import Browser, Playwright, TimeoutError

from quality.devdb.configuration import find_program
from quality.start.install import CHROMIUM_NAMES, HEADLESS

# A name of this machine as others see it: there, a browser offers on plain http what it offers
# everywhere, and nothing more.
PLAIN_HTTP = "factory.test"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pictures of text without coloured fringes are smaller, and the same on every screen.
    "--disable-lcd-text",
    f"--host-resolver-rules=MAP {PLAIN_HTTP} 127.0.0.1",
)
START_SECONDS = 60
CONNECT_SECONDS = 5


def chromium_path(*, with_windows: bool = False) -> str:
    """Any that is there, the quickest first; or one as people have it."""
    names = [name for name in CHROMIUM_NAMES if not (with_windows and name == HEADLESS)]
    return next(filter(None, map(find_program, names)))


class Chromium:
    """Starts again and again on the same profile, as a browser at a station does."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        self._playwright = playwright
        self._profile = profile
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Browser:
        # It writes there on which port it can be reached.
        told = self._profile / "DevToolsActivePort"
        told.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                chromium_path(with_windows=True),
                "--headless",
                "--remote-debugging-port=0",
                f"--user-data-dir={self._profile}",
                *ARGUMENTS,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not told.exists() or not (text := told.read_text()).count("\n"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Chromium did not start on {self._profile}.")
            time.sleep(0.02)
        port = text.partition("\n")[0]
        while True:
            # The window's own pages come up while Playwright connects, which then waits for one of
            # them for ever at times.
            try:
                return self._playwright.chromium.connect_over_cdp(
                    f"http://127.0.0.1:{port}", timeout=CONNECT_SECONDS * 1000
                )
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise

    def kill(self) -> None:
        """As a power cut does: it has no time to write anything down."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
