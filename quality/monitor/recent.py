"""The last samples of this host, in a file that every process can read."""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from quality.monitor.workers import Place, place_of
from quality.pool.folder import Folder
from quality.pool.pages import prefix

logger = logging.getLogger(__name__)

# What is shown and judged by.
SHOWN = 100
_VERSION = 1
_LARGEST_BYTES = 8 * 1024 * 1024


class Statement(TypedDict):
    """A statement that runs at the server; its text without literals, cut."""

    id: int
    seconds: float
    state: str
    text: str


class ServerFacts(TypedDict):
    """What the database server itself counts; see server.ask().

    at  when it was asked, Unix time; a sample may carry what an earlier one was told
    """

    at: float
    response_seconds: float
    threads_connected: int
    threads_running: int
    max_used_connections: int
    aborted_clients: int
    aborted_connects: int
    max_connections: int
    max_user_connections: int
    own_connections: int
    longest_statement_seconds: float
    # The longest running ones of our account; of the newest sample alone.
    statements: NotRequired[list[Statement]]


class Sample(TypedDict):
    """The numbers of this host at one moment; those "of the interval" since the last sample.

    at               Unix time
    workers          web workers
    limit … percent  of all processes together
    worst_percent    of the fullest web worker
    status           "healthy", "warning", "critical"
    wait_p50 …       seconds that borrowers of the interval waited; None without any
    connects … leaks of the interval; closes of all reasons
    server           None when it did not answer; then server_error says why
    counters         what metrics.counters() said: sums since the start, and other numbers
    """

    at: float
    workers: int
    limit: int
    open: int
    idle: int
    in_use: int
    waiting: int
    percent: float
    worst_percent: float
    status: str
    wait_p50: float | None
    wait_p95: float | None
    wait_p99: float | None
    connects: int
    closes: int
    timeouts: int
    refusals: int
    leaks: int
    longest_held_seconds: float
    longest_holder: str
    server: ServerFacts | None
    server_error: str
    counters: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """The last samples, the oldest first.

    leader_pid  the process that took the last one, 0 = there was none
    totals      the sums that the next sample's differences begin from
    saved_at    up to this sample all stand in the history; Unix time
    """

    leader_pid: int = 0
    interval_seconds: float = 10.0
    samples: Sequence[Sample] = ()
    totals: dict[str, Any] = field(default_factory=dict)
    saved_at: float = 0.0

    @property
    def last(self) -> Sample | None:
        """The newest sample."""
        return self.samples[-1] if self.samples else None

    def age_seconds(self, now: float) -> float | None:
        """How old the newest sample is."""
        return round(now - self.samples[-1]["at"], 1) if self.samples else None

    @property
    def shown(self) -> Sequence[Sample]:
        """Those that a person looks at."""
        return self.samples[-SHOWN:]


def read(place: Place | None = None) -> Recent:
    """What the leader wrote last; empty if nothing can be read. Needs no database."""
    place = place or place_of()
    if place.directory is None:
        return Recent()
    try:
        with Folder(place.directory, create=False) as folder:
            file = folder.open(file_name(place), os.O_RDONLY)
            with open(file, "rb") as opened:
                content = json.loads(opened.read(_LARGEST_BYTES))
        is_ours = isinstance(content, dict) and content.pop("version", None) == _VERSION
        is_ours = is_ours and all(map(_is_sample, content["samples"]))
        return Recent(**content) if is_ours else Recent()
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Recent()


def _is_sample(found: Any) -> bool:
    """Whether it has all that is asked for: another version may have left it."""
    if not Sample.__required_keys__ <= found.keys():
        return False
    return found["server"] is None or ServerFacts.__required_keys__ <= found["server"].keys()


def write(folder: Folder, place: Place, recent: Recent) -> None:
    """Replace the file in one step: a reader sees the old one or the new one. Raises OSError."""
    content = {
        "version": _VERSION,
        "leader_pid": recent.leader_pid,
        "interval_seconds": recent.interval_seconds,
        "samples": list(recent.samples),
        "totals": recent.totals,
        "saved_at": recent.saved_at,
    }
    name = file_name(place)
    # Only the leader writes, so one name aside is enough; what a killed one left is overwritten.
    aside = f"{name}.new"
    file = folder.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(file, "w") as opened:
        opened.write(json.dumps(content, separators=(",", ":")))
    os.rename(aside, name, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)


def file_name(place: Place) -> str:
    """The file of one database's samples: others' may lie in the same folder."""
    return f"{prefix(place.database)}samples.json"
