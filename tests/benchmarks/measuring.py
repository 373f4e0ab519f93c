"""Interleaved rounds: each variant in turn, so that a noisy machine is noisy for all."""

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import connections

from tests.benchmarks.operations import OPERATIONS, Operation, request
from tests.benchmarks.variants import alias_of

WARM_UP = 3


@contextlib.contextmanager
def only(alias: str) -> Iterator[None]:
    """The project has this one database. Django looks at each of its aliases in each request."""
    everything = connections.settings
    connections.settings = {alias: everything[alias]}
    try:
        yield
    finally:
        connections.settings = everything


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a table."""

    operation: str
    threads: int
    network: str


@dataclass(slots=True)
class Result:
    """µs per operation in each round, by variant; all variants have as many rounds."""

    case: Case
    microseconds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, variant: str) -> float:
        """µs."""
        return statistics.median(self.microseconds[variant])

    def ratio(self, variant: str, other: str) -> tuple[float, float, float]:
        """`variant` as a part of `other`, of the same round each: median, least, most."""
        pairs = zip(self.microseconds[variant], self.microseconds[other], strict=True)
        ratios = [one / another for one, another in pairs]
        return statistics.median(ratios), min(ratios), max(ratios)

    def ratio_of_best(self, variant: str, other: str) -> float:
        """Of the quickest rounds, in which nothing else was going on."""
        return min(self.microseconds[variant]) / min(self.microseconds[other])


def measure(
    cases: Iterable[Case],
    variants: tuple[str, ...],
    *,
    rounds: int,
    seconds: float,
    tidy_up: Callable[[Case], None],
    progress: Callable[[str], None],
) -> list[Result]:
    """`seconds` for each variant in each round. `tidy_up` runs between, unmeasured."""
    results = []
    for case in cases:
        result = Result(case, {variant: [] for variant in variants})
        for number in range(rounds):
            progress(
                f"{case.operation}, {case.threads} threads, {case.network}: "
                f"round {number + 1} of {rounds}"
            )
            for variant in variants:
                alias = alias_of(variant, case.network)
                with only(alias):
                    taken = run(OPERATIONS[case.operation], alias, case.threads, seconds)
                result.microseconds[variant].append(taken * 1e6)
                tidy_up(case)
        results.append(result)
    return results


def run(work: Operation, alias: str, threads: int, seconds: float) -> float:
    """Seconds that pass for each operation: with several threads, for all of theirs together.

    The threads are new each time, so that none has a connection of another variant, which
    Django would look at in every request.
    """
    start = threading.Barrier(threads)

    def work_along(_: int) -> tuple[float, float, int]:
        try:
            for _ in range(WARM_UP):
                request(work, alias)
            start.wait(60)
            count, began = 0, time.perf_counter()
            while (now := time.perf_counter()) < began + seconds:
                request(work, alias)
                count += 1
            return began, now, count
        except BaseException:
            start.abort()
            raise
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as executor:
        done = list(executor.map(work_along, range(threads)))
    began = min(one[0] for one in done)
    ended = max(one[1] for one in done)
    return (ended - began) / sum(one[2] for one in done)
