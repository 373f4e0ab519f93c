"""When somebody must be told: the one list that the page, Prometheus and the runbook share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quality.monitor.recent import Sample, ServerFacts

Window = Sequence[Sample]

WARNING, CRITICAL = "warning", "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Fires once its value has been at least `threshold` for `for_seconds`.

    summary         one line for a person, with the {value}
    value           of the samples of the last `window_seconds`, the newest last; None when they
                    cannot tell. Without a function only an outsider can see it
    promql          the same value for Prometheus; [window] stands for window_seconds
    threshold       where it begins
    window_seconds  0: the newest sample alone
    """

    name: str
    severity: str
    summary: str | Promise
    value: Callable[[Window], float | None] | None
    promql: str
    threshold: float
    window_seconds: float = 0
    for_seconds: float = 0

    @property
    def query(self) -> str:
        """What Prometheus is asked for the value."""
        return self.promql.replace("[window]", f"[{self.window_seconds:.0f}s]")

    @property
    def expression(self) -> str:
        """What Prometheus evaluates."""
        return f"{self.query} >= {self.threshold:g}"

    @property
    def runbook(self) -> str:
        """Where it is explained: a heading of the runbook's page."""
        return f"{reverse('monitor:runbook')}#{self.name.lower()}"

    def in_time(self, factor: float) -> "Rule":
        """The same with all its times multiplied."""
        return replace(
            self,
            window_seconds=self.window_seconds * factor,
            for_seconds=self.for_seconds * factor,
        )

    def holds(self, window: Window) -> bool:
        """Whether the value is that high in this window."""
        value = self.value(window) if self.value else None
        return value is not None and value >= self.threshold


# ----- Values


def _worst_percent(window: Window) -> float:
    return window[-1]["worst_percent"]


def _turned_away(window: Window) -> float:
    return sum(one["timeouts"] + one["refusals"] for one in window)


def _leaks(window: Window) -> float:
    return sum(one["leaks"] for one in window)


def _is_database_down(window: Window) -> float:
    return 0.0 if window[-1]["server"] else 1.0


def server_percent(server: ServerFacts) -> float:
    """How much is used of what the server allows, to all or to this account alone."""
    # A limit of 0 is none.
    used = [
        100 * count / limit
        for count, limit in (
            (server["threads_connected"], server["max_connections"]),
            (server["own_connections"], server["max_user_connections"]),
        )
        if limit
    ]
    return max(used, default=0.0)


def _server_percent(window: Window) -> float | None:
    server = window[-1]["server"]
    return server_percent(server) if server else None


def _longest_statement(window: Window) -> float | None:
    server = window[-1]["server"]
    return server["longest_statement_seconds"] if server else None


def _grown(window: Window, name: str) -> float:
    """By how much a counter grew from sample to sample; after a restart it begins at 0."""
    values = [one["counters"].get(name, 0.0) for one in window]
    return sum(later - one if later >= one else later for one, later in pairwise(values))


def _polls_without_scans(window: Window) -> float:
    if _grown(window, "scans_stored"):
        return 0.0
    return _grown(window, "station_polls_answered")


def _missing_web_workers(window: Window) -> float | None:
    numbers = window[-1]["counters"]
    if "web_workers_expected" not in numbers:
        return None
    # At a reload more serve than are expected.
    return numbers["web_workers_expected"] - numbers["web_workers_serving"]


def _backup_age_hours(window: Window) -> float | None:
    age_seconds = window[-1]["counters"].get("backup_age_seconds")
    return None if age_seconds is None else age_seconds / 3600


def _has_backup_failed(window: Window) -> float | None:
    return window[-1]["counters"].get("backup_test_failed")


# ----- Rules

# Without a sample for so many intervals the monitor itself has fallen silent.
SILENT_INTERVALS = 6

_WORST_WORKER = 'max by (instance, alias) (db_pool_usage_percent{kind="web worker"})'
_SCANS = 'sum(increase(scans_total{outcome="stored"}[window]))'
_POLLS = 'sum(increase(station_polls_total{outcome="answered"}[window]))'

