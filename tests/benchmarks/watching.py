"""What watching costs a scan: the same server with and without, through the whole stack."""

import http.client
import http.cookies
import json
import os
import re
import statistics
import time
import urllib.parse
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quality.devdb.mariadb import PrivateMariaDB
from tests.serving import PASSWORD, Database, Site

OPERATION = "scan POST"
WATCHED, UNWATCHED = "watched", "unwatched"
AIM = 1.03
THREADS = (1, 4)


@dataclass(slots=True)
class Cost:
    """µs per scan in each round: passing, and of processor time in the worker."""

    passing: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class Station:
    """A signed-in client on a connection that is kept."""

    def __init__(self, site: Site) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        self._cookies: dict[str, str] = {}
        page = self._ask("GET", "/accounts/login/")[1]
        found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found is not None
        form = {"csrfmiddlewaretoken": found[1], "username": "operator", "password": PASSWORD}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _ = self._ask("POST", "/accounts/login/", urllib.parse.urlencode(form), kind)
        assert status == 302, status

    def scan(self) -> None:
        """Have one scan stored."""
        scan = {
            "id": str(uuid.uuid4()),
            "operator": "OP0001",
            "cp": "CP12345678-0001",
            "oc1": "OC01",
            "oc2": "OC11",
            "defect": "000",
            "scanned_at": datetime.now(UTC).isoformat(),
        }
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._cookies["csrftoken"]}
        status, said = self._ask("POST", "/scans/", json.dumps(scan), headers)
        assert status == 201, said

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        self._connection.request(method, path, body, {**(headers or {}), "Cookie": cookie})
        response = self._connection.getresponse()
        for header in response.headers.get_all("Set-Cookie", []):
            for name, morsel in http.cookies.SimpleCookie(header).items():
                self._cookies[name] = morsel.value
        return response.status, response.read().decode()


def measure(
    server: PrivateMariaDB,
    home: Path,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> dict[int, dict[str, Cost]]:
    """By number of clients and server, interleaved. One worker each, so that clients queue."""
    database = Database(server, "quality_watching")
    sites = {}
    for name in (WATCHED, UNWATCHED):
        module = "quality.settings" if name == WATCHED else "tests.benchmarks.unwatched"
        folder = home / name
        folder.mkdir(parents=True, exist_ok=True)
        sites[name] = Site(
            database,
            folder,
            workers=1,
            DJANGO_SETTINGS_MODULE=module,
            DB_LEDGER=str(folder / "ledger"),
            DB_MAX_CONNECTIONS="100",
        )
    sites[WATCHED].prepare()
    stations: dict[str, list[Station]] = {}
    try:
        for name, site in sites.items():
            site.start()
            stations[name] = [Station(site) for _ in range(max(THREADS))]
            _scan(stations[name], max(THREADS), seconds)
        costs = {clients: {name: Cost() for name in sites} for clients in THREADS}
        for clients, both in costs.items():
            for number in range(rounds):
                progress(f"scan POST, {clients} clients: round {number + 1} of {rounds}")
                # Each goes first as often as second.
                for name in list(sites)[:: 1 if number % 2 else -1]:
                    before = _processor_seconds(sites[name])
                    passed, scans = _scan(stations[name], clients, seconds)
                    used = _processor_seconds(sites[name]) - before
                    both[name].passing.append(passed / scans * 1e6)
                    both[name].processor.append(used / scans * 1e6)
        return costs
    finally:
        for some in stations.values():
            for station in some:
                station.close()
        for site in sites.values():
            site.stop()


def _scan(stations: list[Station], clients: int, seconds: float) -> tuple[float, int]:
    """The seconds that passed, and the scans that were stored."""
    began = time.perf_counter()

    def work(station: Station) -> int:
        # The server has closed what was silent since the last round.
        station.close()
        count = 0
        while time.perf_counter() < began + seconds:
            station.scan()
            count += 1
        return count

    with ThreadPoolExecutor(clients) as executor:
        scans = sum(executor.map(work, stations[:clients]))
    return time.perf_counter() - began, scans


def _processor_seconds(site: Site) -> float:
    ticks = 0
    for pid in site.worker_pids:
        # After the name, which may hold anything: utime and stime are the 14th and 15th.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def report(costs: dict[int, dict[str, Cost]]) -> str:
    """The row for people; nothing when nothing was measured."""
    heading = f"{OPERATION} through gunicorn, unwatched → watched: µs, median of the rounds"
    lines = ["", heading] if costs else []
    for clients, both in costs.items():
        for what in ("passing", "processor"):
            watched: list[float] = getattr(both[WATCHED], what)
            unwatched: list[float] = getattr(both[UNWATCHED], what)
            # Processor time comes in ticks: its sums are meaningful, single rounds are not.
            ratio, least, most = ratio_of(watched, unwatched)
            if what == "processor":
                ratio = sum(watched) / sum(unwatched)
            verdict = "reached" if ratio <= AIM else "NOT REACHED"
            lines.append(
                f"{clients} clients, {what:9}  {statistics.median(unwatched):7,.0f} → "
                f"{statistics.median(watched):7,.0f}   {ratio:.3f} ({least:.3f}–{most:.3f})"
                f"   ≤ {AIM}: {verdict}"
            )
    return "\n".join(lines)


def ratio_of(watched: list[float], unwatched: list[float]) -> tuple[float, float, float]:
    """Of the same round each: median, least, most."""
    ratios = [one / other for one, other in zip(watched, unwatched, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def as_json(costs: dict[int, dict[str, Cost]]) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        str(clients): {
            name: {"passing": cost.passing, "processor": cost.processor}
            for name, cost in both.items()
        }
        for clients, both in costs.items()
    }
