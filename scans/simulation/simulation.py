"""Has some stations scan at once, for a time or for a number of scans."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

from scans.simulation.session import Session
from scans.simulation.station import RETRY_SECONDS, Station, Tally

# After the last scan: all that may still wait is tried twice more.
DRAIN_SECONDS = 75
# Of an order: as many as the demo's have.
PIECES = range(1, 241)


class Simulation:
    """Stations that work as long as the context lasts, or as `seconds` or `scans` allow.

    Each scans pieces of orders of its own: CP10000000, CP10000001, … from `first_order` on.
    """

    def __init__(
        self,
        session: Session,
        *,
        stations: int,
        rate: float,
        seconds: float | None = None,
        scans: int | None = None,
        first_order: int = 10_000_000,
        codes: Sequence[str] = ("FG-01",),
        defects: Sequence[str] = ("001",),
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        """`rate`: scans per second of each station; 0: as many as the site takes."""
        self._session = session
        self._seconds, self._scans = seconds, scans
        self._ends_at: float | None = None
        self._taken = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stations = [
            Station(
                session,
                code=codes[number % len(codes)],
                badge=f"OP{number % 9999 + 1:04d}",
                pieces=pieces_of(itertools.count(first_order + number, stations)),
                defects=defects,
                pause_seconds=1 / rate if rate else 0.0,
                retry_seconds=retry_seconds,
            )
            for number in range(stations)
        ]

    def __enter__(self) -> Self:
        """Raises NotSignedIn."""
        self._session.sign_in()
        if self._seconds is not None:
            self._ends_at = time.monotonic() + self._seconds
        for number, station in enumerate(self._stations, start=1):
            work: Any = (self._may_scan, self._stop)
            thread = threading.Thread(target=station.run, args=work, name=f"station {number}")
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        """What waits is given up."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def await_end(self, seconds: float) -> bool:
        """Wait so long at most; whether all scans are made and confirmed."""
        ends_at = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def finish(self) -> None:
        """No further scan; what waits has DRAIN_SECONDS to be sent."""
        self._is_over.set()
        self.await_end(DRAIN_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether no further scan is made."""
        return self._is_over.is_set() or (
            self._ends_at is not None and time.monotonic() >= self._ends_at
        )

    @property
    def share(self) -> float:
        """How much of it is done: of the time or of the scans, whichever is more."""
        shares = [1.0 if self._is_over.is_set() else 0.0]
        if self._seconds and self._ends_at is not None:
            shares.append(1 - (self._ends_at - time.monotonic()) / self._seconds)
        if self._scans:
            shares.append(self._taken / self._scans)
        return min(max(shares), 1.0)

    @property
    def tally(self) -> Tally:
        """Of all stations, until now."""
        found = Tally()
        for station in self._stations:
            found.add(station.tally)
        return found

    @property
    def confirmed(self) -> list[str]:
        return self.tally.confirmed

    def _may_scan(self) -> bool:
        if self.is_over:
            return False
        with self._lock:
            if self._scans is not None and self._taken >= self._scans:
                self._is_over.set()
                return False
            self._taken += 1
            return True


def pieces_of(orders: Iterator[int]) -> Iterator[str]:
    """The CPs of orders, one order after the other."""
    for order in orders:
        for piece in PIECES:
            yield f"CP{order}-{piece:04d}"
