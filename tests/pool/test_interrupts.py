"""A signal's handler that raises, wherever it comes, costs no connection's slot."""

import gc
import sys
from collections.abc import Callable

import pytest

from quality.pool.keeper import keeper
from tests.pool.conftest import eventually, select, works


class Interrupt(BaseException):
    """As KeyboardInterrupt, or the time limit of a background task."""


def interrupted(work: Callable[[], object], point: int) -> bool:
    """Do the work, and raise at its n-th point within the pool. False: it has no more.

    Python runs the handlers of signals when a function begins, and after a function of C.
    """
    seen = 0

    def profile(frame, event, _):
        nonlocal seen
        code = frame.f_code
        # What is raised in __del__ goes nowhere.
        if "/quality/pool/" in code.co_filename and code.co_name != "__del__":
            seen += event in ("call", "c_return")
            if seen == point:
                sys.setprofile(None)
                raise Interrupt

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    except Interrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


@pytest.mark.parametrize("kind", ["opened", "idle and left dirty"])
def test_an_interrupt_costs_no_slot(kind, database):
    shop = database(pool={"max_size": 2, "min_size": 0, "timeout": 20})
    assert works(shop)
    pool = shop.pool
    slots = pool.slots

    def session() -> None:
        wrapper = shop.wrapper()
        try:
            if kind == "opened":
                wrapper.ensure_connection()
            else:
                select(wrapper, "SELECT @@autocommit")
        finally:
            wrapper.close()

    def is_at_rest() -> bool:
        keeper.look()
        in_work = slots.in_use or slots.attempts or slots.waiters
        return not in_work and slots.taken == len(slots.idle)

    point = 1
    while interrupted(session, point):
        # What nobody refers to any more is left to the keeper.
        gc.collect(0)
        eventually(is_at_rest)
        if kind == "opened":
            pool.close_idle("pool closed")
        elif not slots.idle:
            assert works(shop)
        point += 1
    assert point > 100
