"""Asks everybody who counts connections how many there are."""

import json
import re
import time
from collections.abc import Callable

from tests.faults import Administrator
from tests.serving import Browser, Site

# Beside the pools' own: the one that the monitor keeps open.
OF_THE_MONITOR = 1


def counts(site: Site, watcher: Browser, administrator: Administrator) -> dict[str, int]:
    """How many connections the pools have open, as each of them says.

    What probes and passes ask over is opened past the pool for some ms: of some looks the
    least has none of them.
    """
    sources: dict[str, Callable[[], int]] = {
        "/monitor/pool": lambda: _open(json.loads(watcher.get("/monitor/pool"))),
        "/metrics": lambda: _gauge(watcher.get("/metrics"), "db_pool_size"),
        "/health/database": lambda: _open(json.loads(watcher.get("/health/database"))["pool"]),
        "poolstatus": lambda: _open(json.loads(site.manage("poolstatus", "--json").stdout)),
        "the server's list": lambda: (
            min(len(administrator.connections()) for _ in range(5)) - OF_THE_MONITOR
        ),
    }
    return {name: ask() for name, ask in sources.items()}


def agree(
    site: Site, watcher: Browser, administrator: Administrator, *, seconds: float
) -> tuple[dict[str, int], float]:
    """What they say once they all say the same, and the seconds until then.

    One after the other is asked while the site works, so that they may be a connection apart:
    then all are asked again.
    """
    began = time.monotonic()
    while True:
        found = counts(site, watcher, administrator)
        if len(set(found.values())) == 1:
            return found, time.monotonic() - began
        assert time.monotonic() - began < seconds, f"They do not agree: {found}"


def _open(found: dict[str, dict[str, int]]) -> int:
    return found["total"]["open"]


def _gauge(metrics: str, name: str) -> int:
    return round(sum(float(one) for one in re.findall(rf"^{name}{{.*}} (\S+)$", metrics, re.M)))
