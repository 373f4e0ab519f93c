"""Leaves secrets out of what is told of the settings."""

import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter

_LOGIN_IN_URL = re.compile(r"//[^/\s]*@")


class Filter(SafeExceptionReporterFilter):
    """As Django's, which goes by names and does not know that an address may hold a password."""

    # Whoever knows the address of a webhook may post to it.
    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|WEBHOOK", re.IGNORECASE
    )

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        cleansed: Any = super().cleanse_setting(key, value)
        return _LOGIN_IN_URL.sub("//…@", cleansed) if isinstance(cleansed, str) else cleansed
