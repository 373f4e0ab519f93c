"""Brings a backup back: into an empty database, or in the place of what is there."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.errors import BackupError
from quality.backups.keys import read_keys
from quality.backups.loading import compare, examine, load
from quality.backups.manifest import Kind, Manifest
from quality.backups.server import UNFINISHED, Connection, Server, server_of_the_house
from quality.backups.taking import Progress, no_progress, take
from quality.backups.trying import scratch
from quality.backups.verifying import verify_chain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restored:
    """What was brought back, and where."""

    manifest: Manifest
    database: str
    chain: dict[str, Any]
    # What was there before, where something was.
    before: Manifest | None
    # Whether the code has migrations that the backup lacks.
    is_older: bool


def check(backup: Path, progress: Progress = no_progress) -> Manifest:
    """Read all of a backup and hold it against its manifest; asks no database.

    Raises BackupError.
    """
    manifest = manifests.read(manifests.path_of(backup))
    if manifest.file != backup.name:
        raise BackupError(
            f"The manifest beside {backup} is that of {manifest.file}. Bring both files of one "
            "backup into one folder, under their own names."
        )
    keys = read_keys(settings.BACKUP_KEY)
    examine(backup, manifest, keys, lambda rows: progress("rows read", rows, manifest.total_rows))
    return manifest


def restore(
    backup: Path, *, into: str = "", replace: str = "", progress: Progress = no_progress
) -> Restored:
    """Fill a database with a backup; nothing is changed before all of the backup was read.

    `into` names another database than the house's. What is there is replaced only by who repeats
    its name; then the backup is first tried aside, and another one is made of what is there.
    Raises BackupError.
    """
    manifest = check(backup, progress)
    is_older = _is_older(manifest)
    server, keys = server_of_the_house(), read_keys(settings.BACKUP_KEY)
    database, before = into or server.database, None
    with server.connection() as connection:
        if connection.run("SELECT GET_LOCK(%s, 0)", f"restore {database}"[:64]) != [(1,)]:
            raise BackupError(f"Another restore into {database} is at work. Wait for its end.")
        if _is_taken(connection, database):
            _refuse(connection, server, database, replace)
            aside = settings.BACKUP_SCRATCH_DATABASE or f"{server.database}_restored"
            # Who takes a backup meanwhile would not be able to test it.
            with shelf.alone(shelf.folder()), scratch(server, aside, manifest):
                load(backup, manifest, keys, server, aside, _rows(progress, manifest, "tried"))
                compare(manifest, server, aside)
            before = take(Kind.BEFORE_RESTORE, test=False, progress=progress)
        else:
            # Of a restore that was cut off there may be half a house, and somebody in it.
            _refuse_beside_others(connection, database)
        if not backup.is_file():
            # Another one was taken meanwhile, and this one dropped, as newer ones are kept.
            raise BackupError(f"There is no file {backup} any more. Nothing was changed.")
        with _filled(connection, database, manifest):
            load(backup, manifest, keys, server, database, _rows(progress, manifest, "restored"))
            compare(manifest, server, database)
            chain = verify_chain(database, {} if is_older else manifest.heads)
    restored = Restored(manifest, database, chain, before, is_older)
    logger.warning("Restored %s into %s: %d rows", backup, database, manifest.total_rows)
    return restored


def _rows(progress: Progress, manifest: Manifest, word: str) -> Any:
    return lambda rows: progress(f"rows {word}", rows, manifest.total_rows)


def _is_older(manifest: Manifest) -> bool:
    """Raises BackupError for a backup of a newer version than this code."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(manifest.migrations) - known):
        raise BackupError(
            f"{manifest.file} was made by another version of the house: this one does not know "
            f"{', '.join(unknown[:3])}{' and more' * (len(unknown) > 3)}. "
            "Restore it with the version that made it."
        )
    return bool(known - set(manifest.migrations))


def _is_taken(connection: Connection, database: str) -> bool:
    return (
        connection.exists(database)
        and not connection.is_empty(database)
        and connection.comment(database) != UNFINISHED
    )


def _refuse(connection: Connection, server: Server, database: str, replace: str) -> None:
    """Raises BackupError unless what is there may be replaced."""
    tables = len(connection.tables(database))
    if database != server.database:
        raise BackupError(
            f"The database {database} holds {tables} tables. Nothing was changed: only an empty "
            "one, or one that is not there yet, is filled by --into."
        )
    if replace != database:
        raise BackupError(
            f"The database {database} holds {tables} tables. Nothing was changed. To replace all "
            f"that is there, add: --replace {database}"
        )
    _refuse_beside_others(connection, database)


def _refuse_beside_others(connection: Connection, database: str) -> None:
    if others := connection.others(database):
        raise BackupError(
            f"{others} other connections work with {database}. Nothing was changed. Stop the site "
            "on each host first: what it stored meanwhile would be lost."
        )


@contextmanager
def _filled(connection: Connection, database: str, manifest: Manifest) -> Iterator[None]:
    """A database, empty at first; emptied again when it could not be filled."""

    def empty(comment: str) -> None:
        # Who may not even do this is told by the next line what right is missing.
        if connection.exists(database):
            connection.drop(database)
        connection.create(database, manifest.charset, manifest.collation, comment=comment)

    empty(UNFINISHED)
    try:
        yield
    except BaseException:
        empty("")
        raise
    connection.comment_on(database, "")
