"""Tests a backup: restores it into a database that is made for that, and dropped again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from quality.backups.errors import BackupError
from quality.backups.keys import Keys
from quality.backups.loading import compare, load
from quality.backups.manifest import Manifest, Outcome
from quality.backups.server import SCRATCH, Server, quoted
from quality.backups.telling import is_told_to_end
from quality.backups.verifying import verify_chain


@contextmanager
def scratch(server: Server, database: str, manifest: Manifest) -> Iterator[None]:
    """An empty database of that name, as long as it takes. Raises BackupError."""
    if database == server.database:
        raise BackupError(
            f"BACKUP_SCRATCH_DATABASE is {database}, the house's own database: name another one."
        )
    with server.connection() as connection:
        # Several hosts may keep their backups in folders of their own.
        name = f"restore test {database}"[:64]
        if connection.run("SELECT GET_LOCK(%s, 0)", name) != [(1,)]:
            raise BackupError(f"Another restore test is at work in {database}. Wait for its end.")
        if connection.exists(database):
            if not (connection.comment(database) == SCRATCH or connection.is_empty(database)):
                raise BackupError(
                    f"The database {database} holds something that no restore test has made. "
                    "Set BACKUP_SCRATCH_DATABASE to a name that is free."
                )
            connection.drop(database)
        connection.create(database, manifest.charset, manifest.collation, comment=SCRATCH)
        try:
            yield
        finally:
            connection.drop(database)


def test_backup(
    backup: Path,
    manifest: Manifest,
    keys: Keys,
    server: Server,
    database: str,
    progress: Callable[[int], None],
) -> Manifest:
    """The manifest with what was found; raises BackupError only when it is told to end."""
    if not keys.open_their_own:
        why = "BACKUP_KEY holds no secret part: test it where that is, by restore --into."
        return manifest.tested(Outcome.UNREADABLE, why=why)
    began = time.monotonic()
    try:
        with scratch(server, database, manifest):
            load(backup, manifest, keys, server, database, progress)
            compare(manifest, server, database)
            chain = verify_chain(database, manifest.heads)
    except BackupError as error:
        if is_told_to_end():
            raise
        return manifest.tested(Outcome.FAILED, why=str(error))
    return manifest.tested(
        Outcome.PASSED,
        seconds=round(time.monotonic() - began, 1),
        database=quoted(database),
        **chain,
    )
