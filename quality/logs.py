"""What is logged where, and how a line looks."""

import json
import logging
import os
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured
from pythonjsonlogger.json import JsonFormatter

from quality.environment import VAR_DIR
from quality.monitor import work
from quality.monitor.texts import without_values

# The factory's clock: of pages and logs.
TIME_ZONE = "Europe/Bucharest"
_ZONE = ZoneInfo(TIME_ZONE)

# What no line shows is not looked up for each; logging's own advice.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
# Asking the system for it each time is dear in some containers.
_pid = os.getpid()


def _learn_pid() -> None:
    global _pid
    _pid = os.getpid()


os.register_at_fork(after_in_child=_learn_pid)

MEGABYTE = 1_000_000
# Area: the loggers whose lines go there, and how many files of how many bytes it keeps beside
# the present one. "application" has what no other area has, "errors" the errors of all.
AREAS: dict[str, tuple[tuple[str, ...], int, int]] = {
    "application": ((), 10 * MEGABYTE, 10),
    "errors": ((), 5 * MEGABYTE, 5),
    "database": (("quality.database", "quality.pool", "django.db"), 10 * MEGABYTE, 10),
    "routes": (("quality.routes",), 10 * MEGABYTE, 10),
    "settings": (("quality.settings", "quality.exports", "accounts"), 5 * MEGABYTE, 5),
}
# What Django calls an error of these anybody may send as often as he likes.
SENT_BY_STRANGERS = (
    *("DisallowedHost", "DisallowedRedirect", "RequestDataTooBig", "TooManyFieldsSent"),
    *("TooManyFilesSent", "SuspiciousOperation", "SuspiciousFileOperation", "InvalidSessionKey"),
    *("DisallowedModelAdminLookup", "DisallowedModelAdminToField", "BadRequest"),
)


def configuration() -> dict[str, Any]:
    """For `logging.config.dictConfig`. Raises ImproperlyConfigured."""
    folder = Path(os.environ.get("LOG_DIR") or VAR_DIR / "logs").resolve()
    form = os.environ.get("LOG_FORMAT") or "text"
    if form not in FORMATTERS:
        raise ImproperlyConfigured(f"LOG_FORMAT must be {' or '.join(FORMATTERS)}, not {form!r}.")
    handlers: dict[str, Any] = {
        "console": {
            "class": "quality.gathering.Console",
            "formatter": "line",
            "filters": ["for the console"],
        }
    }
    for area, (_, max_bytes, backups) in AREAS.items():
        handlers[area] = {
            "class": "quality.logfiles.SharedLogFile",
            "formatter": "line",
            "path": str(folder / f"{area}.log"),
            "max_bytes": max_bytes,
            "backups": backups,
        }
    handlers["application"]["filters"] = ["without an area"]
    handlers["errors"]["level"] = "ERROR"
    loggers: dict[str, dict[str, Any]] = {
        # Their own handlers would write each line a second time.
        "django": {"handlers": [], "propagate": True},
        "gunicorn.error": {"handlers": [], "propagate": True},
        # The lines of routes tell of every 4xx, and of a database that is away.
        "django.request": {"level": "ERROR", "filters": ["away"]},
        **{f"django.security.{name}": {"filters": ["strangers"]} for name in SENT_BY_STRANGERS},
        **{name: {"handlers": [area]} for area, (names, *_) in AREAS.items() for name in names},
    }
    for name in os.environ.get("LOG_DEBUG", "").split(","):
        if name.strip():
            loggers.setdefault(name.strip(), {})["level"] = "DEBUG"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATTERS[form]}},
        "filters": {
            "away": {"()": "quality.views.DatabaseAwayFilter"},
            "for the console": {"()": ForTheConsole},
            "strangers": {"()": Strangers},
            "without an area": {"()": WithoutAnArea},
        },
        "handlers": handlers,
        "root": {"handlers": ["console", "application", "errors"], "level": "INFO"},
        "loggers": loggers,
    }


# ----- Which lines go where


