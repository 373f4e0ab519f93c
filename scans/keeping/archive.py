"""Writes sealed records to files that can be verified without the database, and verifies them.

An archive is a folder: `manifest.json` lists its files with their SHA-256; each file holds up to
100 seals of a table as gzipped lines, a seal as a JSON object and behind it its records, each the
text that was sealed. Whatever can read JSON and compute SHA-256 can verify it: RUNBOOK.md says how.
"""

import fcntl
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from scans.keeping import canonical
from scans.keeping.canonical import Sealed
from scans.keeping.sealing import Head
from scans.keeping.verification import (
    Finding,
    Result,
    Wrong,
    check_records,
    check_seal,
    missing_head,
)
from scans.models import Seal

FORMAT = 1
MANIFEST = "manifest.json"
SEALS_PER_FILE = 100
# Whatever gzip and JSON stumble over in a file that rots, or that somebody has written.
_UNREADABLE = (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, RecursionError)
_SAID = (
    "version", "table_name", "number", "first_id", "last_id", "count", "root", "previous", "digest",
)  # fmt: skip


class ArchiveError(Exception):
    """The archive cannot be read or added to; the message says why, and what to do."""


@dataclass(frozen=True)
class File:
    """One file of an archive, as its manifest lists it."""

    name: str
    sha256: str
    table: str
    first_seal: int
    last_seal: int
    last_id: int
    records: int
    digest: str


@dataclass(frozen=True)
class Written:
    files: int
    records: int


# ----- Writing


def archive(
    before: datetime, to: Path, progress: Callable[[int], None] = lambda count: None
) -> Written:
    """Add what was sealed before a moment to the archive in `to`; the database keeps it all.

    Cut short, it goes on where it was. Raises ArchiveError: what is no more what was sealed, or
    does not continue what lies there, is not archived; nothing is ever written over.
    """
    to.mkdir(parents=True, exist_ok=True)
    with _alone(to):
        return _add(before, to, progress)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once would write to the same file, and its digest be that of neither."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveError(
                f"Another process is adding to {folder}. Run it again when that one has ended."
            ) from error
        yield
    finally:
        os.close(handle)


def _add(before: datetime, to: Path, progress: Callable[[int], None]) -> Written:
    files = read_manifest(to) if (to / MANIFEST).exists() else []
    for file in files:
        _refuse_damage(to, file)
    written = records = 0
    for table in canonical.TABLES:
        last = _archived(files, table)
        while seals := list(
            Seal.objects.filter(
                table_name=table, number__gt=last.number, sealed_at__lt=before
            ).order_by("number")[:SEALS_PER_FILE]
        ):
            file = _write(to, table, seals, last)
            files.append(file)
            _write_manifest(to, files)
            last = Head(file.last_seal, file.last_id, file.digest)
            written += 1
            records += file.records
            progress(records)
    return Written(written, records)


def _archived(files: list[File], table: str) -> Head:
    """Where the archive's chain of a table ends, which the database's must continue."""
    of_table = [file for file in files if file.table == table]
    if not of_table:
        return Head()
    last = Head(of_table[-1].last_seal, of_table[-1].last_id, of_table[-1].digest)
    found = Seal.objects.filter(table_name=table, number=last.number, digest=last.digest)
    if not found.exists():
        raise ArchiveError(
            f"The archive ends with seal {last.number} of {table}, which the database does not "
            "have. It is of another database, or seals were changed: run verifyrecords."
        )
    return last


def _write(to: Path, table: str, seals: list[Seal], last: Head) -> File:
    name = f"{table}-{seals[0].number:08d}-{seals[-1].number:08d}.jsonl.gz"
    path, partial = to / name, to / f"{name}.partial"
    with partial.open("wb") as raw:
        # Without name and time in it: the same records are the same bytes.
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as lines:
            for seal in seals:
                _write_batch(lines, seal, last)
                last = Head(seal.number, seal.last_id, seal.digest)
                canonical.give_back()
        raw.flush()
        os.fsync(raw.fileno())
    digest = _digest_of(partial)
    if path.exists() and _digest_of(path) != digest:
        partial.unlink()
        raise ArchiveError(f"{path} is there already and says something else. Nothing was changed.")
    partial.replace(path)
    return File(
        name=name,
        sha256=digest,
        table=table,
        first_seal=seals[0].number,
        last_seal=last.number,
        last_id=last.last_id,
        records=sum(seal.count for seal in seals),
        digest=last.digest,
    )


def _write_batch(lines: gzip.GzipFile, seal: Seal, last: Head) -> None:
    for broken in check_seal(seal, last):
        raise ArchiveError(f"Not archived, as the chain is broken. {broken}")
    records = canonical.read(
        seal.table_name,
        seal.version,
        after=last.last_id or None,
        up_to=seal.last_id,
        most=seal.count + 1,
    )
    for changed in check_records(seal, records, last):
        raise ArchiveError(f"Not archived, as it is not what was sealed. {changed}")
    said = {name: getattr(seal, name) for name in _SAID} | {
        "marks": bytes(seal.marks).hex(),
        "sealed_at": seal.sealed_at.isoformat(),
    }
    lines.write(json.dumps(said).encode() + b"\n")
    lines.writelines(record.text + b"\n" for record in records)


