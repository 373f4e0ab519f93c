"""Reads a backup: to find out whether it is whole, or into a database."""

import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from quality.backups.dumping import Counter
from quality.backups.errors import BackupError
from quality.backups.keys import Keys
from quality.backups.manifest import Manifest
from quality.backups.packing import Packed, unpack
from quality.backups.server import Server, quoted

MOST_TOLD = 5
# No table has a longer one.
MOST_NAME = 64
# No statement is longer: `mariadb` refuses what exceeds its max_allowed_packet, 16 MB as it comes.
MOST_LINE_BYTES = 16 * 1024 * 1024
OPTIONS = (
    "--batch",
    "--default-character-set=utf8mb4",
    # Of a dump that somebody has forged no line runs a program or reads a file of this host.
    "--sandbox",
    "--local-infile=0",
)


def examine(
    backup: Path,
    manifest: Manifest,
    keys: Keys,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Read all of it, and hold it against its manifest. Raises BackupError; changes nothing."""
    counter = Counter()
    lines = _Lines(counter, manifest, progress)
    _refuse_another(backup, manifest, _unpacked(backup, manifest, keys, lines))
    if not counter.is_whole:
        raise BackupError(f"{backup} is damaged: the end of its dump is missing.")
    told = differences(manifest.rows, counter.rows)
    if told:
        raise BackupError(f"{backup} does not hold what its manifest says. {told}")


def load(
    backup: Path,
    manifest: Manifest,
    keys: Keys,
    server: Server,
    database: str,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Fill an empty database with it. Raises BackupError; the database is not whole then."""
    lines = _Lines(Counter(), manifest, progress)
    with (
        server.program("mariadb") as (command, descriptor),
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [*command, *OPTIONS, "--", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(descriptor,),
        ) as process,
    ):
        stdin: Any = process.stdin
        broken = False
        # Each scan need not reach the disk before the next one.
        stdin.write(b"SET SESSION unique_checks = 0, foreign_key_checks = 0;\n")
        try:

            def sink(piece: bytes) -> None:
                lines(piece)
                stdin.write(piece)

            try:
                packed = _unpacked(backup, manifest, keys, sink)
                stdin.close()
            except BrokenPipeError:
                broken = True
            code = process.wait()
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                stdin.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if code != 0 or broken:
        raise BackupError(f"Loading {backup} into {database} failed (exit {code}): {said}")
    # Once more: it is another reading of the file.
    _refuse_another(backup, manifest, packed)


def compare(manifest: Manifest, server: Server, database: str) -> None:
    """Raises BackupError unless a database has the rows and triggers that were dumped."""
    with server.connection() as connection:
        told = differences(manifest.rows, connection.counts(database))
        if told:
            raise BackupError(f"{database} does not hold what was dumped. {told}")
        triggers = connection.triggers(database)
        if triggers != manifest.triggers:
            raise BackupError(
                f"{database} has {triggers} triggers, and {manifest.triggers} were dumped: "
                "does the account have the right TRIGGER?"
            )


def differences(wanted: dict[str, int], found: dict[str, int]) -> str:
    """How the rows of tables differ; "" when they do not."""
    names = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    told = [
        f"{quoted(name)}: {_rows(wanted.get(name))} in the backup, {_rows(found.get(name))} here"
        for name in names[:MOST_TOLD]
    ]
    more = [f"and {len(names) - MOST_TOLD} more"] if len(names) > MOST_TOLD else []
    return "; ".join(told + more)


def _rows(count: int | None) -> str:
    return "no such table" if count is None else f"{count:,} rows"


def _unpacked(
    backup: Path, manifest: Manifest, keys: Keys, sink: Callable[[bytes], None]
) -> Packed:
    try:
        if backup.stat().st_size != manifest.bytes:
            raise BackupError(
                f"{backup} has {backup.stat().st_size:,} bytes, and its manifest says "
                f"{manifest.bytes:,}: it was cut off, or altered. Take another copy."
            )
        return unpack(backup, sink, keys, is_encrypted=manifest.is_encrypted)
    except FileNotFoundError:
        raise BackupError(f"There is no file {backup}.") from None


def _refuse_another(backup: Path, manifest: Manifest, packed: Packed) -> None:
    if packed.sha256 != manifest.sha256:
        raise BackupError(
            f"{backup} was altered, or its manifest is another's: its SHA-256 is "
            f"{packed.sha256}, and the manifest says {manifest.sha256}. Take another copy."
        )


class _Lines:
    """Counts the lines of a stream that comes in pieces, and keeps one of them at most.

    Raises BackupError for a line that no dump has, and for a table that the manifest lacks: a small
    file may claim to become anything.
    """

    def __init__(
        self, counter: Counter, manifest: Manifest, progress: Callable[[int], None]
    ) -> None:
        self._counter = counter
        self._manifest = manifest
        self._progress = progress
        self._left = b""

    def __call__(self, piece: bytes) -> None:
        *lines, self._left = (self._left + piece).split(b"\n")
        for line in lines:
            self._counter.line(line + b"\n")
        if len(self._left) > MOST_LINE_BYTES:
            raise BackupError(
                f"This is no dump: a line of it is longer than {MOST_LINE_BYTES:,} bytes. "
                "Take another copy."
            )
        if unknown := self._counter.rows.keys() - self._manifest.rows.keys():
            raise BackupError(
                f"{self._manifest.file} does not hold what its manifest says: it has a table "
                f"{quoted(min(unknown)[:MOST_NAME])} that this does not know. Take another copy."
            )
        self._progress(self._counter.total)
