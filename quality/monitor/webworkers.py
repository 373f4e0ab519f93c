"""Says how many web workers there are to be, and how many serve."""

from collections.abc import Callable

_expected = 0
_count_serving: Callable[[], int] = int


def tell(*, expected: int, count_serving: Callable[[], int]) -> None:
    """Have this process's numbers say so; called where such a worker begins."""
    global _expected, _count_serving
    _expected, _count_serving = expected, count_serving


def web_worker_numbers() -> dict[str, float]:
    """Both as metrics, by their names; none in a process that is no web worker."""
    if not _expected:
        return {}
    return {
        "web_workers_expected": float(_expected),
        "web_workers_serving": float(_count_serving()),
    }
