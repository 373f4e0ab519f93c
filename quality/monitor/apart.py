"""Lets a function use the ORM over a connection of its own, past the pool."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.mysql.base import DatabaseWrapper
from django.utils import translation

from quality.monitor.patience import within

Answer = TypeVar("Answer")


def apart(seconds: float, function: Callable[[], Answer]) -> Answer:
    """What `function` answers, in another thread. It waits in no queue behind what it looks at.

    Raises OperationalError when it takes longer, and what it raises.
    """
    usual: Any = connections[DEFAULT_DB_ALIAS]
    if usual.connection is not None:
        # This thread has its connection already, so there is none to wait for.
        return function()
    settings, language = usual.settings_dict, translation.get_language()

    def run() -> Answer:
        options = {name: value for name, value in settings["OPTIONS"].items() if name != "pool"}
        options |= dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), 1)
        own = DatabaseWrapper(settings | {"OPTIONS": options}, DEFAULT_DB_ALIAS)
        # For this thread, which ends with the function: every thread has its own.
        connections[DEFAULT_DB_ALIAS] = own
        try:
            with translation.override(language):
                return function()
        finally:
            own.close()

    try:
        return within(seconds, run)
    except TimeoutError as error:
        raise OperationalError(f"The database did not answer within {seconds:g} s.") from error
