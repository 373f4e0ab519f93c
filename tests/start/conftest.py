from __future__ import annotations

import pytest

from tests import faults


@pytest.fixture
def free_port() -> int:
    return faults.free_port()
