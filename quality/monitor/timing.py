"""Tells of slow statements, and who asked for them."""

import logging
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from quality.monitor.statements import without_literals

logger = logging.getLogger("quality.database.slow")

LONGEST_TEXT = 1000
# Between the code that asks and the statement, whose fault it is not.
_BETWEEN = (f"{Path(__file__).parents[1] / 'pool'}/", __file__)


def tell(alias: str, statement: Any, seconds: float) -> None:
    """A listener of the pool's: `statement` took longer than SLOW_STATEMENT_SECONDS."""
    text = statement.decode(errors="replace") if isinstance(statement, bytes) else str(statement)
    logger.warning(
        "%s: a statement took %.1f s (SLOW_STATEMENT_SECONDS is %g): %s",
        alias,
        seconds,
        settings.SLOW_STATEMENT_SECONDS,
        without_literals(text.replace("%s", "?"), longest=LONGEST_TEXT),
        extra={"fields": {"seconds": round(seconds, 3), "caller": caller()}},
    )


def caller() -> str:
    """The innermost line of this project's own code that led here; "" without one."""
    home = f"{settings.BASE_DIR}/"
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if (
            path.startswith(home)
            and "/site-packages/" not in path
            and not path.startswith(_BETWEEN)
        ):
            return f"{path.removeprefix(home)}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
