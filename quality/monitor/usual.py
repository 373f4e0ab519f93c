"""Says quickly what requests did about which nothing is special."""

import re
from functools import lru_cache

from django.conf import settings

from quality.monitor.work import Work
from quality.pool.events import LeaseEnded

# What a formatter shows as it is.
_PLAIN = re.compile(r"[\w.:-]+", re.ASCII)


class Usual:
    """Makes in a fifth of the time, letter by letter, what `lines` and a formatter of texts make.

    For a request with one lease, as most are, and only where neither would have to look closer.
    """

    def __init__(self) -> None:
        # Django's settings take as long to ask as a line takes to write.
        self._long_wait_seconds = settings.LONG_WAIT_SECONDS
        self._long_hold_seconds = settings.LONG_HOLD_SECONDS
        self._many_statements = settings.MANY_STATEMENTS
        self._quiet_paths = settings.QUIET_PATHS

    def text_of(self, work: Work) -> str:
        """The line without its head; "" if it is not a usual one."""
        told, user, status = work.told, work.user_id, work.status or 599
        # One lease that began and ended.
        if len(told) != 2 or status >= 500 or work.has_arguments or work.reason:
            return ""
        lease = told[1]
        if not isinstance(lease, LeaseEnded) or lease.reason or told[0] != lease.alias:
            return ""
        what = _what(work.method, work.route, status)
        where = _where(work.address, lease.alias)
        statements = len(lease.durations)
        if (
            not (what and where and (user is None or type(user) is int))
            or lease.waited_seconds >= self._long_wait_seconds
            or lease.held_seconds >= self._long_hold_seconds
            or statements >= self._many_statements
            or (status < 400 and work.path.startswith(self._quiet_paths))
        ):
            return ""
        shown = "" if user is None else f" user={user}"
        return (
            f"{what} seconds={_number(f'{work.seconds:.4f}')}{shown} {where}"
            f" waited_seconds={_number(f'{lease.waited_seconds:.5f}')}"
            f" held_seconds={_number(f'{lease.held_seconds:.5f}')} statements={statements}"
            f" sql_seconds={_number(f'{sum(lease.durations):.5f}')}"
            f" connection={lease.connection_id}"
            f" connection_age_seconds={_number(f'{lease.connection_age_seconds:.1f}')}"
            f" connection_is_new={lease.is_new}"
        )


@lru_cache(maxsize=1000)
def _what(method: str, route: str, status: int) -> str:
    """What was asked and answered, unless a formatter would have to look at it."""
    text = f"{method} {route} {status}"
    return text if route and text.isprintable() else ""


@lru_cache(maxsize=1000)
def _where(address: str, alias: str) -> str:
    is_plain = bool(_PLAIN.fullmatch(address) and _PLAIN.fullmatch(alias))
    return f"address={address} database={alias}" if is_plain else ""


def _number(text: str) -> str:
    return text.rstrip("0").rstrip(".")
