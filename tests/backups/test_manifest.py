"""A manifest says what it said, or is refused."""

import json
from dataclasses import asdict

import pytest

from quality.backups import manifest as manifests
from quality.backups.errors import BackupError
from quality.backups.manifest import Manifest, Outcome, path_of


def made(**changes: object) -> Manifest:
    said: dict[str, object] = {
        "file": "quality-20261129T003000Z.sql.zst",
        "bytes": 5,
        "sha256": "00",
        "database": "quality",
        "charset": "utf8mb4",
        "collation": "utf8mb4_unicode_ci",
        "server": "10.11.19-MariaDB",
        "kind": "nightly",
        "taken_at": "2026-11-29T00:30:00+00:00",
        "seconds": 1.5,
        "is_encrypted": False,
        "rows": {"a": 1, "b": 2},
        "without_rows": ["b"],
        "triggers": 2,
        "migrations": ["scans.0001_initial"],
        "heads": {"scans_scan": "ab"},
    }
    return Manifest(**said | changes)  # type: ignore[arg-type]


def test_it_is_read_as_it_was_written(tmp_path):
    tested = made().tested(Outcome.PASSED, seconds=3)
    manifests.write(tested, tmp_path)
    assert manifests.read(path_of(tmp_path / tested.file)) == tested
    assert [path.name for path in tmp_path.iterdir()] == [f"{tested.file}.json"]


@pytest.mark.parametrize("name", asdict(made()))
def test_whatever_was_altered_is_refused(tmp_path, name):
    manifests.write(made(), tmp_path)
    path = path_of(tmp_path / made().file)
    said = json.loads(path.read_text())
    said[name] = {"rows": {"a": 1, "b": 3}}.get(name, f"{said[name]}x")
    path.write_text(json.dumps(said))
    with pytest.raises(BackupError, match=str(path)):
        manifests.read(path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"checksum": 1}', '{"checksum": "", "format": 1}']
)
def test_what_is_no_manifest_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(BackupError, match=r"no manifest|altered"):
        manifests.read(path)


@pytest.mark.parametrize("taken_at", ["yesterday", "2026-11-29T00:30:00", ""])
def test_a_moment_that_is_none_is_refused(tmp_path, taken_at):
    """Whoever sorts them, or says how old they are, would fail for all of them."""
    manifests.write(made(taken_at=taken_at), tmp_path)
    with pytest.raises(BackupError, match="no manifest"):
        manifests.read(path_of(tmp_path / made().file))


def test_a_missing_one_and_one_of_the_future_say_what_to_do(tmp_path):
    with pytest.raises(BackupError, match="bring both"):
        manifests.read(tmp_path / "x.json")
    manifests.write(made(format=2), tmp_path)
    with pytest.raises(BackupError, match="the version of the house that made it"):
        manifests.read(path_of(tmp_path / made().file))


def test_one_that_names_a_file_elsewhere_is_refused(tmp_path):
    inside = made(file="x")
    manifests.write(inside, tmp_path)
    said = asdict(made(file="../x"))
    said["checksum"] = manifests._checksum(said)
    path_of(tmp_path / "x").write_text(json.dumps(said))
    with pytest.raises(BackupError, match="elsewhere"):
        manifests.read(path_of(tmp_path / "x"))
