"""Counts what all web processes of this host do, for /metrics and for the samples."""

import logging
import os
import time
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue, MutexValue

from quality.monitor.backups import backup_numbers
from quality.monitor.places import Place
from quality.monitor.webworkers import web_worker_numbers

logger = logging.getLogger(__name__)


def _shared_folder() -> str:
    """Where gunicorn's workers put their counters together; "": each process counts alone.

    So do runserver, commands and tests.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if not folder:
        return ""
    place = Place(folder)
    try:
        place.number()
    except OSError as error:
        # To serve is more important than to be counted.
        logger.warning(
            "What this process does is missing in other processes' /metrics: %s. "
            "Make %s a folder that it may write to, on a disk with space.",
            error,
            folder,
        )
        return ""
    values.ValueClass = MultiProcessValue(place.number)
    return folder


FOLDER = _shared_folder()
if not FOLDER:
    # Set, it would have the library write there all the same.
    values.ValueClass = MutexValue

QUERY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def observe_all(histogram: Histogram, durations: Sequence[float]) -> None:
    """Observe many at once, which costs little more than one."""
    histogram._sum.inc(sum(durations))
    buckets = Counts(map(bisect_left, repeat(histogram._upper_bounds), durations))
    for bucket, count in buckets.items():
        histogram._buckets[bucket].inc(count)


_query_seconds = Histogram(
    "db_query_duration_seconds", "How long statements took.", ["alias"], buckets=QUERY_BUCKETS
)
_query_errors = Counter("db_query_errors", "Statements that failed.", ["alias"])
_durations: dict[str, Histogram] = {}
_errors: dict[str, Counter] = {}


def _begin(alias: str) -> None:
    # With zeroes: a counter that appears at 1 has no increase to see. At the start, as this
    # opens their files, and the folder is there.
    _errors[alias] = _query_errors.labels(alias)
    _durations[alias] = _query_seconds.labels(alias)


for _alias in settings.DATABASES:
    _begin(_alias)


def observe_statements(alias: str, durations: Sequence[float], *, errors: int) -> None:
    """Statements ended after so many seconds each."""
    if alias not in _durations:
        _begin(alias)
    observe_all(_durations[alias], durations)
    if errors:
        _errors[alias].inc(errors)


# ----- Outcomes: MONITOR_OUTCOMES = {route: (counter, {status: outcome})}

OTHER = "other"


def _outcome_counters() -> dict[str, dict[int, Counter]]:
    """By route and status, the counter of its outcome; under 0 that of any other status."""
    found: dict[str, dict[int, Counter]] = {}
    families: dict[str, Counter] = {}
    for route, (name, outcomes) in settings.MONITOR_OUTCOMES.items():
        family = families.get(name)
        if family is None:
            family = families[name] = Counter(name, f"Outcomes of {name}.", ["outcome"])
        found[route] = {status: family.labels(outcome) for status, outcome in outcomes.items()}
        found[route][0] = family.labels(OTHER)
    return found


_counters = _outcome_counters()


def count_responses(route: str, status: int, number: int) -> None:
    """So many requests of this route ("scans:record") were answered so."""
    counters = _counters.get(route)
    if counters is not None:
        (counters.get(status) or counters[0]).inc(number)


_sign_ins = Counter("sign_ins", "Attempts to sign in.", ["outcome"])
_succeeded, _failed = _sign_ins.labels("succeeded"), _sign_ins.labels("failed")


def _signed_in(**kwargs: object) -> None:
    _succeeded.inc()


def _sign_in_failed(**kwargs: object) -> None:
    _failed.inc()


user_logged_in.connect(_signed_in)
user_login_failed.connect(_sign_in_failed)


def count_signals() -> None:
    """Count each sending of settings.MONITOR_SIGNALS, once the apps that send them are ready."""
    for name, (signal, text, *told) in settings.MONITOR_SIGNALS.items():
        if not told:
            import_string(signal).connect(_counting(Counter(name, text)), weak=False)
            continue
        [(label, values)] = told
        family = Counter(name, text, [label])
        # With zeroes, as above.
        counting = {value: _counting(family.labels(value)) for value in values}
        import_string(signal).connect(_telling_apart(label, counting), weak=False)


# What was sent since it was last counted. To count is dearer than all else about such a signal.
_sent: list[tuple[Counter, list[None]]] = []


def _counting(counter: Counter) -> Callable[..., None]:
    sent: list[None] = []
    _sent.append((counter, sent))

    def count(**_: object) -> None:
        sent.append(None)

    return count


def _telling_apart(label: str, counting: dict[object, Callable[..., None]]) -> Callable[..., None]:
    def count(**told: object) -> None:
        counting[told[label]]()

    return count


def count_sent() -> None:
    """Count the signals that were sent; with the lines of what sent them."""
    for counter, sent in _sent:
        if number := len(sent):
            # Others go on appending.
            del sent[:number]
            counter.inc(number)


# ----- What was counted


class Counted:
    """A collector of all that was counted since the start."""

    def collect(self) -> Iterable[Metric]:
        # Somebody may have emptied the temporary folder: then we know of ourselves alone.
        if not os.path.isdir(FOLDER):
            return REGISTRY.collect()
        families: Iterable[Metric] = MultiProcessCollector(CollectorRegistry(), FOLDER).collect()
        return families


def counters() -> dict[str, float]:
    """For a sample: {"scans_stored": 12.0, …}, outcomes of all processes since the start.

    Also the numbers of web workers, and of backups, where they are configured. About 0.2 ms.
    """
    names = {"sign_ins", *(name for name, _ in settings.MONITOR_OUTCOMES.values())}
    found = {
        f"{family.name}_{sample.labels['outcome']}": sample.value
        for family in Counted().collect()
        if family.name in names
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    return found | web_worker_numbers() | backup_numbers(now=time.time())
