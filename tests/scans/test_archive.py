"""An archive holds what was sealed, and can be verified without the database."""

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from scans.keeping import archive as archiving
from scans.keeping import sealing
from scans.keeping.archive import ArchiveError, archive, verify_archive
from scans.keeping.sealing import head_of, seal_now
from scans.keeping.verification import Wrong
from scans.models import Scan, Seal
from scans.recording import record_scan
from scans.submission import read
from tests.records import unlocked
from tests.scans.sample import payload

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("master_data")
EVER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(sealing, "BATCH", 2)
    monkeypatch.setattr(archiving, "SEALS_PER_FILE", 3)


@pytest.fixture
def sealed(person, monkeypatch):
    """`sealed(10)` records and seals so many, in batches of two."""

    def record(count: int) -> list[Scan]:
        moment = timezone.now() - timedelta(hours=1)
        with monkeypatch.context() as patch:
            patch.setattr(timezone, "now", lambda: moment)
            scans = [
                record_scan(read(payload(note="ș")), person("operator"))[0] for _ in range(count)
            ]
        seal_now()
        return scans

    return record


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "archive"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lines_of(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def rewrite(path: Path, change) -> None:
    """Change a file and the manifest with it, as somebody who knows how would."""
    lines = change(lines_of(path))
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    manifest = path.parent / "manifest.json"
    said = json.loads(manifest.read_text())
    for file in said["files"]:
        if file["name"] == path.name:
            file["sha256"] = sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(said))


def test_what_was_sealed_before_a_day_lies_in_files_and_stays_in_the_database(sealed, folder):
    sealed(10)
    written = archive(EVER, folder)
    assert (written.files, written.records) == (2, 10)
    assert names(folder) == [
        "manifest.json",
        "scans_scan-00000001-00000003.jsonl.gz",
        "scans_scan-00000004-00000005.jsonl.gz",
    ]
    assert Scan.objects.count() == 10
    result = verify_archive(folder, heads=[head_of("scans_scan").digest])
    assert result.is_good
    assert result.sealed == {"scans_scan": 10, "scans_event": 0}
    assert result.heads["scans_scan"] == head_of("scans_scan").digest


def test_what_was_sealed_later_is_not_archived(sealed, folder):
    sealed(4)
    assert archive(timezone.now() - timedelta(days=1), folder).files == 0


def test_an_auditor_without_our_code_can_verify_it(sealed, folder):
    """By the description in RUNBOOK.md alone."""
    sealed(10)
    archive(EVER, folder)
    previous = ""
    for file in json.loads((folder / "manifest.json").read_text())["files"]:
        assert sha256((folder / file["name"]).read_bytes()).hexdigest() == file["sha256"]
        lines = iter(lines_of(folder / file["name"]))
        for line in lines:
            seal = json.loads(line)
            digests = [sha256(next(lines).encode()).digest() for _ in range(seal["count"])]
            assert sha256(b"".join(digests)).hexdigest() == seal["root"]
            fields = ("version", "table_name", "number", "first_id", "last_id", "count", "root")
            said = [*(seal[name] for name in fields), previous]
            text = json.dumps(said, separators=(",", ":"))
            assert sha256(text.encode()).hexdigest() == seal["digest"]
            previous = seal["digest"]
    assert previous == head_of("scans_scan").digest


def test_a_second_run_adds_what_is_new(sealed, folder):
    sealed(4)
    archive(EVER, folder)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    assert archive(EVER, folder).files == 0
    sealed(4)
    assert archive(EVER, folder).files == 1
    del before["manifest.json"]
    assert all((folder / name).read_bytes() == content for name, content in before.items())
    assert verify_archive(folder).is_good
    assert verify_archive(folder).sealed["scans_scan"] == 8


def test_cut_short_it_goes_on_where_it_was(sealed, folder, monkeypatch):
    sealed(10)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_write_manifest", full)
        with pytest.raises(OSError, match="No space"):
            archive(EVER, folder)
    assert archive(EVER, folder).files == 2
    assert verify_archive(folder).is_good
    assert not [name for name in names(folder) if name.endswith(".partial")]


def test_nothing_is_written_over(sealed, folder):
    sealed(4)
    folder.mkdir()
    other = folder / "scans_scan-00000001-00000002.jsonl.gz"
    other.write_bytes(b"something else")
    with pytest.raises(ArchiveError, match="is there already and says something else"):
        archive(EVER, folder)
    assert other.read_bytes() == b"something else"
    assert names(folder) == [other.name]


@pytest.mark.django_db(transaction=True)
def test_an_archive_of_another_database_is_not_added_to(sealed, folder):
    sealed(4)
    archive(EVER, folder)
    with unlocked(run):
        run("DELETE FROM scans_seal")
        run("UPDATE scans_scan SET note = 'other'")
    seal_now()
    sealed(4)
    with pytest.raises(ArchiveError, match="which the database does not have"):
        archive(EVER, folder)


@pytest.mark.django_db(transaction=True)
def test_what_is_not_what_was_sealed_is_not_archived(sealed, folder):
    scans = sealed(4)
    with unlocked(run):
        run("UPDATE scans_scan SET note = 'other' WHERE id = %s", scans[2].pk)
    with pytest.raises(ArchiveError, match=f"seal 2, id {scans[2].pk}: changed"):
        archive(EVER, folder)


def test_a_damaged_archive_is_not_added_to(sealed, folder):
    sealed(4)
    archive(EVER, folder)
    (folder / names(folder)[1]).unlink()
    with pytest.raises(ArchiveError, match="The archive is damaged"):
        archive(EVER, folder)


