"""Counts what has ended at once: for a hundred requests little dearer than for one."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence

from quality.monitor import latencies, metrics
from quality.monitor.work import Work
from quality.pool.events import LeaseEnded

logger = logging.getLogger(__name__)


class Tally:
    """What is to be added to the metrics; used under the writer's lock alone."""

    def __init__(self) -> None:
        self._has_failed = False
        self._start_empty()

    def _start_empty(self) -> None:
        # By alias.
        self._durations: defaultdict[str, list[float]] = defaultdict(list)
        self._failed: Counter[str] = Counter()
        # By route, method and status, 0 where it was cut off: what each request took.
        self._seconds: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)

    def add_requests(self, works: Sequence[Work]) -> None:
        """Requests ended."""
        for work in works:
            for told in work.told:
                if type(told) is LeaseEnded:
                    self._durations[told.alias] += told.durations
                    if told.failed:
                        self._failed[told.alias] += told.failed
            self._seconds[work.route, work.method, work.status or 0].append(work.seconds)

    def add_statements(self, alias: str, durations: Sequence[float], failed: int) -> None:
        """Statements took so many seconds, and so many of them failed."""
        self._durations[alias] += durations
        self._failed[alias] += failed

    def pass_on(self) -> None:
        """Add it to the metrics. What hinders that is logged once: it may do so each time."""
        try:
            for alias, durations in self._durations.items():
                if durations:
                    metrics.observe_statements(alias, durations, errors=self._failed[alias])
            for (route, method, status), seconds in self._seconds.items():
                if status:
                    latencies.observe(route, method, seconds)
                    latencies.count(route, method, status, len(seconds))
                metrics.count_responses(route, status, len(seconds))
            metrics.count_sent()
        except Exception:
            if not self._has_failed:
                logger.exception("Requests are not counted.")
            self._has_failed = True
        finally:
            self._start_empty()


tally = Tally()
