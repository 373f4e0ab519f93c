"""Reads a database's pool options and refuses what cannot be meant."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from quality.pool import budget
from quality.pool.folder import default_directory

# A longer time is a slip of the pen, and longer than a lock can wait on some systems.
LONGEST_SECONDS = 366 * 24 * 3600

RESETS = ("auto", "full", "rollback")

# How django-db-connection-pool spells its options, and what it takes when one is missing.
FOREIGN_DEFAULTS: dict[str, Any] = {
    "POOL_SIZE": 10,
    "MAX_OVERFLOW": 10,
    "RECYCLE": 900,
    "TIMEOUT": 30,
    "PRE_PING": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """OPTIONS["pool"] of one database. All times are seconds.

    max_size      the most connections that one process may have open
    min_size      from the first borrow on, so many are kept open
    timeout       how long a borrower waits before PoolTimeout
    max_waiting   so many may wait; the next one gets PoolFull at once. 0 = any number
    max_lifetime  a connection older than this is closed, when nobody has it
    max_idle      connections beyond `min_size` that nobody wanted for so long are closed
    keepalive     what is idle is asked so often whether it lives
    fail_fast     after a refused connect, borrowers are refused at once for up to so long
    leak_after    a lease that is out for longer is logged, with its borrower's stack.
                  0 = none is
    reset         what a return undoes: "auto" = what the borrower's statements make necessary,
                  mostly nothing; "full" = everything, each time; "rollback" = the open
                  transaction only, settings and temporary tables reach the next borrower
    statement_timeout
                  the server ends a statement that runs for longer, on MySQL a SELECT.
                  None = the server's own limit
    ledger        the folder where all processes of this host write their numbers;
                  None = nobody else sees them
    host_limit    the most connections of all processes on this host together, 0 = no cap.
                  Those with the same `ledger`, server and account share it
    processes, hosts, reserve   for the system check alone: so many processes on so many
                  hosts, and so many of the server's connections are for others
    """

    max_size: int = 20
    min_size: int = 3
    timeout: float = 30.0
    max_waiting: int = 0
    max_lifetime: float = 3600.0
    max_idle: float = 600.0
    keepalive: float = 60.0
    fail_fast: float = 1.0
    leak_after: float = 60.0
    reset: str = "auto"
    statement_timeout: float | None = None
    ledger: str | None = field(default_factory=default_directory)
    host_limit: int = 0
    processes: int = 1
    hosts: int = 1
    reserve: int = budget.RESERVE


KNOWN = tuple(one.name for one in fields(PoolOptions))


def read_options(alias: str, settings_dict: Mapping[str, Any]) -> PoolOptions:
    """The options of the database `alias`.

    Raises ImproperlyConfigured for an unknown key, a value that cannot be meant, both
    spellings at once, and CONN_MAX_AGE other than 0.
    """
    max_age = settings_dict.get("CONN_MAX_AGE", 0)
    if max_age != 0 or isinstance(max_age, bool):
        raise ImproperlyConfigured(
            f"DATABASES[{alias!r}]: CONN_MAX_AGE must be 0 with this ENGINE, not {max_age!r}: "
            "it would keep a pooled connection in every thread and empty the pool. "
            "The pool keeps connections open by itself: see max_lifetime and max_idle in "
            'OPTIONS["pool"].'
        )
    own = settings_dict.get("OPTIONS", {}).get("pool")
    foreign = settings_dict.get("POOL_OPTIONS")
    if own is not None and foreign is not None:
        raise ImproperlyConfigured(
            f'DATABASES[{alias!r}] has both OPTIONS["pool"] and POOL_OPTIONS. Keep the first.'
        )
    if foreign is not None:
        options = _from_foreign(f"DATABASES[{alias!r}]['POOL_OPTIONS']", foreign)
    else:
        options = _from_own(f"DATABASES[{alias!r}]['OPTIONS']['pool']", own)
    if options.reset != "rollback":
        _refuse_unknown_account(alias, settings_dict)
    return options


def _from_own(place: str, given: object) -> PoolOptions:
    if given is None or given is True:
        given = {}
    if given is False:
        raise ImproperlyConfigured(
            f"{place} is False, but this ENGINE always pools. "
            "For connections without a pool use the ENGINE django.db.backends.mysql."
        )
    given = _known_mapping(place, given, KNOWN)
    max_size = _whole_number(place, "max_size", given.get("max_size", 20), least=1)
    min_size = _whole_number(place, "min_size", given.get("min_size", min(3, max_size)), least=0)
    check_sizes(place, max_size, min_size)
    max_waiting = _whole_number(place, "max_waiting", given.get("max_waiting", 0), least=0)
    reset = given.get("reset", "auto")
    if reset not in RESETS:
        raise ImproperlyConfigured(f"{place}: reset must be one of {_list(RESETS)}, not {reset!r}.")
    seconds: dict[str, Any] = {
        name: _seconds(place, name, given[name])
        for name in ("timeout", "max_lifetime", "max_idle", "keepalive", "fail_fast")
        if name in given
    }
    if "leak_after" in given:
        leak_after = given["leak_after"]
        off = leak_after is None or (leak_after == 0 and not isinstance(leak_after, bool))
        seconds["leak_after"] = 0.0 if off else _seconds(place, "leak_after", leak_after)
    statement_timeout = given.get("statement_timeout")
    if statement_timeout is not None:
        statement_timeout = _seconds(place, "statement_timeout", statement_timeout)
    return PoolOptions(
        max_size=max_size,
        min_size=min_size,
        max_waiting=max_waiting,
        reset=reset,
        statement_timeout=statement_timeout,
        **seconds,
        **_for_the_host(place, given),
    )


def check_sizes(place: str, max_size: object, min_size: object) -> None:
    """Raise ImproperlyConfigured, naming `place`, for sizes that cannot be meant."""
    most = _whole_number(place, "max_size", max_size, least=1)
    least = _whole_number(place, "min_size", min_size, least=0)
    if least > most:
        raise ImproperlyConfigured(f"{place}: min_size {least} exceeds max_size {most}.")


def _for_the_host(place: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that look beyond this process."""
    leasts = {"host_limit": 0, "processes": 1, "hosts": 1, "reserve": 0}
    options: dict[str, Any] = {
        name: _whole_number(place, name, given[name], least=least)
        for name, least in leasts.items()
        if name in given
    }
    if "ledger" in given:
        ledger = given["ledger"]
        is_path = isinstance(ledger, str | os.PathLike) and os.path.isabs(ledger)
        if ledger is not None and not is_path:
            raise ImproperlyConfigured(
                f"{place}: ledger must be the absolute path of a folder, or None, not {ledger!r}."
            )
        options["ledger"] = None if ledger is None else os.fspath(ledger)
        if ledger is None and options.get("host_limit"):
            raise ImproperlyConfigured(
                f"{place}: host_limit needs a folder where the processes meet, but ledger is None."
            )
    return options