class WithoutAnArea(logging.Filter):
    """Lets through what has no area of its own."""

    names = tuple(f"{name}." for names, *_ in AREAS.values() for name in names)

    def filter(self, record: logging.LogRecord) -> bool:
        return not self._has_area(record.name)

    @lru_cache(maxsize=1000)  # noqa: B019 - there is one filter, and it lives as long as we do
    def _has_area(self, logger: str) -> bool:
        return f"{logger}.".startswith(self.names)


class ForTheConsole(logging.Filter):
    """Leaves out what would bury the rest: its file has it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "quality.settings.start":
            return False
        return record.name != "quality.database" or record.levelno >= logging.WARNING


class Strangers(logging.Filter):
    """Has what somebody sent warned of in one line: it is no error of ours, and must bury none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
        return True


# ----- How a line looks


def moment(at: float) -> str:
    """ISO 8601 with milliseconds and offset."""
    second, fraction = divmod(at, 1)
    start, offset = _second(int(second))
    return f"{start}.{int(fraction * 1000):03d}{offset}"


@lru_cache(maxsize=16)
def _second(second: int) -> tuple[str, str]:
    # The clock's rules are asked once for all lines of a second.
    text = datetime.fromtimestamp(second, _ZONE).isoformat()
    return text[:19], text[19:]


def request_id_of(record: logging.LogRecord) -> str:
    """The request that a line is about, or in which it was written; "" outside of requests."""
    known: str | None = getattr(record, "request_id", None)
    return work.request_id() if known is None else known


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line tells beside its message: `extra={"fields": {…}}`."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


# Of a terminal's control characters none is obeyed.
_CONTROLS = {
    number: f"\\x{number:02x}" for number in (*range(9), *range(11, 32), *range(127, 160))
} | {0x2028: "\\u2028", 0x2029: "\\u2029", ord("\n"): "\n    "}


class TextLine(logging.Formatter):
    """For people: time, level, process, request, logger: message key=value.

    What goes on over several lines is indented, so that nobody's text passes for a line of ours.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = (
            f"{moment(record.created)} {record.levelname} {_pid} {request_id_of(record) or '-'} "
            f"{record.name}: {record.getMessage()}{_as_text(fields_of(record))}"
        )
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if record.stack_info:
            text += "\n" + record.stack_info
        return text if text.isprintable() else text.translate(_CONTROLS)

    def format_many(self, record: logging.LogRecord) -> list[str]:
        """The lines of a record that stands for `many`: when, in which request, and all behind it.

        Whoever made them has seen to it that they are printable.
        """
        many: list[tuple[float, str, str]] = record.many  # type: ignore[attr-defined]
        before, after = f" {record.levelname} {_pid} ", f" {record.name}: "
        return [
            f"{moment(at)}{before}{request_id or '-'}{after}{text}" for at, request_id, text in many
        ]

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return without_values(super().formatException(ei))


def _as_text(fields: dict[str, Any], prefix: str = "") -> str:
    text = ""
    for name, value in fields.items():
        if isinstance(value, dict):
            text += _as_text(value, f"{prefix}{name}.")
            continue
        if isinstance(value, float):
            # No 3e-05 for people.
            shown = f"{value:.5f}".rstrip("0").rstrip(".")
        elif isinstance(value, int):
            shown = str(value)
        else:
            shown = str(value)
            if not shown or not shown.isprintable() or " " in shown or '"' in shown:
                shown = json.dumps(shown, ensure_ascii=False)
        text += f" {prefix}{name}={shown}"
    return text


class JsonLine(JsonFormatter):
    """For programs: one object a line, with the same names."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data["time"] = moment(record.created)
        log_data["level"] = record.levelname
        log_data["process"] = _pid
        if request_id := request_id_of(record):
            log_data["request"] = request_id
        log_data["logger"] = record.name
        log_data["message"] = record.message
        log_data.update(fields_of(record))
        log_data.update(message_dict)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return without_values(str(super().formatException(ei)))


FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextLine, "json": JsonLine}
