"""What watching costs a scan: the house as it is served beside one that nothing watches.

And beside one that gunicorn's own worker serves, which neither waits for whole requests nor keeps
threads for some: that one tells what is the worker's, and no watching.

All take scans in turn, a fifth of a second each, many times: what disturbs the machine disturbs
all. The processor's time is the kernel's own count in ns, of everything the worker's process does,
from the beginning of a round to its end, as lines are written a moment after their scans. But what
it does anyway, as taking samples, counts for the time of its own turn alone. All are started anew
several times, as two starts of the same code differ by some per cent: in where its objects lie in
memory, in the order of its hashes.
"""

import contextlib
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from quality.devdb.mariadb import PrivateMariaDB
from scans.simulation.session import Session
from tests.benchmarks.intervals import mean_of, middle
from tests.benchmarks.processes import processor_seconds
from tests.faults import Administrator
from tests.serving import PASSWORD, Database, Site

OPERATION = "scan POST"
WATCHED, UNWATCHED, PLAIN = "watched", "unwatched", "plain"
AIM = 1.03
# What each is started with: its settings, and gunicorn's.
SITES = {
    WATCHED: ("quality.settings", "docker/gunicorn.conf.py"),
    UNWATCHED: ("tests.benchmarks.unwatched", "tests/benchmarks/unwatched_gunicorn.py"),
    PLAIN: ("tests.benchmarks.unwatched", "tests/benchmarks/plain_gunicorn.py"),
}
CLIENTS = (1, 4)
WARM_UP_SECONDS = 1.0
# Between two samples of the monitor: in so long a rest it takes one.
REST_SECONDS = 10.0
# In each launch, of all orders the same number: what comes second is some per cent quicker.
ROUNDS = 24
ORDERS = list(itertools.permutations(SITES))
# What is said, and what is held to the aim.
JUDGED = (WATCHED, UNWATCHED)
COMPARED = (JUDGED, (UNWATCHED, PLAIN), (WATCHED, PLAIN))
_pieces = itertools.count()


@dataclass(slots=True)
class Cost:
    """µs per scan in each round of turns: passing, and of processor time in the worker."""

    passing: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


class Station:
    """A signed-in client on a connection that is kept."""

    def __init__(self, site: Site) -> None:
        self._session = Session(site.url, "operator", PASSWORD)
        self._session.sign_in()
        self._connection = self._session.connect()

    def scan(self) -> None:
        """Have one scan stored."""
        scan = {
            "id": str(uuid.uuid4()),
            "operator": "OP0001",
            # Each piece once: an earlier scan of it would be looked for among more and more.
            "cp": "CP{:08d}-{:04d}".format(*divmod(next(_pieces), 10_000)),
            "oc1": "OC01",
            "oc2": "OC11",
            "defect": "000",
            "scanned_at": datetime.now(UTC).isoformat(),
        }
        answer = self._session.request(self._connection, "POST", "/scans/", json.dumps(scan))
        assert answer.status == 201, answer.body

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        self._connection.close()


def measure(
    server: PrivateMariaDB,
    home: Path,
    *,
    launches: int,
    seconds: float,
    progress: Callable[[str], None],
) -> dict[int, list[dict[str, Cost]]]:
    """By number of clients, for each launch the cost of each site."""
    costs: dict[int, list[dict[str, Cost]]] = {clients: [] for clients in CLIENTS}
    _site(server, home, WATCHED).prepare()
    for launch in range(launches):
        with contextlib.ExitStack() as running:
            running.enter_context(on_the_disk(server))
            sites = {}
            for name in ORDERS[launch % len(ORDERS)]:
                site = _site(server, home, name)
                running.callback(site.stop)
                site.start()
                sites[name] = running.enter_context(Turns(site))
            progress(f"{OPERATION}, at rest: launch {launch + 1} of {launches}")
            _rest(sites)
            for clients in CLIENTS:
                progress(f"{OPERATION}, {clients} clients: launch {launch + 1} of {launches}")
                costs[clients].append(_costs(sites, clients, seconds))
    return costs


@contextlib.contextmanager
def on_the_disk(server: PrivateMariaDB) -> Iterator[None]:
    """A scan is stored when it is on the disk: waiting for that is a part of what it takes."""
    with Administrator(server) as administrator:
        [(usual,)] = administrator.query("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit")
        administrator.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        try:
            yield
        finally:
            administrator.query(f"SET GLOBAL innodb_flush_log_at_trx_commit = {usual}")


