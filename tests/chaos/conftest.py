"""The programs that watch the house, as `make chaos` has unpacked them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from quality.start.tools import find_tool


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """`tool("promtool")` is the program; without it a test fails, and says what brings it."""

    def find(name: str) -> Path:
        path = find_tool(name, os.environ)
        assert path is not None, f"{name} is missing. `make chaos` brings it."
        return path

    return find
