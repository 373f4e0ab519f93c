"""Says how old the newest good backup is, and whether the newest of all could be restored."""

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

# As quality/backups/manifest.py writes them. Untested counts where somebody wanted it so.
GOOD = ("passed", "skipped", "unreadable here")
FAILED = "failed"
# What is dated later than this was dated by a clock that ran ahead: it would be the newest for
# months, and hide that none is taken any more.
_AHEAD_SECONDS = 60 * 60
_MANIFEST = re.compile(r"[\w-]+-(\d{8}T\d{6}Z)\.sql\.zst(?:\.age)?\.json")
# None has a hundredth of it.
_MOST_BYTES = 1_000_000
_NONSENSE = (
    *(ValueError, LookupError, TypeError, OverflowError, RecursionError),
    # Dropped meanwhile.
    FileNotFoundError,
)
# Made with the first attempt, and never changed.
_LOCK = ".lock"


def backup_age_seconds(*, now: float) -> float | None:
    """Seconds since the newest good backup in BACKUP_DIR was begun; None where none is configured.

    Of a folder without one: since backups are wanted. Of one that cannot be read: since 1970.
    """
    if not settings.BACKUP_DIR:
        return None
    folder = Path(settings.BACKUP_DIR)
    try:
        good = (taken_at for outcome, taken_at in _newest_first(folder, now) if outcome in GOOD)
        newest = next(good, None)
        if newest is None:
            # Not the folder's own time, which each attempt that fails makes new.
            since = folder / _LOCK
            newest = os.stat(since if since.exists() else folder).st_mtime
    except OSError:
        newest = 0.0
    return max(0.0, now - newest)


def has_backup_failed(*, now: float) -> bool | None:
    """Whether the newest backup failed its restore test; None where none is configured."""
    if not settings.BACKUP_DIR:
        return None
    try:
        outcome, _ = next(_newest_first(Path(settings.BACKUP_DIR), now), ("", 0.0))
    except OSError:
        return False  # its age tells
    return outcome == FAILED


def backup_numbers(*, now: float) -> dict[str, float]:
    """Both as metrics, by their names."""
    age_seconds, has_failed = backup_age_seconds(now=now), has_backup_failed(now=now)
    if age_seconds is None or has_failed is None:
        return {}
    return {"backup_age_seconds": age_seconds, "backup_test_failed": float(has_failed)}


def _newest_first(folder: Path, now: float) -> Iterator[tuple[str, float]]:
    """What became of each backup's test, and when it was begun. Raises OSError."""
    names = [name for name in os.listdir(folder) if _MANIFEST.fullmatch(name)]
    for name in sorted(names, key=_moment, reverse=True):
        # Without its data a manifest is none, nor is a link, which may lead to what has no end.
        if not all(_is_file(folder / one) for one in (name, name.removesuffix(".json"))):
            continue
        try:
            with (folder / name).open("rb") as file:
                said = json.loads(file.read(_MOST_BYTES))
            taken_at = datetime.fromisoformat(said["taken_at"]).timestamp()
            outcome = str(said["outcome"])
        except _NONSENSE:
            continue  # it counts as none
        if taken_at <= now + _AHEAD_SECONDS:
            yield outcome, taken_at


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _moment(name: str) -> str:
    found = _MANIFEST.fullmatch(name)
    return found[1] if found else ""