def _write_manifest(to: Path, files: list[File]) -> None:
    manifest = {
        "format": FORMAT,
        "columns": {
            table: {version: layout.columns for version, layout in layouts.items()}
            for table, layouts in canonical.LAYOUTS.items()
        },
        "files": [asdict(file) for file in files],
    }
    partial = to / f"{MANIFEST}.partial"
    with partial.open("w") as raw:
        json.dump(manifest, raw, indent=1)
        raw.flush()
        os.fsync(raw.fileno())
    partial.replace(to / MANIFEST)


def _digest_of(path: Path) -> str:
    with path.open("rb") as raw:
        return file_digest(raw, "sha256").hexdigest()


# ----- Reading


def read_manifest(folder: Path) -> list[File]:
    """Raises ArchiveError."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise ArchiveError(
                f"{folder / MANIFEST} has format {manifest['format']}, not {FORMAT}."
            )
        files = [_file(said) for said in manifest["files"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ArchiveError(f"{folder / MANIFEST} is no manifest of an archive: {error}") from error
    if any(Path(file.name).name != file.name for file in files):
        raise ArchiveError(f"{folder / MANIFEST} names files elsewhere.")
    return files


def _file(said: dict[str, Any]) -> File:
    file = File(**said)
    for field in fields(File):
        if not isinstance(getattr(file, field.name), field.type):  # type: ignore[arg-type]
            raise TypeError(f"{field.name} is {getattr(file, field.name)!r}")
    return file


def _damage(folder: Path, file: File) -> Finding | None:
    path = folder / file.name
    if not path.is_file():
        return Finding(Wrong.FILE_MISSING, file.table, file.first_seal, None, f"No file {path}.")
    if _digest_of(path) != file.sha256:
        text = f"The SHA-256 of {path} is not that of the manifest."
        return Finding(Wrong.FILE_CHANGED, file.table, file.first_seal, None, text)
    return None


def _refuse_damage(folder: Path, file: File) -> None:
    if finding := _damage(folder, file):
        raise ArchiveError(f"The archive is damaged. {finding}")


def verify_archive(
    folder: Path,
    *,
    heads: Sequence[str] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> Result:
    """Hold an archive against its own seals and checksums. Raises ArchiveError without one.

    Asks no database; holds one batch in memory.
    """
    result = Result()
    sought = set(heads)
    last = {table: Head() for table in canonical.TABLES}
    result.sealed = dict.fromkeys(last, 0)
    result.seals = dict.fromkeys(last, 0)
    for file in read_manifest(folder):
        if finding := _damage(folder, file):
            result.add(finding)
        try:
            for seal, records in _batches(folder / file.name):
                table = seal.table_name
                result.add(*check_seal(seal, last[table]))
                result.add(*check_records(seal, records, last[table]))
                last[table] = Head(seal.number, seal.last_id, seal.digest)
                result.seals[table] += 1
                result.sealed[table] += len(records)
                sought.discard(seal.digest)
                progress(sum(result.sealed.values()))
        except _UNREADABLE as error:
            text = f"{file.name} cannot be read: {error}"
            result.add(Finding(Wrong.FILE_CHANGED, file.table, file.first_seal, None, text))
        if file.table in last and last[file.table].digest != file.digest:
            text = f"{file.name} does not end with the seal that the manifest names."
            result.add(Finding(Wrong.CHAIN_BROKEN, file.table, file.last_seal, None, text))
    result.heads = {table: head.digest for table, head in last.items()}
    for head in heads:
        if head in sought:
            result.add(missing_head(head))
    return result


def _batches(path: Path) -> Iterator[tuple[Seal, list[Sealed]]]:
    seal: Seal | None = None
    records: list[Sealed] = []
    with gzip.open(path, "rb") as lines:
        for line in lines:
            text = line.removesuffix(b"\n")
            if text.startswith(b"{"):
                if seal is not None:
                    yield seal, records
                seal, records = _seal(json.loads(text)), []
            else:
                records.append(Sealed(int(json.loads(text)[0]), text, sha256(text).digest()))
    if seal is not None:
        yield seal, records


def _seal(said: dict[str, Any]) -> Seal:
    seal = Seal(
        **{name: said[name] for name in _SAID},
        marks=bytes.fromhex(said["marks"]),
        sealed_at=datetime.fromisoformat(said["sealed_at"]),
    )
    if seal.table_name not in canonical.TABLES:
        raise ValueError(f"no table {seal.table_name!r} is known")
    return seal
