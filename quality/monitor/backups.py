"""Says how old the newest backup is."""

import os

from django.conf import settings


def backup_age_seconds(*, now: float) -> float | None:
    """Seconds since the last change of a file in BACKUP_DIR; None where none is configured.

    Of an empty folder: since it was emptied or made. Of one that cannot be read: since 1970.
    """
    if not settings.BACKUP_DIR:
        return None
    try:
        with os.scandir(settings.BACKUP_DIR) as entries:
            changed = [entry.stat().st_mtime for entry in entries if entry.is_file()]
        newest = max(changed) if changed else os.stat(settings.BACKUP_DIR).st_mtime
    except OSError:
        newest = 0.0
    return max(0.0, now - newest)
