"""Which pool serves which database of this process."""

import atexit
import threading
from collections.abc import Mapping
from typing import Any

from quality.pool import forking
from quality.pool.lending import Pool
from quality.pool.options import PoolOptions
from quality.pool.sessions import ConnectionParams


class Registry:
    """The pools of this process, one per alias.

    A pool serves exactly the connection parameters that it was made with. The test runner
    points the alias at another database by changing NAME: whoever asks with other
    parameters gets another pool, and the one that was there drains.
    """

    def __init__(self) -> None:
        self._start_empty()
        forking.watch(self)

    def _start_empty(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()

    def leave_to_parent(self) -> None:
        """In a forked child: know no pool."""
        self._start_empty()

    def pool(self, alias: str, params: Mapping[str, Any], options: PoolOptions) -> Pool:
        """The pool for exactly these parameters, made now if there is none."""
        if forking.is_in_child():
            forking.notice_fork()
        pool = self._pools.get(alias)
        if pool is not None and pool.has_params(params) and pool.options == options:
            return pool
        with self._lock:
            outdated = self._pools.get(alias)
            if outdated is not None and outdated.has_params(params) and outdated.options == options:
                return outdated
            pool = self._pools[alias] = Pool(alias, ConnectionParams(frozen(params)), options)
        if outdated is not None:
            outdated.retire()
        return pool

    def known(self, alias: str) -> Pool | None:
        """The pool of `alias`, if there is one."""
        return self._pools.get(alias)

    def close_all(self) -> None:
        """At the end of the process: close what no running thread can be using."""
        for pool in self.all():
            pool.retire()
            with pool.slots.lock:
                holdings = list(pool.slots.in_use.values())
            for one in holdings:
                if one.thread is threading.current_thread() or not one.thread.is_alive():
                    pool.end(one, "pool closed")

    def all(self) -> list[Pool]:
        """Every pool of this process."""
        return list(self._pools.values())


def frozen(value: Any) -> Any:
    """A copy that stays as it is when the dicts and lists of `value` are changed in place."""
    if isinstance(value, dict):
        return {key: frozen(part) for key, part in value.items()}
    if isinstance(value, list):
        return [frozen(part) for part in value]
    # Text, numbers, and the driver's functions and classes.
    return value


registry = Registry()
# The keeper's thread refers to the pools to the end, so that nothing would be collected.
atexit.register(registry.close_all)