_RULES = (
    Rule(
        name="DatabaseDown",
        severity=CRITICAL,
        summary=_("The database does not answer the monitor."),
        value=_is_database_down,
        promql="1 - db_server_up",
        threshold=1,
        for_seconds=20,
    ),
    Rule(
        name="PoolTimeouts",
        severity=CRITICAL,
        summary=_("{value:.0f} requests got no connection within 5 minutes."),
        value=_turned_away,
        promql=(
            "sum by (instance) (increase(db_pool_timeouts_total[window])"
            " + increase(db_pool_refusals_total[window]))"
        ),
        # Not 1: what happened once is 0.98 of an increase to Prometheus.
        threshold=0.5,
        window_seconds=300,
    ),
    Rule(
        name="PoolExhausted",
        severity=CRITICAL,
        summary=_("A worker uses {value:.0f} percent of its connections."),
        value=_worst_percent,
        promql=_WORST_WORKER,
        threshold=90,
        for_seconds=60,
    ),
    Rule(
        name="PoolNearlyFull",
        severity=WARNING,
        summary=_("A worker uses {value:.0f} percent of its connections."),
        value=_worst_percent,
        promql=_WORST_WORKER,
        threshold=80,
        for_seconds=120,
    ),
    Rule(
        name="ConnectionLeaks",
        severity=WARNING,
        summary=_("{value:.0f} connections were held past the leak threshold within 15 minutes."),
        value=_leaks,
        promql="sum by (instance) (increase(db_pool_leaks_total[window]))",
        threshold=0.5,
        window_seconds=900,
    ),
    Rule(
        name="ServerNearlyFull",
        severity=WARNING,
        summary=_("{value:.0f} percent of the connections that the server allows are open."),
        value=_server_percent,
        promql="max by (instance) (db_server_connections_percent)",
        threshold=80,
        for_seconds=60,
    ),
    Rule(
        name="LongStatement",
        severity=WARNING,
        summary=_("A statement has been running for {value:.0f} seconds."),
        value=_longest_statement,
        promql="max by (instance) (db_server_longest_statement_seconds)",
        threshold=30,
    ),
    Rule(
        name="NoScans",
        severity=WARNING,
        summary=_("Stations are open, and for 15 minutes no scan was stored."),
        value=_polls_without_scans,
        promql=f"({_POLLS} unless {_SCANS} > 0)",
        threshold=1,
        window_seconds=300,
        for_seconds=600,
    ),
    Rule(
        name="WorkerMissing",
        severity=WARNING,
        summary=_("Web workers that are missing: {value:.0f}."),
        value=_missing_web_workers,
        promql="web_workers_expected - web_workers_serving",
        threshold=1,
        # One that was killed is replaced within seconds.
        for_seconds=60,
    ),
    Rule(
        name="BackupTooOld",
        severity=WARNING,
        summary=_("The newest backup is {value:.0f} hours old."),
        value=_backup_age_hours,
        promql="backup_age_seconds / 3600",
        # One a day, and time to be made.
        threshold=26,
    ),
    Rule(
        name="BackupUnusable",
        severity=WARNING,
        summary=_("The newest backup failed its restore test."),
        value=_has_backup_failed,
        promql="backup_test_failed",
        threshold=1,
    ),
    Rule(
        name="MonitorSilent",
        severity=WARNING,
        summary=_("The monitor has stopped taking samples."),
        value=None,
        promql="(time() - monitor_sample_timestamp_seconds) / monitor_interval_seconds",
        threshold=SILENT_INTERVALS,
    ),
    Rule(
        name="SiteDown",
        severity=CRITICAL,
        summary=_("The site does not answer Prometheus."),
        value=None,
        promql='1 - up{job="quality"}',
        threshold=1,
        for_seconds=60,
    ),
)
RULES = tuple(rule.in_time(settings.ALERT_TIME_FACTOR) for rule in _RULES)
BY_NAME = {rule.name: rule for rule in RULES}
