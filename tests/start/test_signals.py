from __future__ import annotations

import os
import signal

import pytest

from quality.start.signals import Stopped, shielded, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_an_exception_that_knows_it(number: signal.Signals) -> None:
    with pytest.raises(Stopped) as stopped, stop_signals():
        signal.raise_signal(number)
    assert stopped.value.signal_number == number


def test_a_second_signal_does_not_break_the_tidying() -> None:
    tidied = []

    @stop_signals()
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            tidied.append("all of it")

    with pytest.raises(Stopped):
        work()
    assert tidied == ["all of it"]


def test_a_shield_holds_a_signal_back_until_its_end() -> None:
    reached = []

    @stop_signals()
    def work() -> None:
        with shielded(), shielded():
            signal.raise_signal(signal.SIGTERM)
            reached.append("end of the shield")
        reached.append("too far")

    with pytest.raises(Stopped):
        work()
    assert reached == ["end of the shield"]


def test_what_was_there_before_is_there_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
