"""Takes a backup: dumps, packs, writes down, tests, and lets old ones go."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.dumping import Counter, dump
from quality.backups.errors import BackupError
from quality.backups.keys import Keys, read_keys
from quality.backups.manifest import Kind, Manifest, Outcome
from quality.backups.packing import Packed, pack
from quality.backups.server import UNFINISHED, Server, server_of_the_house
from quality.backups.telling import is_told_to_end
from quality.backups.trying import test_backup
from quality.backups.verifying import heads

logger = logging.getLogger(__name__)

# What is being done, rows done, rows to do as far as that is known.
Progress = Callable[[str, int, int], None]


def no_progress(what: str, done: int, total: int) -> None:
    """For who does not watch."""


@dataclass(frozen=True)
class _Before:
    """What was known when it began."""

    tables: dict[str, int]
    charset: str
    collation: str
    server: str
    migrations: list[str]
    heads: dict[str, str]


def take(kind: Kind, *, test: bool = True, progress: Progress = no_progress) -> Manifest:
    """A new backup in BACKUP_DIR; its manifest says what became of the test.

    Raises BackupError when there is none; then nothing is left behind.
    """
    place = shelf.folder()
    server, keys = server_of_the_house(), read_keys(settings.BACKUP_KEY)
    with shelf.alone(place):
        taken = _dumped(place, kind, server, keys, progress)
        backup = place / taken.file
        logger.info("Backup taken: %s", backup, extra={"fields": _told(taken)})
        if test:
            taken = test_backup(
                backup,
                taken,
                keys,
                server,
                settings.BACKUP_SCRATCH_DATABASE or f"{server.database}_restored",
                lambda rows: progress("rows restored", rows, taken.total_rows),
            )
            if taken.outcome == Outcome.FAILED:
                logger.error("The restore test of %s failed: %s", backup, taken.test["why"])
        else:
            taken = taken.tested(Outcome.SKIPPED)
        manifests.write(taken, place)
        # What is about to be restored may be one that nobody needs any more but for this.
        if kind != Kind.BEFORE_RESTORE:
            _let_go(place)
    return taken


def _dumped(place: Path, kind: Kind, server: Server, keys: Keys, progress: Progress) -> Manifest:
    before = _before(server, kind)
    if not before.tables:
        raise BackupError(f"The database {server.database} holds no tables: nothing to back up.")
    name, at = _free_name(place, server, keys)
    began = time.monotonic()
    counter = Counter()
    pieces = dump(
        server,
        counter,
        without_rows=settings.BACKUP_WITHOUT_ROWS,
        progress=lambda rows: progress("rows dumped", rows, sum(before.tables.values())),
    )
    partial = place / f"{name}.partial"
    try:
        packed = pack(pieces, partial, keys)
        if is_told_to_end():
            # Whoever encrypts has kept it for itself, and has left out what came last.
            raise BackupError("Told to end.")
        if counter.rows.keys() != before.tables.keys():
            odd = ", ".join(sorted(counter.rows.keys() ^ before.tables.keys()))
            raise BackupError(f"Tables came or went meanwhile: {odd}. Take the backup once more.")
        taken = _manifest(name, kind, server, keys, before, packed, counter, at, began)
        # First this: data without it would be nothing, and nobody would ever clear it away.
        manifests.write(taken, place)
        partial.replace(place / name)
    finally:
        if partial.exists():
            # Told to end before it had its name.
            manifests.path_of(place / name).unlink(missing_ok=True)
            partial.unlink()
        # Ends mariadb-dump, should it still be at work.
        pieces.close()
    manifests.sync_folder(place)
    return taken


def _free_name(place: Path, server: Server, keys: Keys) -> tuple[str, datetime]:
    """A name of this second, or of the next one, and its moment."""
    while True:
        at = datetime.now(UTC)
        name = shelf.name_for(server.database, at, is_encrypted=keys.encrypt)
        if not (place / name).exists():
            return name, at
        time.sleep(0.1)


def _manifest(
    name: str,
    kind: Kind,
    server: Server,
    keys: Keys,
    before: _Before,
    packed: Packed,
    counter: Counter,
    at: datetime,
    began: float,
) -> Manifest:
    return Manifest(
        file=name,
        bytes=packed.bytes,
        sha256=packed.sha256,
        database=server.database,
        charset=before.charset,
        collation=before.collation,
        server=before.server,
        kind=str(kind),
        taken_at=at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        is_encrypted=keys.encrypt,
        rows=dict(sorted(counter.rows.items())),
        without_rows=list(settings.BACKUP_WITHOUT_ROWS),
        triggers=counter.triggers,
        migrations=before.migrations,
        heads=before.heads,
    )


def _before(server: Server, kind: Kind) -> _Before:
    connection = connections[DEFAULT_DB_ALIAS]
    _refuse_in_a_line(server)
    try:
        applied = MigrationRecorder(connection).applied_migrations()
        # The code is ahead of the schema then, and may look for what is not there yet.
        noted = {} if kind == Kind.BEFORE_MIGRATIONS else heads()
    finally:
        connection.close()
    with server.connection() as own:
        charset, collation = own.character(server.database)
        return _Before(
            tables=own.tables(server.database),
            charset=charset,
            collation=collation,
            server=str(own.run("SELECT VERSION()")[0][0]),
            migrations=sorted(f"{app}.{name}" for app, name in applied),
            heads=noted,
        )


def _refuse_in_a_line(server: Server) -> None:
    """Raises BackupError when the server is away, or half of the database: Django would tell it in
    a hundred lines, or not at all.
    """
    with server.connection() as own:
        if own.exists(server.database) and own.comment(server.database) == UNFINISHED:
            raise BackupError(
                f"The database {server.database} is half restored: no backup is made of that. Wait "
                "for the end of the restore; if it was cut off, run it again."
            )


def _told(taken: Manifest) -> dict[str, object]:
    return {
        "kind": taken.kind,
        "megabytes": round(taken.bytes / 1e6, 1),
        "rows": taken.total_rows,
        "seconds": taken.seconds,
        "encrypted": taken.is_encrypted,
    }


def _let_go(place: Path) -> None:
    own = [one for one in shelf.backups(place) if one.database == server_of_the_house().database]
    for one in shelf.to_drop(
        own,
        datetime.now(UTC),
        daily=settings.BACKUP_KEEP_DAILY,
        weekly=settings.BACKUP_KEEP_WEEKLY,
        zone=timezone.get_default_timezone(),
    ):
        shelf.drop(one, place)
        logger.info("Backup dropped, as newer ones are kept: %s", place / one.file)


def waiting_migrations() -> list[str]:
    """What `migrate` would do to a database that holds something already."""
    connection = connections[DEFAULT_DB_ALIAS]
    _refuse_in_a_line(server_of_the_house())
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        with server_of_the_house().connection() as own:
            if not own.tables(server_of_the_house().database):
                return []
    finally:
        connection.close()
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
