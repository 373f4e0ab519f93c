"""A sample as the leader takes it."""

from typing import Any, cast

from quality.monitor.recent import Sample

FACTS = {
    "at": 0.0,
    "response_seconds": 0.002,
    "threads_connected": 5,
    "threads_running": 1,
    "max_used_connections": 9,
    "aborted_clients": 0,
    "aborted_connects": 0,
    "max_connections": 60,
    "max_user_connections": 0,
    "own_connections": 4,
    "longest_statement_seconds": 0.0,
}


def sample(at: float, **changes: Any) -> Sample:
    """One of a site that is well."""
    return cast(
        Sample,
        {
            "at": at,
            "workers": 2,
            "limit": 20,
            "open": 4,
            "idle": 3,
            "in_use": 1,
            "waiting": 0,
            "percent": 5.0,
            "worst_percent": 10.0,
            "status": "healthy",
            "wait_p50": None,
            "wait_p95": None,
            "wait_p99": None,
            "connects": 0,
            "closes": 0,
            "timeouts": 0,
            "refusals": 0,
            "leaks": 0,
            "longest_held_seconds": 0.0,
            "longest_holder": "",
            "server": FACTS | {"at": at},
            "server_error": "",
            "counters": {},
            **changes,
        },
    )
