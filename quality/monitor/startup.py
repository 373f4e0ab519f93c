"""Logs the settings that a start found."""

import logging

from django.conf import settings
from django.views.debug import get_default_exception_reporter_filter

logger = logging.getLogger("quality.settings.start")

# The same at every start of the same code, and long.
STRUCTURE = {
    "INSTALLED_APPS",
    "LOGGING",
    "MIDDLEWARE",
    "MONITOR_OUTCOMES",
    "MONITOR_SIGNALS",
    "TEMPLATES",
}


def log_settings() -> None:
    """A line for each setting that differs from Django's own, without secrets."""
    safe = get_default_exception_reporter_filter()
    is_ours = settings.is_overridden  # type: ignore[misc]
    for name in sorted(dir(settings)):
        if name.isupper() and name not in STRUCTURE and is_ours(name):
            value = safe.cleanse_setting(name, getattr(settings, name))
            logger.info("%s = %r", name, value)
