"""Simulated stations and a real page at work at a site while it breaks, and what became of it.

    with Rig(url, database, home) as rig:
        with rig.fault("kill -9 of MariaDB") as episode:
            kill(server)
            server.start()
        verdict = episode.verdict(arrive_seconds=60)
        assert verdict.problems() == []

The fault ends with its context: from then on the site has to mend by itself.
"""

import contextlib
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

from scans.simulation.session import NO_ANSWER, Answer, Session
from scans.simulation.simulation import Simulation
from tests.chaos.verdict import Sent, Verdict, judge
from tests.serving import PASSWORD, ROOT

# Of their own, so that the page's counts are the page's scans alone.
STATIONS_AT, PAGE_AT = "FG-01", "FG-02"
OPEN_SECONDS = 240
LOOK_SECONDS = 90
# Orders below are the simulation's, from there on the page's.
PAGES_ORDERS = 90_000_000


class Asked(Protocol):
    """Where scans are stored: `tests.serving.Database`, or any that answers SQL."""

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]: ...


class WatchedSession(Session):
    """Notes each request of the stations, also those that are sent again at once."""

    def __init__(self, url: str, sent: Callable[[Sent], None]) -> None:
        super().__init__(url, "operator", PASSWORD)
        self._sent = sent
        self._asks = threading.local()

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
    ) -> Answer:
        """As a session's."""
        # A scan is the same whenever it is sent; of all others each is one of its own.
        number = getattr(self._asks, "number", 0)
        self._asks.number = number + 1
        self._asks.key = f"{threading.get_ident()} {number}"
        self._asks.made_at = time.time()
        if path == "/scans/":
            self._asks.key = _key(body["id"])
            self._asks.made_at = datetime.fromisoformat(body["scanned_at"]).timestamp()
        return super().ask(connection, method, path, body)

    def request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        text: str | None = None,
        **options: Any,
    ) -> Answer:
        """As a session's."""
        status, problem = 0, ""
        try:
            answer = super().request(connection, method, path, text, **options)
            status = answer.status
        except NO_ANSWER as error:
            problem = type(error).__name__
            raise
        finally:
            if key := getattr(self._asks, "key", ""):
                is_scan = path == "/scans/"
                at = self._asks.made_at, time.time()
                self._sent(Sent(key, *at, status, problem, is_scan=is_scan))
        return answer


class PageAtWork:
    """The page's process, and all that it has told."""

    def __init__(self, url: str) -> None:
        order = str(PAGES_ORDERS + random.randrange(9_000) * 1_000)  # noqa: S311
        self.sent: list[Sent] = []
        self.errors: list[str] = []
        # By CP: when it was scanned. The page gives the scan its id, which is known as it is sent.
        self._made: dict[str, float] = {}
        self._looks: list[dict[str, Any]] = []
        self._is_open = False
        self._news = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.page", url, PAGE_AT, order],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="page", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            match told["kind"]:
                case "open":
                    self._is_open = True
                    self._news.set()
                case "made":
                    self._made[told["cp"]] = told["at"]
                case "answer":
                    at = self._made[told["cp"]], told["at"]
                    self.sent.append(
                        Sent(told["cp"], *at, told["status"], told["text"], is_scan=True)
                    )
                case "error":
                    self.errors.append(told["text"])
                case "look":
                    self._looks.append(told)
                    self._news.set()
        self._news.set()

    @property
    def made(self) -> list[str]:
        """All that was scanned; the last of it is being scanned just now."""
        return list(self._made)

    def await_open(self) -> None:
        self._news.wait(OPEN_SECONDS)
        if not self._is_open:
            raise RuntimeError("The station page did not open; what it said is above.")

    def look(self) -> dict[str, Any]:
        """What it shows once nothing waits, beside what the server says. It pauses meanwhile."""
        known = len(self._looks)
        self._news.clear()
        self.tell("look")
        self._news.wait(LOOK_SECONDS)
        if len(self._looks) == known:
            raise RuntimeError(f"The page did not look within {LOOK_SECONDS:g} s.")
        return self._looks[-1]

    def tell(self, words: str) -> None:
        """`look`, or `later SECONDS`: its clock is put forward."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        with self._process, contextlib.suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()


@dataclass
class Episode:
    """One fault, from its beginning."""

    rig: "Rig"
    title: str
    refused_before: int
    complaints_before: int
    began_at: float = field(default_factory=time.time)
    ended_at: float = 0.0
    # All that was scanned until then, by key.
    made: set[str] = field(default_factory=set)

    def verdict(self, *, arrive_seconds: float = 60.0) -> Verdict:
        """Wait until all that was made until the fault's end has arrived, then judge.

        And until what is made after its end is confirmed, at the stations and at the page.
        """
        return judge(self, arrive_seconds=arrive_seconds)


class Rig:
    """Stations that scan each second, and a page that scans without a pause."""

    def __init__(
        self, url: str, database: Asked, *, stations: int = 10, page_url: str | None = None
    ) -> None:
        """`page_url`: the page's way to the site, when it is another one than the stations'."""
        self.database = database
        # What the stations sent, of the whole run.
        self.sent: list[Sent] = []
        first_order = 10_000_000 + random.randrange(700) * 100_000  # noqa: S311
        self._orders = f"CP{first_order}", f"CP{first_order + 100_000}"
        self.simulation = Simulation(
            WatchedSession(url, self.sent.append),
            stations=stations,
            rate=1.0,
            retry_seconds=(1,),
            first_order=first_order,
            codes=(STATIONS_AT,),
        )
        self._page_url = page_url or url
        self._leaving = contextlib.ExitStack()
        self.page: PageAtWork

    def __enter__(self) -> Self:
        self.page = PageAtWork(self._page_url)
        self._leaving.callback(self.page.close)
        with contextlib.ExitStack() as undo:
            undo.push(self._leaving.pop_all())
            self.page.await_open()
            undo.enter_context(self.simulation)
            self._leaving = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    @contextlib.contextmanager
    def fault(self, title: str) -> Iterator[Episode]:
        """What happens within is the fault."""
        episode = Episode(self, title, len(self.refused), len(self.page.errors))
        yield episode
        episode.made = {*map(_key, self.simulation.tally.made), *self.page.made}
        episode.ended_at = time.time()

    @property
    def refused(self) -> list[str]:
        return self.simulation.tally.refused

    def stored(self) -> list[tuple[str, str]]:
        """Key and CP of each scan of this run that is stored."""
        rows = self.database.run(
            "SELECT uid, cp FROM scans_scan WHERE cp_base >= %s AND cp_base < %s OR cp_base >= %s",
            *self._orders,
            f"CP{PAGES_ORDERS}",
        )
        return [(_key(str(uid)), cp) for uid, cp in rows]


def _key(uid: str) -> str:
    return uid.replace("-", "")
