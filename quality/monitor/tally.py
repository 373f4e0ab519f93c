"""Counts what has ended at once: for a hundred requests little dearer than for one."""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence

from quality.monitor import latencies, metrics
from quality.monitor.work import Work

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
        # By route and method, and the answers by status too.
        self._latencies: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._answers: Counter[tuple[str, str, int]] = Counter()

    def add_request(self, work: Work) -> None:
        """A request ended."""
        for alias, done in work.databases.items():
            self.add_statements(alias, *done.add_up())
        # 0: it was cut off.
        self._answers[work.route, work.method, work.status or 0] += 1
        if work.status:
            self._latencies[work.route, work.method].append(work.seconds)

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
            for (route, method), seconds in self._latencies.items():
                latencies.observe(route, method, seconds)
            for (route, method, status), number in self._answers.items():
                if status:
                    latencies.count(route, method, status, number)
                metrics.count_responses(route, status, number)
        except Exception:
            if not self._has_failed:
                logger.exception("Requests are not counted.")
            self._has_failed = True
        finally:
            self._start_empty()


tally = Tally()
