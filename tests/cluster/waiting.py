"""Waits until something is true, or says what was not."""

import time
from collections.abc import Callable


def await_true(what: str, is_true: Callable[[], bool], seconds: float) -> float:
    """The seconds that it took."""
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began