def run(sql: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def drop_record(lines):
    return lines[:2] + lines[3:]


def change_record(lines):
    return [
        line.replace('"OP0001"', '"OP0002"') if at == 2 else line for at, line in enumerate(lines)
    ]


def add_record(lines):
    return [*lines[:3], lines[2].replace('"OP0001"', '"OP0002"'), *lines[3:]]


def change_seal(lines):
    return [lines[0].replace('"first_id": 1', '"first_id": 0'), *lines[1:]]


def drop_seal(lines):
    return lines[:3] + lines[6:]


@pytest.mark.parametrize(
    ("change", "wrong", "seal"),
    [
        (change_record, Wrong.CHANGED, 1),
        (drop_record, Wrong.MISSING, 1),
        (add_record, Wrong.LATE, 1),
        (change_seal, Wrong.CHAIN_BROKEN, 1),
        (drop_seal, Wrong.SEAL_MISSING, 2),
        (lambda lines: [*lines, "[", "x"], Wrong.FILE_CHANGED, 1),
        (lambda lines: [*lines, '{"number": 1}'], Wrong.FILE_CHANGED, 1),
        (lambda lines: [*lines, "[]"], Wrong.FILE_CHANGED, 1),
        (lambda lines: [*lines, "[" * 100_000], Wrong.FILE_CHANGED, 1),
    ],
)
def test_an_archive_that_was_changed_is_found_out(sealed, folder, change, wrong, seal):
    sealed(6)
    archive(EVER, folder)
    rewrite(folder / "scans_scan-00000001-00000003.jsonl.gz", change)
    found = verify_archive(folder).findings[0]
    assert (found.wrong, found.seal) == (wrong, seal)


def test_a_file_that_rots_or_is_gone_is_named(sealed, folder):
    sealed(12)
    archive(EVER, folder)
    first, second = (folder / name for name in names(folder)[1:])
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    second.unlink()
    found = verify_archive(folder).findings
    assert (found[0].wrong, found[0].seal) == (Wrong.FILE_CHANGED, 1)
    assert (Wrong.FILE_MISSING, 4) in [(one.wrong, one.seal) for one in found]


def test_wherever_a_file_rots_it_is_named(sealed, folder):
    sealed(2)
    archive(EVER, folder)
    path = folder / names(folder)[1]
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        assert verify_archive(folder).findings[0].wrong is Wrong.FILE_CHANGED
        path.write_bytes(content[:at])
        assert verify_archive(folder).findings[0].wrong is Wrong.FILE_CHANGED


def test_while_one_adds_to_an_archive_another_one_does_not(sealed, folder):
    sealed(4)

    def meanwhile(count: int) -> None:
        with pytest.raises(ArchiveError, match="Another process is adding to"):
            archive(EVER, folder)

    assert archive(EVER, folder, meanwhile).records == 4
    assert verify_archive(folder).is_good


def test_a_head_that_is_not_in_it_is_missed(sealed, folder):
    sealed(2)
    archive(EVER, folder)
    found = verify_archive(folder, heads=["0" * 64]).findings
    assert [one.wrong for one in found] == [Wrong.HEAD_MISSING]


_NUMBERS = '"first_seal": 1, "last_seal": 1, "last_id": 1, "records": 1'
_FILE = f'"sha256": "", "table": "", "digest": "", {_NUMBERS}'


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"format": 9, "files": []}',
        '{"format": 1}',
        f'{{"format": 1, "files": [{{"name": 1, {_FILE}}}]}}',
        f'{{"format": 1, "files": [{{"name": null, {_FILE}}}]}}',
    ],
)
def test_what_is_no_archive_is_refused(folder, manifest):
    folder.mkdir()
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(CommandError, match=r"manifest\.json"):
        call_command("verifyrecords", archive=folder)


def test_a_manifest_leads_to_no_file_elsewhere(sealed, folder):
    sealed(2)
    archive(EVER, folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"name": "', '"name": "../'))
    with pytest.raises(ArchiveError, match="names files elsewhere"):
        verify_archive(folder)


def test_the_commands_say_what_they_did(sealed, folder):
    sealed(4)
    out = StringIO()
    tomorrow = (timezone.localtime() + timedelta(days=1)).date()
    call_command("archiverecords", f"--before={tomorrow}", f"--to={folder}", stdout=out)
    assert out.getvalue().startswith("4 records in 1 new files in ")
    with pytest.raises(CommandError, match="is no manifest"):
        call_command("verifyrecords", archive=folder.parent)


def test_where_nothing_is_sealed_yet_nobody_is_sent_to_an_archive(db, folder):
    out = StringIO()
    call_command("archiverecords", "--before=2026-01-01", f"--to={folder}", stdout=out)
    assert out.getvalue().startswith("Nothing was sealed before 2026-01-01")
    assert "verifyrecords" not in out.getvalue()


def test_an_archive_is_verified_where_there_is_no_database(sealed, folder):
    sealed(4)
    archive(EVER, folder)
    environment = os.environ | {
        "DEVELOPMENT": "1",
        "DATABASE_URL": "mysql://nobody:none@127.0.0.1:9/none",
        "VAR_DIR": str(folder.parent / "var"),
    }
    command = [sys.executable, "manage.py", "verifyrecords", f"--archive={folder}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4 records in 2 seals" in done.stdout
    assert Seal.objects.count() == 2
