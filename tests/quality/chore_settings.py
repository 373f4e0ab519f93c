"""The site's settings with chores that tests can follow."""

from quality.settings import *  # noqa: F403

CHORES = [
    f"tests.quality.sample_chores.{name}"
    for name in ("fails", "is_not_there", "asks_the_database", "waits")
]
