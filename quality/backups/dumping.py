"""Reads a database as statements, all of one moment, and counts what it reads."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from quality.backups.errors import BackupError
from quality.backups.server import Server

PIECE_BYTES = 256 * 1024
# Whoever restores is another account, perhaps, and only an administrator may name a third one.
_DEFINER = re.compile(rb"DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")
_TABLE = re.compile(rb"CREATE TABLE `((?:[^`]|``)+)` \(\n")
_ROWS = re.compile(rb"INSERT INTO `((?:[^`]|``)+)` VALUES\n")
END = b"-- Dump completed"

OPTIONS = (
    # All tables as of one moment, without keeping anybody from writing.
    "--single-transaction",
    "--skip-lock-tables",
    "--quick",
    "--triggers",
    "--routines",
    "--events",
    "--hex-blob",
    "--default-character-set=utf8mb4",
    "--no-tablespaces",
    # What is there already is never written over.
    "--skip-add-drop-table",
    # A cluster knows no locks of tables.
    "--skip-add-locks",
    "--skip-disable-keys",
)


class Counter:
    """Counts tables, their rows and triggers in a dump that passes by, line by line."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.triggers = 0
        self.total = 0
        # Whether its last line was there.
        self.is_whole = False
        self._table = ""
        self._is_in_body = False

    def line(self, line: bytes) -> bytes:
        """The line as it is to be kept."""
        if self._table:
            # Line breaks within a value are escaped: a line is a row.
            if line[:1] == b"(":
                self.rows[self._table] += 1
                self.total += 1
                return line
            self._table = ""
        if line.startswith((b"CREATE ", b"/*!50")):
            line = _DEFINER.sub(b"", line)
        if self._is_in_body:
            self._is_in_body = line != b"DELIMITER ;\n"
            self.triggers += b"/*!50003 TRIGGER " in line
        elif line == b"DELIMITER ;;\n":
            self._is_in_body = True
        elif found := _ROWS.fullmatch(line):
            self._table = _name(found[1])
            self.rows.setdefault(self._table, 0)
        elif found := _TABLE.fullmatch(line):
            self.rows[_name(found[1])] = 0
        elif line.startswith(END):
            self.is_whole = True
        return line


def _name(quoted: bytes) -> str:
    return quoted.replace(b"``", b"`").decode()


def dump(
    server: Server,
    counter: Counter,
    *,
    without_rows: Sequence[str],
    progress: Callable[[int], None],
) -> Generator[bytes, None, None]:
    """The pieces of a dump of the house's database. Raises BackupError unless it is whole.

    Whoever stops reading ends it.
    """
    database = server.database
    left_out = [f"--ignore-table-data={database}.{table}" for table in without_rows]
    with (
        server.program("mariadb-dump") as (command, descriptor),
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [*command, *OPTIONS, *left_out, "--", database],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(descriptor,),
            bufsize=PIECE_BYTES,
        ) as process,
    ):
        try:
            yield from _pieces(process.stdout, counter, progress)
            code = process.wait()
        finally:
            process.kill()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if code != 0 or not counter.is_whole:
        raise BackupError(f"mariadb-dump failed (exit {code}): {said or 'its end is missing'}")


def _pieces(lines: Any, counter: Counter, progress: Callable[[int], None]) -> Iterator[bytes]:
    piece, size = [], 0
    for line in lines:
        kept = counter.line(line)
        piece.append(kept)
        size += len(kept)
        if size >= PIECE_BYTES:
            yield b"".join(piece)
            progress(counter.total)
            piece, size = [], 0
    yield b"".join(piece)