def _from_foreign(place: str, given: object) -> PoolOptions:
    given = FOREIGN_DEFAULTS | dict(_known_mapping(place, given, tuple(FOREIGN_DEFAULTS)))
    pool_size = _whole_number(place, "POOL_SIZE", given["POOL_SIZE"], least=1)
    overflow = _whole_number(place, "MAX_OVERFLOW", given["MAX_OVERFLOW"], least=0)
    if given["PRE_PING"] is not True:
        raise ImproperlyConfigured(
            f"{place}: PRE_PING must be True or absent, not {given['PRE_PING']!r}: "
            "a connection is always validated before it is lent."
        )
    return PoolOptions(
        max_size=pool_size + overflow,
        min_size=pool_size,
        timeout=_seconds(place, "TIMEOUT", given["TIMEOUT"]),
        max_lifetime=_seconds(place, "RECYCLE", given["RECYCLE"]),
    )


def _refuse_unknown_account(alias: str, settings_dict: Mapping[str, Any]) -> None:
    # A full reset signs in again, so the pool has to know the account. One that stands in
    # an option file, or is the system's user, is known to the client library alone.
    options = settings_dict.get("OPTIONS", {})
    if not (settings_dict.get("USER") or options.get("user")):
        raise ImproperlyConfigured(
            f"DATABASES[{alias!r}] names no USER, so that the pool cannot reset a session. "
            'Name it, or set OPTIONS["pool"]["reset"] to "rollback".'
        )


def _known_mapping(place: str, given: object, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"{place} must be a dict of {_list(known)}, not {given!r}.")
    for key in given:
        if key not in known:
            raise ImproperlyConfigured(
                f"{place} has the unknown key {key!r}. Known: {_list(known)}."
            )
    return given


def _whole_number(place: str, name: str, value: object, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ImproperlyConfigured(
            f"{place}: {name} must be a whole number of at least {least}, not {value!r}."
        )
    return value


def _seconds(place: str, name: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 < value <= LONGEST_SECONDS:  # type: ignore[arg-type, operator]
        raise ImproperlyConfigured(
            f"{place}: {name} must be seconds above 0 and up to {LONGEST_SECONDS}, not {value!r}."
        )
    return float(value)  # type: ignore[arg-type]


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
