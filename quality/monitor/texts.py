"""Makes texts fit for a log: on one line, and without what somebody sent."""

import re

from django.db import InterfaceError, OperationalError

# What the server quotes in its errors may be a value.
_QUOTED = re.compile(
    r"(Duplicate entry|value:|near) '.*?'(?= for (?:key|column)| at (?:row|line)|[\"')]*$)",
    re.DOTALL | re.MULTILINE,
)


def printable(text: str) -> str:
    """`text` on one line: a path may hold any character, also a line's end."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def without_values(text: str) -> str:
    """The text of a database's error without the values that the server quotes."""
    return _QUOTED.sub(r"\1 '…'", text)


def reason(error: BaseException) -> str:
    """What went wrong. Only the state of the database is told in full: the rest may hold values.

    The traceback of anything else stands among the errors.
    """
    name = type(error).__name__
    if isinstance(error, (OperationalError, InterfaceError)):
        return printable(f"{name}: {without_values(' '.join(map(str, error.args)))}")
    return name