def _site(server: PrivateMariaDB, home: Path, name: str) -> Site:
    module, configuration = SITES[name]
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    return Site(
        Database(server, "quality_watching"),
        folder,
        # So that clients queue.
        workers=1,
        configuration=configuration,
        DJANGO_SETTINGS_MODULE=module,
        DB_LEDGER=str(folder / "ledger"),
        DB_MAX_CONNECTIONS="100",
        # No station is as quick as a client here.
        SCANS_PER_SECOND="0",
    )


def _costs(sites: dict[str, "Turns"], clients: int, seconds: float) -> dict[str, Cost]:
    for turns in sites.values():
        turns.connect_anew()
        turns.take(clients, WARM_UP_SECONDS)
    costs = {name: Cost() for name in sites}
    for number in range(ROUNDS):
        _round(sites, costs, clients, seconds, ORDERS[number % len(ORDERS)])
    return costs


def _round(
    sites: dict[str, "Turns"],
    costs: dict[str, Cost],
    clients: int,
    seconds: float,
    order: tuple[str, ...],
) -> None:
    began = time.perf_counter()
    before = {name: turns.processor_seconds() for name, turns in sites.items()}
    scans, passed = {}, {}
    for name in order:
        passed[name], scans[name] = sites[name].take(clients, seconds)
        costs[name].passing.append(passed[name] / scans[name] * 1e6)
    for name, turns in sites.items():
        used = turns.processor_seconds() - before[name]
        used -= turns.share_at_rest * (time.perf_counter() - began - passed[name])
        costs[name].processor.append(used / scans[name] * 1e6)


def _rest(sites: dict[str, "Turns"]) -> None:
    """Learn what each uses while nobody sends anything."""
    before = {name: turns.processor_seconds() for name, turns in sites.items()}
    time.sleep(REST_SECONDS)
    for name, turns in sites.items():
        turns.share_at_rest = (turns.processor_seconds() - before[name]) / REST_SECONDS


class Turns:
    """A site with its clients, who send scans when it is their turn."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stations = [Station(site) for _ in range(max(CLIENTS))]
        self._executor = ThreadPoolExecutor(max(CLIENTS))
        # Of one processor.
        self.share_at_rest = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._executor.shutdown()
        self.connect_anew()

    def connect_anew(self) -> None:
        """Hang up: the server closes what is silent for long."""
        for station in self._stations:
            station.close()

    def take(self, clients: int, seconds: float) -> tuple[float, int]:
        """Send scans for so long; the seconds that passed, and the scans that were stored."""
        began = time.perf_counter()

        def work(station: Station) -> int:
            count = 0
            while time.perf_counter() < began + seconds:
                station.scan()
                count += 1
            return count

        scans = sum(self._executor.map(work, self._stations[:clients]))
        return time.perf_counter() - began, scans

    def processor_seconds(self) -> float:
        """What the workers' processes have used, all their threads together."""
        return processor_seconds(self._site.worker_pids)


def report(costs: dict[int, list[dict[str, Cost]]]) -> str:
    """The rows for people; nothing when nothing was measured."""
    if not costs:
        return ""
    lines = [
        "",
        f"{OPERATION} through gunicorn: µs, and the mean ratio of {len(costs[CLIENTS[0]])} "
        "launches with its 95 % interval",
    ]
    for clients, launches in costs.items():
        for what in ("passing", "processor"):
            for one, other in COMPARED:
                ratio, least, most = ratio_of(launches, what, one, other)
                line = (
                    f"{clients} clients, {what:9}  {other:>9} → {one:9}  "
                    f"{_median(launches, other, what):6,.0f} → {_median(launches, one, what):6,.0f}"
                    f"   {ratio:.3f} ({least:.3f}–{most:.3f})"
                )
                if (one, other) == JUDGED:
                    verdict = "reached" if ratio <= AIM else "NOT REACHED"
                    line += f"   ≤ {AIM}: {verdict}"
                lines.append(line)
    return "\n".join(lines)


def ratio_of(
    launches: list[dict[str, Cost]], what: str, one: str = WATCHED, other: str = UNWATCHED
) -> tuple[float, float, float]:
    """The mean of the launches, and between what it lies in 95 of 100 drawings of them.

    A launch's own is the mean of the middle half of its rounds.
    """
    return mean_of(
        [
            middle(
                [
                    first / second
                    for first, second in zip(
                        getattr(sites[one], what), getattr(sites[other], what), strict=True
                    )
                ]
            )
            for sites in launches
        ]
    )


def _median(launches: list[dict[str, Cost]], name: str, what: str) -> float:
    return statistics.median(cost for both in launches for cost in getattr(both[name], what))


def as_json(costs: dict[int, list[dict[str, Cost]]]) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        str(clients): [{name: asdict(cost) for name, cost in both.items()} for both in launches]
        for clients, launches in costs.items()
    }
