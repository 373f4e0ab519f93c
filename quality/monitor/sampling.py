"""Takes a sample of this host's pools each interval, in one of its web workers."""

import logging
import os
import threading
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import MySQLdb
from django.conf import settings
from django.db import connections

from quality.monitor import history, metrics, orders, recent, samples, usage
from quality.monitor.leading import Leadership
from quality.monitor.recent import Recent, Sample, ServerFacts
from quality.monitor.server import Server
from quality.monitor.workers import Place, place_of, pooled_aliases, read_workers
from quality.pool import ledger
from quality.pool.registry import registry

logger = logging.getLogger(__name__)
report_logger = logging.getLogger("quality.database")

# So often each worker looks whether there is something to do.
TICK_SECONDS = 1.0
# In so many intervals the history is written once, and in so many pruned.
SAVE_INTERVALS = 6
PRUNE_INTERVALS = 360
# While the database is away the samples of so many rows wait for it: an hour.
KEPT_ROWS = 6
REPORT_SECONDS = 60.0
# The log warns from here on.
REPORT_WARNING_PERCENT = 80.0
# A thread that waits for a frozen server ends within its time-outs.
STOP_SECONDS = 2.5


class Sampler:
    """What one web worker does for the monitor. The leader of the host does the most of it.

    The leader sends the server one statement an interval: five times it asks what the server
    counts, the sixth time it writes the history; once an hour it prunes it.
    """

    def __init__(self, place: Place, *, interval_seconds: float, host: str) -> None:
        self.place = place
        self.interval_seconds = interval_seconds
        self.host = host
        self.server = Server()
        self.leadership = Leadership(place)
        self._recent: Recent | None = None
        self._reported_at = 0.0

    def tick(self, now: float) -> None:
        """Look whether a sample is due, and take it if it is this worker's to do."""
        for pool in registry.all():
            # The keeper does it only for pools that were used.
            pool.page.touch()
        orders.obey(self.place)
        if not self.leadership.is_ours():
            self.step_down()
            return
        if self._recent is None:
            # Where the last leader ended.
            self._recent = recent.read(self.place)
        last = self._recent.last
        if last is not None and last["at"] > now + self.interval_seconds:
            # What has a later time was taken by a wrong clock.
            past = [sample for sample in self._recent.samples if sample["at"] <= now]
            self._recent = replace(
                self._recent, samples=past, saved_at=min(now, self._recent.saved_at)
            )
            last = self._recent.last
        if last is None or self._interval(now) > self._interval(last["at"]):
            self._recent = self._take(self._recent, now)

    def step_down(self) -> None:
        """Keep nothing that only a leader needs."""
        self._recent = None
        self.server.close()
        self.leadership.resign()

    def _interval(self, at: float, *, intervals: int = 1) -> int:
        return int(at // (intervals * self.interval_seconds))

    # ----- A sample

    def _take(self, before: Recent, now: float) -> Recent:
        workers = read_workers()
        totals = samples.totals_of(workers)
        due = self._due(before, now)
        if due == "ask" or before.last is None:
            server, error = self._ask()
        else:
            # A copy, as the one that is there loses its statements.
            server, error = copy(before.last["server"]), ""
        sample = samples.make(
            now,
            workers,
            before=before.totals or totals,
            server=server,
            server_error=error,
            counters=metrics.counters(),
        )
        after = Recent(
            leader_pid=os.getpid(),
            interval_seconds=self.interval_seconds,
            samples=[*samples.without_statements(before.samples), sample],
            totals=totals,
            saved_at=before.saved_at,
        )
        if due == "save":
            after = self._save(after)
        elif due == "prune":
            self._prune(after, now)
        after = replace(after, samples=self._kept(after, now))
        if self.leadership.folder is not None:
            recent.write(self.leadership.folder, self.place, after)
        self._report(sample, now)
        return after

    def _due(self, before: Recent, now: float) -> str:
        last = before.last
        if last is None or last["server"] is None:
            # What the server says comes first; it is also seen there whether it is back.
            return "ask"
        if self._interval(now, intervals=PRUNE_INTERVALS) != self._interval(
            last["at"], intervals=PRUNE_INTERVALS
        ):
            return "prune"
        unsaved = sum(sample["at"] > before.saved_at for sample in before.samples)
        return "save" if unsaved + 1 >= SAVE_INTERVALS else "ask"

    def _ask(self) -> tuple[ServerFacts | None, str]:
        try:
            return self.server.facts(), ""
        except MySQLdb.Error as error:
            return None, str(error)

    def _save(self, after: Recent) -> Recent:
        first = next(sample["at"] for sample in after.samples if sample["at"] > after.saved_at)
        # Each row as a whole: what was saved of it before is written once more.
        start = history.row_start(first, self.interval_seconds)
        whole = [sample for sample in after.samples if sample["at"] >= start]
        try:
            history.save(self.server.run, self.host, whole, self.interval_seconds)
        except MySQLdb.Error as error:
            _is_away(after.samples[-1], error)
            return after
        return replace(after, saved_at=after.samples[-1]["at"])

    def _prune(self, after: Recent, now: float) -> None:
        kept_seconds = settings.MONITOR_HISTORY_DAYS * 24 * 3600
        try:
            history.prune(self.server.run, before=now - kept_seconds)
        except MySQLdb.Error as error:
            _is_away(after.samples[-1], error)

    def _kept(self, after: Recent, now: float) -> Sequence[Sample]:
        """The last ones, and those of rows that are not complete in the database yet."""
        unsaved = [sample["at"] for sample in after.samples if sample["at"] > after.saved_at]
        start = history.row_start(unsaved[0] if unsaved else now, self.interval_seconds)
        # Whole rows: to write a part of one would overwrite what is in the database.
        row_seconds = history.ROW_SAMPLES * self.interval_seconds
        start = max(start, history.row_start(now, self.interval_seconds) - KEPT_ROWS * row_seconds)
        older = after.samples[: -recent.SHOWN]
        return [
            *(sample for sample in older if sample["at"] >= start),
            *after.samples[-recent.SHOWN :],
        ]

    # ----- The log

    def _report(self, sample: Sample, now: float) -> None:
        # Also after the clock was set back.
        if abs(now - self._reported_at) < REPORT_SECONDS - self.interval_seconds / 2:
            return
        self._reported_at = now
        facts = sample["server"]
        answer = (
            f"response time {facts['response_seconds'] * 1000:.1f} ms"
            if facts
            else f"database away: {sample['server_error']}"
        )
        is_fine = facts is not None and sample["worst_percent"] < REPORT_WARNING_PERCENT
        report_logger.log(
            logging.INFO if is_fine else logging.WARNING,
            "Pool: %d active, %d idle, %d total, max %d, %d waiting, utilisation %.0f %% "
            "(fullest worker %.0f %%), %s, %s",
            sample["in_use"],
            sample["idle"],
            sample["open"],
            sample["limit"],
            sample["waiting"],
            sample["percent"],
            sample["worst_percent"],
            answer,
            sample["status"],
        )


def _is_away(sample: Sample, error: Exception) -> None:
    sample["server"], sample["server_error"] = None, str(error)
    sample["status"] = usage.CRITICAL


# ----- The thread


class Watch:
    """The thread in which a worker looks around; it must not fall silent whatever happens."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._failure = ""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, say goodbye to the server, and let another worker lead."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        tick_seconds = min(TICK_SECONDS, self._sampler.interval_seconds)
        # Each sample stands at the beginning of its interval, on all hosts the same.
        while not self._stopped.wait(tick_seconds - time.time() % tick_seconds):
            self._look()
        self._sampler.step_down()

    def _look(self) -> None:
        try:
            self._sampler.tick(time.time())
        except Exception as error:
            # It may fail each second; what is new is said once.
            if str(error) != self._failure:
                logger.exception("No sample could be taken; the next look may succeed.")
            self._failure = str(error)
        else:
            self._failure = ""


_watch: Watch | None = None


def start() -> None:
    """Make this web worker's pools known, and watch them in a thread; when a worker begins.

    Pools are made without a connection, so that their limits are seen before their first use.
    """
    global _watch
    ledger.label(usage.WEB_WORKER)
    for alias in pooled_aliases():
        connections[alias].pool  # type: ignore[attr-defined] # noqa: B018
    sampler = Sampler(
        place_of(), interval_seconds=settings.MONITOR_INTERVAL, host=settings.MONITOR_HOST
    )
    _watch = Watch(sampler)
    _watch.start()


def stop() -> None:
    """When a worker ends."""
    global _watch
    if _watch is not None:
        _watch.stop()
        _watch = None
