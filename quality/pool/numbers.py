"""What a worker's numbers mean, once they are read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# Upper bounds of the histograms' buckets in seconds, from 0.1 ms to 60 s; one bucket more for
# what took longer. A duration's bucket is bisect_left(BOUNDS, seconds). Neighbours are at most
# a factor of 1.5 apart, and the usual bounds of Prometheus (1, 2.5, 5 in each decade) are among
# them.
_STEPS = (1, 1.5, 2, 2.5, 3.5, 5, 7)
BOUNDS: tuple[float, ...] = (
    *(float(f"{step}e{decade}") for decade in range(-4, 1) for step in _STEPS),
    *(10.0, 15.0, 20.0, 25.0, 35.0, 50.0, 60.0),
)
BUCKETS = len(BOUNDS) + 1


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something took.

    counts         one number per bucket: of BOUNDS, and one for what took longer
    total_seconds  the sum of all durations
    """

    counts: Sequence[int] = (0,) * BUCKETS
    total_seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The duration in seconds that `share` (0 to 1) of all stayed below; None without any.

        Exact to the bucket: what is said is at most a factor of 1.5 from the truth, usually
        far less, because durations count as spread evenly within their bucket. Below 0.1 ms
        the answer is between 0 and 0.1 ms; beyond 60 s it is 60 s.
        """
        wanted = share * self.count
        if not self.count:
            return None
        below = 0
        for number, count in enumerate(self.counts):
            if count and below + count >= wanted:
                if number == len(BOUNDS):
                    return BOUNDS[-1]
                low = BOUNDS[number - 1] if number else 0.0
                return low + (BOUNDS[number] - low) * max(0.0, wanted - below) / count
            below += count
        return BOUNDS[-1]

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(
            tuple(mine + its for mine, its in zip(self.counts, other.counts, strict=True)),
            self.total_seconds + other.total_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A lease that is out: who has it, and for how many seconds."""

    name: str
    held_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNumbers:
    """The numbers of one pool in one process; all times are seconds.

    kind         what the process is: "gunicorn", "manage.py migrate"; see ledger.label().
                 "ended" with pid 0: the sums of all processes that have ended
    pid          its process number
    alias        the database's name in DATABASES
    database     "user@server/name"
    started_at   when the pool was made, updated_at  when it last changed; Unix time
    limit        the most connections that this pool may have open
    open         of them open now, or being opened; idle, in_use  of the open ones
    waiting      threads that wait for one
    waits        how long borrowers waited, uses  how long they kept a connection
    connects     connections opened, connect_seconds  and how long that took, all together
    closes       connections closed, by reason
    timeouts     borrowers that waited in vain, refusals  that were not allowed to wait
    leaks        leases that were held for longer than the threshold
    holders      up to 32 of the present leases, the longest first
    last_error   the last failure to connect, last_error_at  and when; Unix time, 0 = never
    """

    kind: str
    pid: int
    alias: str
    database: str
    started_at: float
    updated_at: float
    limit: int = 0
    open: int = 0
    idle: int = 0
    in_use: int = 0
    waiting: int = 0
    waits: Histogram = field(default_factory=Histogram)
    uses: Histogram = field(default_factory=Histogram)
    connects: int = 0
    connect_seconds: float = 0.0
    closes: dict[str, int] = field(default_factory=dict)
    timeouts: int = 0
    refusals: int = 0
    leaks: int = 0
    holders: tuple[Holder, ...] = ()
    last_error: str = ""
    last_error_at: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The same as plain dicts, lists, texts and numbers, for JSON."""
        return asdict(self)
