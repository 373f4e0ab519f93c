"""Packs a stream into a file and unpacks it again: compressed, encrypted, checksummed.

Holds a few hundred kilobytes in memory, however long the stream is. Without us a file is opened by
`zstd -d`, or `age -d -i KEY FILE | zstd -d`.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrage
from backports import zstd

from quality.backups.errors import BackupError
from quality.backups.keys import Keys

LEVEL = 3
READ_BYTES = 256 * 1024


# Takes the pieces of a stream.
Sink = Callable[[bytes], None]


@dataclass(frozen=True)
class Packed:
    """What a file has become."""

    bytes: int
    sha256: str


def pack(pieces: Iterable[bytes], path: Path, keys: Keys) -> Packed:
    """Write `pieces` to `path`, which must not be there, and to the disk.

    Raises BackupError when there is no room, and whatever `pieces` raises; then no file is left.
    """
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            target = _Target(raw)
            if keys.encrypt:
                _encrypt(_compressed(pieces), target, keys)
            else:
                for piece in _compressed(pieces):
                    target.write(piece)
            raw.flush()
            os.fsync(raw.fileno())
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError(
                f"There is no room for a backup in {path.parent}: {error.strerror}. Nothing was "
                "left behind. Make room there, or give BACKUP_DIR a larger disk."
            ) from error
        raise
    return Packed(target.count, target.digest.hexdigest())


def unpack(path: Path, sink: Sink, keys: Keys, *, is_encrypted: bool) -> Packed:
    """Give `sink` the stream in pieces; what it was given is whole only when this returns.

    Returns what the file is. Raises BackupError for one that is damaged or closed to `keys`.
    """
    if is_encrypted and not keys.identities:
        raise BackupError(
            f"{path} is encrypted, and this host has no key that opens it. Set BACKUP_KEY_FILE to "
            "the file with its AGE-SECRET-KEY-1…"
        )
    with path.open("rb") as raw:
        source = _Source(raw)
        decompressed = _Decompressed(sink)
        try:
            if is_encrypted:
                _decrypt(source, decompressed, keys)
            else:
                while piece := source.read(READ_BYTES):
                    decompressed.write(piece)
            decompressed.close()
        except (pyrage.DecryptError, zstd.ZstdError, EOFError) as error:
            reason = str(error)
            if reason == "No matching keys found":
                raise BackupError(
                    f"{path} was encrypted for another key than that of BACKUP_KEY."
                ) from error
            raise BackupError(f"{path} is damaged and cannot be unpacked: {reason}") from error
        # What the unpacking has not asked for belongs to the file all the same.
        while source.read(READ_BYTES):
            pass
    return Packed(source.count, source.digest.hexdigest())


# ----- Compression


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zstd.ZstdCompressor(
        options={
            zstd.CompressionParameter.compression_level: LEVEL,
            zstd.CompressionParameter.checksum_flag: 1,
        }
    )
    for piece in pieces:
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


class _Decompressed:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._decompressor = zstd.ZstdDecompressor()
        # pyrage tells only the text of what is raised in here.
        self.raised: BaseException | None = None

    def write(self, piece: bytes) -> int:
        try:
            left = piece
            while left or not self._decompressor.needs_input:
                # In bounds: a damaged file may claim to become anything.
                self._sink(self._decompressor.decompress(left, READ_BYTES))
                left = b""
                if self._decompressor.eof:
                    break
            if self._decompressor.unused_data:
                raise EOFError("something follows its end")
        except BaseException as error:
            self.raised = error
            raise
        return len(piece)

    def flush(self) -> None:
        """What encrypts wants to find it."""

    def close(self) -> None:
        if not self._decompressor.eof:
            raise EOFError("it was cut off")


# ----- Encryption


def _encrypt(pieces: Iterator[bytes], target: "_Target", keys: Keys) -> None:
    source = _Pulled(pieces)
    _unveiled(lambda: pyrage.encrypt_io(source, target, list(keys.recipients)), source, target)


def _decrypt(source: "_Source", target: _Decompressed, keys: Keys) -> None:
    try:
        _unveiled(lambda: pyrage.decrypt_io(source, target, list(keys.identities)), source, target)
    except OSError as error:
        if error in (source.raised, target.raised):
            raise
        # Of a file that was cut off or changed pyrage says so.
        raise EOFError(str(error)) from error


def _unveiled(work: Callable[[], Any], *ends: Any) -> None:
    """Do it; what one of the ends has raised is raised, not pyrage's word of it.

    Of the last piece that is written it has none.
    """
    try:
        work()
    finally:
        for end in ends:
            if end.raised is not None:
                raise end.raised from None


# ----- The ends


class _Pulled:
    """Pieces as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")
        self.raised: BaseException | None = None

    def read(self, count: int = -1) -> bytes:
        try:
            while not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    return b""
                self._left = memoryview(piece)
        except BaseException as error:
            self.raised = error
            raise
        found = bytes(self._left[:count] if count >= 0 else self._left)
        self._left = self._left[len(found) :]
        return found


class _Target:
    """A file that is digested as it is written."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.count = 0
        self.digest = sha256()
        self.raised: BaseException | None = None

    def write(self, piece: bytes) -> int:
        try:
            self._raw.write(piece)
        except BaseException as error:
            self.raised = error
            raise
        self.digest.update(piece)
        self.count += len(piece)
        return len(piece)

    def flush(self) -> None:
        """What encrypts wants to find it; the whole file is flushed in the end."""


class _Source:
    """A file that is digested as it is read."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.count = 0
        self.digest = sha256()
        self.raised: BaseException | None = None

    def read(self, count: int = -1) -> bytes:
        try:
            piece: bytes = self._raw.read(READ_BYTES if count < 0 else count)
        except BaseException as error:
            self.raised = error
            raise
        self.digest.update(piece)
        self.count += len(piece)
        return piece
