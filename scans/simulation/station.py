"""Simulates a station: it scans, keeps, sends and asks as the page does."""

import itertools
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.utils import timezone

from scans.simulation.session import Session

# As in outbox.js and watch.js.
RETRY_SECONDS = (1, 2, 5, 15, 30)
HOPELESS = {400, 409, 413, 422}
PERIOD_SECONDS = 30

REJECTED_SHARE = 0.03
# It looks so often whether it shall stop.
LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Tally:
    """What became of scans."""

    made: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    # Answers after which a scan was sent again, by status; 0: no answer.
    retried: Counter[int] = field(default_factory=Counter)
    # How long the site took to confirm each.
    seconds: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.made += other.made
        self.confirmed += other.confirmed
        self.refused += other.refused
        self.retried += other.retried
        self.seconds += other.seconds


class Station:
    """A scan each `pause_seconds`; without a pause, as soon as the last one is confirmed.

    While the site is away it goes on scanning, and sends what waits in its order.
    """

    def __init__(
        self,
        session: Session,
        *,
        code: str,
        badge: str,
        pieces: Iterator[str],
        defects: Sequence[str],
        pause_seconds: float,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self.tally = Tally()
        self._session = session
        self._connection = session.connect()
        self._code, self._badge, self._pieces, self._defects = code, badge, pieces, defects
        self._pause_seconds, self._retry_seconds = pause_seconds, retry_seconds
        self._device = str(uuid4())
        self._sequence = itertools.count(1)
        self._waiting: deque[tuple[float, dict[str, Any]]] = deque()
        self._base = ""
        self._failures = 0
        # Not all at once: pages are opened when their people come.
        self._scan_at = time.monotonic() + random.uniform(0, pause_seconds)  # noqa: S311
        self._ask_at = self._beat_at = time.monotonic() + random.uniform(0, pause_seconds)  # noqa: S311
        self._send_at = 0.0

    def run(self, may_scan: Callable[[], bool], stop: threading.Event) -> None:
        """Until `may_scan` refuses a scan and all others are confirmed; or until `stop`."""
        scans = True
        while not stop.is_set() and (scans or self._waiting):
            if scans and self._is_time_to_scan():
                scans = may_scan()
                if scans:
                    self._scan()
            if self._waiting and time.monotonic() >= self._send_at:
                self._send()
            elif time.monotonic() >= self._ask_at:
                self._poll()
            if time.monotonic() >= self._beat_at:
                self._beat()
            stop.wait(self._idle_seconds(scans=scans))
        self._connection.close()

    def _is_time_to_scan(self) -> bool:
        is_free = self._pause_seconds > 0 or not self._waiting
        return is_free and time.monotonic() >= self._scan_at

    def _idle_seconds(self, *, scans: bool) -> float:
        """Until there is something to do."""
        due = [self._ask_at, self._beat_at]
        if self._waiting:
            due.append(self._send_at)
        if scans and (self._pause_seconds > 0 or not self._waiting):
            due.append(self._scan_at)
        return min(max(0.0, min(due) - time.monotonic()), LOOK_SECONDS)

    def _scan(self) -> None:
        now = time.monotonic()
        # People are no clocks.
        self._scan_at = now + self._pause_seconds * random.uniform(0.5, 1.5)  # noqa: S311
        is_rejected = random.random() < REJECTED_SHARE  # noqa: S311
        scan_id, piece = str(uuid4()), next(self._pieces)
        scan = {
            "id": scan_id,
            "device": self._device,
            "sequence": next(self._sequence),
            "station": self._code,
            "operator": self._badge,
            "cp": piece,
            "oc1": "OC01",
            "oc2": "OC11",
            "defect": random.choice(self._defects) if is_rejected else "000",  # noqa: S311
            "scanned_at": _now(),
        }
        self._base = piece.partition("-")[0]
        self._waiting.append((now, scan))
        self.tally.made.append(scan_id)

    def _send(self) -> None:
        _, scan = self._waiting[0]
        began = time.monotonic()
        answer = self._request("POST", "/scans/", scan | {"sent_at": _now()})
        is_its_record = isinstance(answer.body, dict) and answer.body.get("id") == scan["id"]
        if answer.status in (200, 201) and is_its_record:
            self.tally.seconds.append(time.monotonic() - began)
            self.tally.confirmed.append(scan["id"])
        elif answer.status in HOPELESS and answer.body is not None:
            self.tally.refused.append(f"{answer.status} {answer.body}")
        else:
            self.tally.retried[answer.status] += 1
            self._send_later(answer.retry_after_seconds)
            return
        self._waiting.popleft()
        self._failures = 0
        # Once for a whole queue.
        if self._pause_seconds and not self._waiting:
            self._poll()

    def _send_later(self, asked_seconds: float) -> None:
        step = min(self._failures, len(self._retry_seconds) - 1)
        self._failures += 1
        self._send_at = time.monotonic() + max(self._retry_seconds[step], asked_seconds)

    def _poll(self) -> None:
        self._ask_at = time.monotonic() + PERIOD_SECONDS
        query = {"station": self._code, "cp_base": self._base}
        self._request("GET", f"/scans/recent/?{urlencode(query)}")

    def _beat(self) -> None:
        self._beat_at = time.monotonic() + PERIOD_SECONDS
        oldest = time.monotonic() - self._waiting[0][0] if self._waiting else 0
        state = {
            "station": self._code,
            "device": self._device,
            "pending": len(self._waiting),
            "oldest_pending_seconds": int(oldest),
            "attention": len(self.tally.refused),
        }
        self._request("POST", "/scans/heartbeat/", state)

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        return self._session.ask(self._connection, method, path, body)


def _now() -> str:
    return timezone.localtime().isoformat(timespec="milliseconds")
