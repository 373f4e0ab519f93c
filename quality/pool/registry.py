"""Which pool serves which database of this process."""

import copy
import os
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
        self._pid = os.getpid()

    def leave_to_parent(self) -> None:
        """In a forked child: know no pool."""
        self._start_empty()

    def pool(self, alias: str, params: Mapping[str, Any], options: PoolOptions) -> Pool:
        """The pool for exactly these parameters, made now if there is none."""
        if self._pid != os.getpid():
            forking.notice_fork()
        pool = self._pools.get(alias)
        if pool is not None and pool.has_params(params) and pool.options == options:
            return pool
        with self._lock:
            outdated = self._pools.get(alias)
            if outdated is not None and outdated.has_params(params) and outdated.options == options:
                return outdated
            pool = self._pools[alias] = Pool(alias, _frozen(params), options)
        if outdated is not None:
            outdated.retire()
        return pool

    def known(self, alias: str) -> Pool | None:
        """The pool of `alias`, if there is one."""
        return self._pools.get(alias)

    def all(self) -> list[Pool]:
        """Every pool of this process."""
        return list(self._pools.values())


def _frozen(params: Mapping[str, Any]) -> ConnectionParams:
    # The dict of TLS files may be changed in place in the settings; the pool must notice.
    # Converters are functions and classes: never changed, and not to be copied.
    return ConnectionParams(
        (key, value if key == "conv" else copy.deepcopy(value)) for key, value in params.items()
    )


registry = Registry()
