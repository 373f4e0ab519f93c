"""Who holds a connection: the name that its borrower goes by."""

from contextvars import ContextVar, Token
from typing import Self

# What `named()` says here and now; "" outside of it. It is asked for its text at each borrow.
given_name: ContextVar[object] = ContextVar("quality.pool.holder", default="")


class named:  # noqa: N801 - reads as a statement: `with named("command exportscans"):`
    """Give what is borrowed in this block, in this thread or task, to `name`.

    Blocks nest, the innermost counts. May be used again, but not by two threads at once.
    """

    __slots__ = ("_before", "name")

    def __init__(self, name: object) -> None:
        self.name = name
        self._before: Token[object] | None = None

    def __enter__(self) -> Self:
        self._before = given_name.set(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            given_name.reset(self._before)
            self._before = None
