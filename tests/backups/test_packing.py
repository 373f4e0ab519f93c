"""What was packed is unpacked as it was, and what is not whole is refused."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.backups.errors import BackupError
from quality.backups.keys import Keys, new_key, read_keys
from quality.backups.packing import _encrypt, _Target, pack, unpack

KEYS = read_keys(new_key())
PIECES = [os.urandom(70_000) + b"x" * 400_000, b"", b"end\n"]
STREAM = b"".join(PIECES)
BOTH = pytest.mark.parametrize("keys", [Keys(), KEYS], ids=["plain", "encrypted"])


def unpacked(path: Path, keys: Keys, *, is_encrypted: bool | None = None) -> bytes:
    found: list[bytes] = []
    unpack(path, found.append, keys, is_encrypted=keys.encrypt if is_encrypted is None else False)
    return b"".join(found)


@BOTH
def test_a_stream_comes_back_as_it_was(tmp_path, keys):
    path = tmp_path / "x"
    packed = pack(PIECES, path, keys)
    assert unpacked(path, keys) == STREAM
    assert packed.bytes == path.stat().st_size < len(STREAM)
    assert unpack(path, lambda piece: None, keys, is_encrypted=keys.encrypt) == packed
    assert path.stat().st_mode & 0o777 == 0o600
    assert (STREAM[:1000] in path.read_bytes()) is not keys.encrypt


@pytest.mark.parametrize("last", [1, 100_000, 200_000])
def test_a_disk_that_fills_up_with_the_last_piece_is_told(last):
    """Of that one what encrypts tells nothing."""

    class Disk:
        room_bytes = last

        def write(self, piece: bytes) -> None:
            self.room_bytes -= len(piece)
            if self.room_bytes < 0:
                raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        _encrypt(iter([os.urandom(last)]), _Target(Disk()), KEYS)


DAMAGES = {
    "cut by a byte": lambda whole: whole[:-1],
    "cut to a half": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "a bit at the begin": lambda whole: bytes([whole[0] ^ 1]) + whole[1:],
    "a bit in the middle": lambda whole: (
        whole[: len(whole) // 2]
        + bytes([whole[len(whole) // 2] ^ 1])
        + whole[len(whole) // 2 + 1 :]
    ),
    "a bit at the end": lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
    "a byte more": lambda whole: whole + b"x",
}


@BOTH
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(tmp_path, keys, damage):
    path = tmp_path / "x"
    pack(PIECES, path, keys)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(BackupError, match="damaged"):
        unpacked(path, keys)


def test_another_key_opens_nothing_and_no_key_neither(tmp_path):
    path = tmp_path / "x"
    pack(PIECES, path, KEYS)
    with pytest.raises(BackupError, match="another key"):
        unpacked(path, read_keys(new_key()))
    only_public = Keys(KEYS.recipients)
    assert only_public.encrypt
    assert not only_public.open_their_own
    with pytest.raises(BackupError, match="no key that opens it"):
        unpacked(path, only_public)


def test_each_of_several_keys_opens_it(tmp_path):
    path, spare = tmp_path / "x", new_key()
    public = spare.partition("public key: ")[2].split()[0]
    pack(PIECES, path, read_keys(f"{new_key()}\n{public}\n"))
    assert unpacked(path, read_keys(spare)) == STREAM


@BOTH
@pytest.mark.parametrize("error", [BackupError("x"), SystemExit(0), OSError(5, "x")], ids=repr)
def test_what_the_stream_raises_is_raised_and_leaves_no_file(tmp_path, keys, error):
    def pieces() -> Iterator[bytes]:
        yield STREAM
        raise error

    with pytest.raises(type(error)) as raised:
        pack(pieces(), tmp_path / "x", keys)
    assert raised.value is error
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_what_the_reader_raises_is_raised(tmp_path, keys):
    def stop(piece: bytes) -> None:
        raise BrokenPipeError

    pack(PIECES, tmp_path / "x", keys)
    with pytest.raises(BrokenPipeError):
        unpack(tmp_path / "x", stop, keys, is_encrypted=keys.encrypt)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root mounts a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@BOTH
def test_a_full_disk_is_told_and_leaves_nothing_behind(small_disk, keys):
    with pytest.raises(BackupError, match=f"no room for a backup in {small_disk}"):
        pack(PIECES, small_disk / "x", keys)
    assert list(small_disk.iterdir()) == []
    assert shutil.disk_usage(small_disk).used == 0


def test_zstd_of_the_system_opens_what_is_not_encrypted(tmp_path):
    pack(PIECES, tmp_path / "x", Keys())
    if shutil.which("zstd") is None:
        pytest.skip("no zstd on this machine")
    done = subprocess.run(["zstd", "-dc", tmp_path / "x"], capture_output=True, check=True)
    assert done.stdout == STREAM
