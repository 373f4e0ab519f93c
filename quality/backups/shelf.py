"""The folder in which backups lie: which there are, which may go, and whose turn it is."""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from django.conf import settings

from quality.backups import manifest
from quality.backups.errors import BackupError
from quality.backups.manifest import Manifest

# quality-20261129T003000Z.sql.zst.age
NAME = re.compile(r"[\w-]+-\d{8}T\d{6}Z\.sql\.zst(?:\.age)?")
LOCK = ".lock"


def folder() -> Path:
    """Raises BackupError where none is configured."""
    if not settings.BACKUP_DIR:
        raise BackupError("BACKUP_DIR is not set: name the folder in which backups shall lie.")
    return Path(settings.BACKUP_DIR)


def name_for(database: str, at: datetime, *, is_encrypted: bool) -> str:
    plain = re.sub(r"[^\w-]", "_", database)
    return f"{plain}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.sql.zst{'.age' * is_encrypted}"


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """One at a time makes or restores a backup; another one is refused. Raises BackupError."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its age tells since when backups are wanted: see quality/monitor/backups.py.
        lock = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BackupError(
            f"Cannot write in {place}: {error.strerror}. BACKUP_DIR must be a folder that "
            f"uid {os.geteuid()} may write to."
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(
                f"Another backup or restore is at work in {place}. Wait for its end."
            ) from None
        for left in place.glob("*.partial"):
            # Of one that was killed: nobody else is at work.
            if NAME.match(left.name):
                left.unlink()
        yield
    finally:
        os.close(lock)


def backups(place: Path) -> list[Manifest]:
    """All that are complete, the newest first. What has no readable manifest is none.

    Nor is a link: it would give out a file of another place.
    """
    found = []
    for path in place.glob(f"*{manifest.SUFFIX}"):
        backup = path.with_suffix("")
        if not (NAME.fullmatch(backup.name) and backup.is_file()) or _has_link(backup, path):
            continue
        try:
            one = manifest.read(path)
        except BackupError:
            continue
        if one.file == backup.name:
            found.append(one)
    return sorted(found, key=lambda one: one.taken_at, reverse=True)


def _has_link(*paths: Path) -> bool:
    return any(path.is_symlink() for path in paths)


def to_drop(
    found: Sequence[Manifest], now: datetime, *, daily: int, weekly: int, zone: tzinfo
) -> list[Manifest]:
    """Which of them, the newest first, nobody needs any more.

    What was made within a day stays, and of each kind the newest of each day and of each week. What
    failed its test, or was never tested, stays until the days are over that are kept; of what is
    good, the newest always does. Those of a clock that was ahead stay, and take nobody's place.
    """
    found = [one for one in found if one.moment <= now]
    kept: set[str] = set()
    days: dict[str, set[object]] = {}
    weeks: dict[str, set[object]] = {}
    good = [one for one in found if one.is_good]
    for one in good:
        local = one.moment.astimezone(zone)
        for seen, slot, most in (
            (days.setdefault(one.kind, set()), local.date(), daily),
            (weeks.setdefault(one.kind, set()), local.isocalendar()[:2], weekly),
        ):
            if slot not in seen and len(seen) < most:
                seen.add(slot)
                kept.add(one.file)
    kept |= {one.file for one in good[:1]}
    newest = found[0].moment if found else now
    return [
        one
        for one in found
        if one.file not in kept and (newest - one.moment).days >= (1 if one.is_good else daily)
    ]


def drop(one: Manifest, place: Path) -> None:
    """Delete a backup: first the manifest, so that no half of it looks like one."""
    manifest.path_of(place / one.file).unlink(missing_ok=True)
    (place / one.file).unlink(missing_ok=True)
