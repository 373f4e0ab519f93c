"""A long run of pages and simulated stations, and what is measured of it."""

import itertools
import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from scans.simulation.simulation import pieces_of
from tests.e2e.station import StationPage
from tests.faults import Administrator
from tests.serving import Site

MEGABYTE = 1024 * 1024
# Notes how long each scan took, on the way there and back; and of each piece, how long after the
# last key its answer stood on the screen.
NOTE_TIMES = """
window.posts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.name.endsWith("/scans/")) window.posts.push(entry.duration);
  }
}).observe({ type: "resource" });
window.answers = [];
let pressed = 0;
addEventListener("keydown", (event) => {
  if (event.key === "Enter") pressed = event.timeStamp;
}, true);
addEventListener("DOMContentLoaded", () => {
  new MutationObserver(() => {
    const since = pressed;
    pressed = 0;
    if (!since) return;
    // When it stands there, not when it was written.
    requestAnimationFrame(() => setTimeout(() => {
      window.answers.push(performance.now() - since);
    }));
  }).observe(document.getElementById("banner-title"), {
    childList: true, characterData: true, subtree: true,
  });
});
"""


class PageAtWork:
    """A page at which somebody scans the pieces of orders of its own, one after the other."""

    def __init__(self, station: StationPage, first_order: int) -> None:
        self.station = station
        self.pieces: list[str] = []
        self._coming = pieces_of(itertools.count(first_order))
        self._cdp = station.page.context.new_cdp_session(station.page)
        self._cdp.send("Performance.enable")

    def scan(self) -> None:
        cp = next(self._coming)
        self.station.scan_piece(cp, "000" if len(self.pieces) % 30 else "001")
        self.pieces.append(cp)

    def heap_bytes(self) -> float:
        """What the page's JavaScript holds, without what nobody needs any more."""
        self._cdp.send("HeapProfiler.collectGarbage")
        metrics = self._cdp.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize"))

    def post_milliseconds(self) -> list[float]:
        found: list[float] = self.station.page.evaluate("window.posts")
        return found

    def answer_milliseconds(self) -> list[float]:
        found: list[float] = self.station.page.evaluate("window.answers")
        return found


class Watch:
    """Counts the site's connections at the server, each second while the context lasts."""

    EACH_SECONDS = 1.0

    def __init__(self, site: Site) -> None:
        self._site = site
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="watch")
        self.connections: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _count(self) -> None:
        sql = (
            "SELECT COUNT(*) FROM information_schema.processlist "
            f"WHERE db = '{self._site.database.name}'"
        )
        with Administrator(self._site.database.server) as administrator:
            while not self._is_over.wait(self.EACH_SECONDS):
                self.connections.append(int(administrator.query(sql)[0][0]))


class Simulated:
    """`manage.py simulatestations` beside the site; its bar is on standard error."""

    def __init__(self, site: Site, *options: str) -> None:
        command = site.command("simulatestations", "--url", site.url, "--json", *options)
        env = site.env | {"DB_POOL_SIZE": "1"}
        self._process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def summary(self) -> dict[str, float]:
        """When it has ended."""
        output, _ = self._process.communicate()
        # Whatever it found wrong stands in the summary too.
        summary: dict[str, float] = json.loads(output)
        return summary


def memory_bytes(site: Site) -> int:
    """What the site's workers use, and their share of what they have in common."""
    found = 0
    for pid in site.worker_pids:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found += 1024 * int(re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[0])
    return found


