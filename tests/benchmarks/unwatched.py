"""The house's settings without all that watches, to see what watching costs."""

from quality.monitor.apps import MonitorConfig
from quality.settings import *  # noqa: F403
from quality.settings import INSTALLED_APPS, MIDDLEWARE


class Unwatched(MonitorConfig):
    """The app with its models, listening to nothing."""

    def ready(self) -> None:
        """Nothing."""


INSTALLED_APPS = [
    f"{__name__}.Unwatched" if app == "quality.monitor" else app for app in INSTALLED_APPS
]
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("quality.monitor.")]
# Django's own: nothing is said of a request that is answered.
LOGGING: dict[str, object] = {}
