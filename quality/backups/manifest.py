"""Writes down beside a backup what it holds and what became of its test."""

import errno
import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from quality.backups.errors import BackupError

FORMAT = 1
# None has a hundredth of it; what is longer is not read.
MOST_BYTES = 1_000_000
SUFFIX = ".json"


class Kind(StrEnum):
    """What a backup was made for."""

    NIGHTLY = "nightly"
    BY_HAND = "by hand"
    BEFORE_MIGRATIONS = "before migrations"
    BEFORE_RESTORE = "before restore"


class Outcome(StrEnum):
    """What became of the restore test."""

    # Not yet, or it was cut off.
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    # Nobody wanted one.
    SKIPPED = "skipped"
    # Encrypted for a key that this host does not have.
    UNREADABLE = "unreadable here"


# With these a backup counts as one: tested, or untested because somebody wanted it so.
# quality/monitor/backups.py knows them as well.
GOOD = (Outcome.PASSED, Outcome.SKIPPED, Outcome.UNREADABLE)


@dataclass(frozen=True)
class Manifest:
    """All that must be so after a restore, and how to tell the file from any other."""

    file: str
    bytes: int
    sha256: str
    database: str
    charset: str
    collation: str
    server: str
    kind: str
    # The snapshot is of this moment or a little later: what was confirmed before is in it.
    taken_at: str
    seconds: float
    is_encrypted: bool
    # Rows of each table, counted as they were dumped.
    rows: dict[str, int]
    # Of these the backup holds the table alone.
    without_rows: list[str]
    triggers: int
    migrations: list[str]
    # The ends of the chain of seals when the backup began: each must be in what is restored.
    heads: dict[str, str]
    outcome: str = Outcome.PENDING
    # What the test found; why it failed.
    test: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def is_good(self) -> bool:
        return self.outcome in GOOD

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())

    def tested(self, outcome: Outcome, **test: Any) -> "Manifest":
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, outcome=str(outcome), test={"at": at} | test)


def path_of(backup: Path) -> Path:
    return backup.with_name(backup.name + SUFFIX)


def write(manifest: Manifest, folder: Path) -> None:
    """Put it beside its backup, which is one with it; all of it or nothing. Raises BackupError."""
    said = asdict(manifest)
    text = json.dumps(said | {"checksum": _checksum(said)}, indent=1) + "\n"
    path = path_of(folder / manifest.file)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise BackupError(
            f"There is no room for {path}: {error.strerror}. Make room there, or give BACKUP_DIR "
            "a larger disk."
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else f"Cannot write {path}: {error.strerror}."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """A new name outlives a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def read(path: Path) -> Manifest:
    """The manifest at `path`. Raises BackupError."""
    try:
        said = json.loads(_text(path))
        checksum, version = said.pop("checksum"), said["format"]
        if version != FORMAT:
            raise BackupError(
                f"{path} has format {version}, this version reads {FORMAT}. "
                "Restore it with the version of the house that made it."
            )
        if checksum != _checksum(said):
            raise BackupError(f"{path} was altered: its checksum is not that of what it says.")
        return _manifest(said)
    except FileNotFoundError:
        raise BackupError(
            f"There is no manifest {path}. A backup is two files: bring both into one folder."
        ) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BackupError(f"{path} is no manifest of a backup: {error}") from error


def _text(path: Path) -> bytes:
    # A pipe or a device would say something for ever, or never.
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES:,} bytes")
    return text


def _manifest(said: dict[str, Any]) -> Manifest:
    manifest = Manifest(**said)
    for one in fields(Manifest):
        wanted = {"rows": dict, "heads": dict, "test": dict}.get(one.name) or one.type
        wanted = list if one.name in ("without_rows", "migrations") else wanted
        if not isinstance(getattr(manifest, one.name), wanted):  # type: ignore[arg-type]
            raise TypeError(f"{one.name} is {getattr(manifest, one.name)!r}")
    if Path(manifest.file).name != manifest.file:
        raise ValueError(f"it names a file elsewhere: {manifest.file!r}")
    if manifest.moment.tzinfo is None:
        raise ValueError(f"taken_at lacks its zone: {manifest.taken_at!r}")
    # No other zone may make a year of it that is none.
    if not 1 < manifest.moment.year < 9999:
        raise ValueError(f"taken_at is {manifest.taken_at!r}")
    return manifest


def _checksum(said: dict[str, Any]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
