"""Who holds a connection: the name that its borrower goes by."""

import threading
from contextvars import ContextVar, Token
from typing import Self

_name: ContextVar[str] = ContextVar("quality.pool.holder", default="")


class named:  # noqa: N801 - reads as a statement: `with named("command exportscans"):`
    """Give what is borrowed in this block, in this thread or task, to `name`.

    Blocks nest, the innermost counts. May be used again, but not by two threads at once.
    """

    __slots__ = ("_before", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._before: Token[str] | None = None

    def __enter__(self) -> Self:
        self._before = _name.set(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _name.reset(self._before)
            self._before = None


def name_of_holder() -> str:
    """The name of whoever borrows here and now; without `named()` that of the thread."""
    return _name.get() or threading.current_thread().name
