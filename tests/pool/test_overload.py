"""More borrowers than the pool can serve: nobody is forgotten, and it recovers."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import OperationalError

from quality.pool.tending import shed
from tests.pool.conftest import eventually, in_thread, select, works


def test_a_pool_recovers_when_the_load_falls(database):
    """After ten times as many borrowers as it can serve, latency is what it was before."""
    shop = database(pool={"max_size": 4, "timeout": 1, "max_waiting": 0})

    def latency_seconds() -> float:
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert works(shop)
            took.append(time.monotonic() - began)
        return statistics.median(took)

    quiet = latency_seconds()
    until = time.monotonic() + 3

    def press(_: int) -> int:
        refused = 0
        while time.monotonic() < until:
            wrapper = shop.wrapper()
            try:
                # Long enough that 40 cannot be served by 4 within the time-out.
                select(wrapper, "SELECT SLEEP(0.2)")
            except OperationalError:
                refused += 1
            finally:
                wrapper.close()
        return refused

    with ThreadPoolExecutor(40) as executor:
        refused = sum(executor.map(press, range(40)))
    assert refused > 0
    stats = shop.pool.stats()
    assert (stats.waiting, stats.in_use) == (0, 0)
    assert stats.open <= 4
    # Nothing of the burst is left in any queue. What is busy for a moment is the machine.
    eventually(lambda: latency_seconds() < 5 * quiet + 0.005)


def test_the_keeper_disturbs_no_borrower(database):
    """It looks at idle connections, which any borrower may take in that instant."""
    shop = database(pool={"max_size": 4})
    until = time.monotonic() + 1

    def borrow() -> None:
        wrapper = shop.wrapper()
        while time.monotonic() < until:
            wrapper.ensure_connection()
            wrapper.close()

    borrowers = [in_thread(borrow) for _ in range(2)]
    while time.monotonic() < until:
        shed(shop.pool, time.monotonic())
    for borrower in borrowers:
        borrower.result(30)