@dataclass
class Soak:
    """What a run has shown."""

    pages: list[PageAtWork]
    site: Site
    paced: dict[str, float] = field(default_factory=dict)
    quick: dict[str, float] = field(default_factory=dict)
    connections: list[int] = field(default_factory=list)
    quick_connections: list[int] = field(default_factory=list)
    heap_growth_bytes: float = 0.0
    memory_growth: float = 0.0
    page_milliseconds: list[float] = field(default_factory=list)
    answer_milliseconds: list[float] = field(default_factory=list)

    def run(
        self, *, seconds: float, warm_up_seconds: float, stations: int, quick_scans: int
    ) -> None:
        """All scan each 2 s for so long, then the stations ten times as fast."""
        count = ("--stations", str(stations))
        with Watch(self.site) as watch:
            with Simulated(self.site, *count, "--seconds", str(seconds)) as simulated:
                self._scan_at_pages(warm_up_seconds)
                heaps = [page.heap_bytes() for page in self.pages]
                memory = memory_bytes(self.site)
                self._scan_at_pages(seconds - warm_up_seconds)
                self.paced = simulated.summary()
            for page in self.pages:
                page.station.await_pending(0)
                self.page_milliseconds += page.post_milliseconds()
                self.answer_milliseconds += page.answer_milliseconds()
            self.connections = watch.connections[:]
            rate = ("--rate", "5", "--scans", str(quick_scans))
            with Simulated(self.site, *count, *rate) as simulated:
                self.quick = simulated.summary()
            self.quick_connections = watch.connections[len(self.connections) :]
        self.heap_growth_bytes = max(
            page.heap_bytes() - before for page, before in zip(self.pages, heaps, strict=True)
        )
        self.memory_growth = memory_bytes(self.site) / memory - 1

    def _scan_at_pages(self, seconds: float, pause_seconds: float = 2.0) -> None:
        """A scan each `pause_seconds` at each page, in turn."""
        began = time.monotonic()
        step = pause_seconds / len(self.pages)
        for number in range(int(seconds / step)):
            # As a clock, not as long pauses: what one scan was late the next one makes up for.
            time.sleep(max(0.0, began + number * step - time.monotonic()))
            self.pages[number % len(self.pages)].scan()

    def lost_and_doubled(self) -> tuple[int, int]:
        """Of pages and stations together, by what is in the database."""
        lost = doubled = 0.0
        for page in self.pages:
            orders = sorted({piece.partition("-")[0] for piece in page.pieces})
            stored = [row["cp"] for one in orders for row in self.site.database.scans(one)]
            lost += len(set(page.pieces) - set(stored))
            doubled += len(stored) - len(set(stored))
        for summary in (self.paced, self.quick):
            missing = summary["waiting"] + summary["refused"]
            lost += summary["lost"] + missing
            doubled += summary["doubled"]
        return int(lost), int(doubled)

    @property
    def first_and_last_connections(self) -> tuple[int, int]:
        """The most that there were in the first third of the paced run, and in the last."""
        third = len(self.connections) // 3
        return max(self.connections[:third]), max(self.connections[-third:])

    @property
    def most_connections(self) -> int:
        return max(self.connections + self.quick_connections)

    def table(self) -> str:
        lost, doubled = self.lost_and_doubled()
        first, last = self.first_and_last_connections
        rows: dict[str, Any] = {
            "scans at pages": sum(len(page.pieces) for page in self.pages),
            "scans at stations": self.paced["confirmed"],
            "accelerated scans": self.quick["confirmed"],
            "lost, stored twice": f"{lost}, {doubled}",
            "connections, first and last third": f"{first}, {last}",
            "connections, accelerated": max(self.quick_connections),
            "growth of a page's heap": f"{self.heap_growth_bytes / MEGABYTE:.1f} MB",
            "growth of the workers' memory": f"{self.memory_growth:.1%}",
            "answers seen": len(self.answer_milliseconds),
            "key to answer p50, p95, p99": _shares(self.answer_milliseconds),
            "POST p50, p95, p99 at pages": _shares(self.page_milliseconds),
            "POST p50, p95, p99 at stations": _milliseconds(self.paced),
            "POST p50, p95, p99 accelerated": _milliseconds(self.quick),
        }
        return "\n".join(f"{name:<36}{value:>16}" for name, value in rows.items())


def share(durations: list[float], part: float) -> float:
    """What so large a part of them does not exceed."""
    return sorted(durations)[int(len(durations) * part)]


def _shares(durations: list[float]) -> str:
    return ", ".join(f"{share(durations, part):.0f}" for part in (0.5, 0.95, 0.99)) + " ms"


def _milliseconds(summary: dict[str, float]) -> str:
    return ", ".join(f"{summary[name]:.0f}" for name in ("p50_ms", "p95_ms", "p99_ms")) + " ms"


def say(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)
