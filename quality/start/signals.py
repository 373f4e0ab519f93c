"""Turns the signals that ask for an end into one exception, raised once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

# SIGHUP: the terminal's window was closed.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked for an end; not an error, so `except Exception` lets it pass."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number


class _State:
    shields = 0
    pending: int | None = None
    raised = False


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Raise Stopped in this thread at the first signal; later ones must not break the tidying."""
    previous = {
        number: signal.signal(number, _stop)
        for number in STOPPING
        # `nohup make run` asks to outlive its terminal.
        if not (number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN)
    }
    _State.shields, _State.pending, _State.raised = 0, None, False
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Hold a signal back while a process starts: until its number is kept nobody could end it."""
    _State.shields += 1
    try:
        yield
    finally:
        _State.shields -= 1
    if _State.shields == 0 and _State.pending is not None:
        number, _State.pending = _State.pending, None
        _stop(number, None)


def _stop(number: int, frame: FrameType | None) -> None:
    if _State.raised:
        return
    if _State.shields:
        _State.pending = number
        return
    _State.raised = True
    raise Stopped(number)
