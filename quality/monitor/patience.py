"""Waits for an answer for so long and no longer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Answer = TypeVar("Answer")


def begin(function: Callable[[], Answer]) -> Future[Answer]:
    """Have `function` called in a thread of its own, which nobody has to wait for.

    The client library counts its time-outs in whole seconds, and each step anew: who has to
    answer within one second cannot ask by himself.
    """
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            answer = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is wanted
            future.set_exception(error)
        else:
            future.set_result(answer)

    threading.Thread(target=run, name="monitor asks", daemon=True).start()
    return future


def within(seconds: float, function: Callable[[], Answer]) -> Answer:
    """What `function` answers. Raises TimeoutError when it takes longer, and what it raises."""
    return begin(function).result(seconds)
