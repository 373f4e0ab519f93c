"""What was backed up comes back: the same rows, triggers, numbers and chain of seals."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import MySQLdb
import pytest

from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.dumping import END
from quality.backups.errors import BackupError
from quality.backups.keys import Keys
from quality.backups.manifest import Kind, Outcome, path_of, read
from quality.backups.packing import pack, unpack
from quality.backups.restoring import check
from quality.backups.server import UNFINISHED
from quality.backups.taking import take
from tests.backups.conftest import KEY, House
from tests.backups.test_manifest import made
from tests.serving import Database


def counts(database: Database) -> dict[str, int]:
    tables = database.run(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    )
    return {name: database.run(f"SELECT COUNT(*) FROM `{name}`")[0][0] for (name,) in tables}


def triggers(database: Database) -> list[tuple[object, ...]]:
    return database.run(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, "
        "ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() "
        "ORDER BY TRIGGER_NAME"
    )


def checksums(database: Database) -> list[tuple[object, ...]]:
    """What the server itself makes of each table's content."""
    names = ", ".join(f"`{name}`" for name in sorted(counts(database)))
    found = database.run(f"CHECKSUM TABLE {names} EXTENDED")
    return [(name.partition(".")[2], number) for name, number in found]


def next_ids(database: Database) -> dict[str, int]:
    return dict(
        database.run(
            "SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL"
        )
    )


def databases(database: Database) -> set[str]:
    # Working with none of them: a restore refuses to replace one that others work with.
    return {name for (name,) in database._run("SHOW DATABASES", database="")}


def has_begun(database: Database) -> bool:
    """Whether something is restored into it, which may not be there yet."""
    sql = "SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = 'scans_defect'"
    return bool(database._run(f"{sql} AND TABLE_SCHEMA = '{database.name}'", database=""))


def drop(database: Database) -> None:
    database._run(f"DROP DATABASE IF EXISTS `{database.name}`", database="")
    database._run(f"CREATE DATABASE `{database.name}`", database="")


# ----- Taking one


def test_a_backup_is_restored_aside_and_tells_so(house, encrypted):
    path, manifest = encrypted
    assert manifest.outcome == Outcome.PASSED
    assert manifest.is_encrypted
    assert manifest.rows == counts(house.database)
    digest, number, scans = house.head()
    assert manifest.rows["scans_scan"] == scans > 1000
    assert manifest.heads["scans_scan"] == manifest.test["heads"]["scans_scan"] == digest
    assert manifest.test["seals"]["scans_scan"] == number
    assert manifest.triggers == len(triggers(house.database)) > 10
    assert "quality_kept_restored" not in databases(house.database)
    assert path.stat().st_size == manifest.bytes


def test_a_dump_names_no_account_and_no_database_and_drops_nothing(plain):
    """Whoever restores it may be another, into another, and loses nothing by it."""
    path, manifest = plain
    pieces: list[bytes] = []
    unpack(path, pieces.append, Keys(), is_encrypted=False)
    text = b"".join(pieces)
    assert text.count(b"/*!50003 TRIGGER ") == manifest.triggers
    for word in (b"DEFINER", b"CREATE DATABASE", b"\nUSE ", b"\nDROP ", b"\nLOCK "):
        assert word not in text, word


def test_sessions_are_in_no_backup(house):
    house.database.run(
        "INSERT INTO accounts_session (session_key, session_data, expire_date, address, station) "
        "VALUES ('sessionkeyofsomebody', '', '2099-01-01', '', '')"
    )
    try:
        _path, manifest = house.back_up("--no-test")
    finally:
        house.database.run("DELETE FROM accounts_session")
    assert manifest.rows["accounts_session"] == 0
    assert manifest.outcome == Outcome.SKIPPED


def test_the_password_is_on_no_command_line(house):
    with house.start("backup", "--no-test") as process:
        seen: set[str] = set()
        while process.poll() is None:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        seen.add((entry / "cmdline").read_bytes().decode(errors="replace"))
                    except OSError:
                        continue
    assert any("mariadb-dump\0" in line for line in seen)
    assert not any(house.database.server.password in line for line in seen)


def test_only_the_public_part_of_a_key_tests_nothing_and_says_so(house, encrypted, other):
    public = KEY.partition("public key: ")[2].split()[0]
    said = house.does("backup", BACKUP_KEY=public)
    assert "Not tested: BACKUP_KEY holds no secret part" in said
    newest = max(name for name in house.files() if name.endswith(".age"))
    assert read(path_of(house.folder / newest)).outcome == Outcome.UNREADABLE
    assert "no key that opens it" in house.fails(
        "restore", "--check", str(house.folder / newest), BACKUP_KEY=public
    )
    house.does("restore", "--check", str(house.folder / newest), BACKUP_KEY=KEY)


def test_a_second_one_at_the_same_time_is_refused(house):
    with house.start("backup", "--no-test") as first:
        deadline = time.monotonic() + 60
        while not list(house.folder.glob("*.partial")) and time.monotonic() < deadline:
            assert first.poll() is None
            time.sleep(0.005)
        os.kill(first.pid, signal.SIGSTOP)
        try:
            said = house.fails("backup")
        finally:
            os.kill(first.pid, signal.SIGCONT)
        assert "Another backup or restore is at work" in said
        first.communicate()
    assert first.returncode == 0


def test_one_that_is_told_to_end_leaves_nothing_behind(house):
    def end_one() -> list[str]:
        before = house.files()
        with house.start("backup", BACKUP_KEY=KEY) as process:
            deadline = time.monotonic() + 60
            while not list(house.folder.glob("*.partial")) and time.monotonic() < deadline:
                time.sleep(0.005)
            process.terminate()
            out, error = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGTERM, out + error
        return [name for name in house.files() if name not in before]

    # Its data is whole within 0.1 s, and stays from then on: only its test is given up.
    while left := end_one():
        backup, manifest = left
        assert path_of(Path(backup)).name == manifest
        assert read(house.folder / manifest).outcome == Outcome.PENDING


@pytest.mark.django_db(transaction=True)
def test_one_that_ends_before_its_data_has_a_name_leaves_no_manifest(
    settings, tmp_path, monkeypatch
):
    settings.BACKUP_DIR = tmp_path
    # The last that is done for the manifest.
    monkeypatch.setattr(manifests, "sync_folder", lambda _folder: sys.exit(1))
    with pytest.raises(SystemExit):
        take(Kind.BY_HAND, test=False)
    assert os.listdir(tmp_path) == [".lock"]


def test_a_disk_on_which_the_data_has_room_and_its_manifest_has_not_is_left_empty(
    house, plain, tmp_path
):
    pages = -(-plain[0].stat().st_size // 4096)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={pages * 4}k", "none", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root mounts a small disk")
    try:
        assert "no room for" in house.fails("backup", BACKUP_DIR=str(tmp_path))
        assert os.listdir(tmp_path) == [".lock"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_server_that_is_away_is_told_in_a_line(house):
    away = "mysql://quality:secret@127.0.0.1:1/quality"
    for options in ((), ("--before-migrations",)):
        said = house.fails("backup", *options, DATABASE_URL=away)
        assert "The database server does not let us in" in said
        assert "secret" not in said


def test_a_scratch_database_that_holds_anothers_is_left_alone(house):
    mine = Database(house.database.server, "quality_precious")
    mine.create()
    mine.run("CREATE TABLE precious (id INT)")
    before = house.files()
    said = house.fails("backup", BACKUP_SCRATCH_DATABASE="quality_precious")
    assert "holds something that no restore test has made" in said
    assert counts(mine) == {"precious": 0}
    assert "the house's own database" in house.fails(
        "backup", BACKUP_SCRATCH_DATABASE="quality_kept"
    )
    mine._run("DROP DATABASE quality_precious", database="")
    assert house.head()[2] > 1000
    # Both failed their test, and say so.
    new = [house.folder / name for name in house.files() if name not in before]
    backups = [path for path in new if path.suffix == ".zst"]
    assert [read(path_of(path)).outcome for path in backups] == [Outcome.FAILED, Outcome.FAILED]
    for path in new:
        path.unlink()


def test_a_right_that_is_missing_is_told_with_what_gives_it(house):
    said = house.fails("backup", BACKUP_SCRATCH_DATABASE="elsewhere")
    assert "GRANT ALL ON `elsewhere`.*" in said
    assert said.count("Traceback") == 0


def test_before_migrations_only_what_has_some_to_come_is_backed_up(house, other):
    before = house.files()
    assert "no backup is needed" in house.does("backup", "--before-migrations")
    drop(other.database)
    assert "no backup is needed" in other.does("backup", "--before-migrations")
    assert house.files() == before
    house.database.run("DELETE FROM django_migrations WHERE app='backups'")
    try:
        said = house.does("backup", "--before-migrations")
    finally:
        house.does("migrate", "--fake", "backups", "--verbosity=0")
    assert "the first backups.0001_rights" in said
    assert "Restored aside" in said
    house.database.run("DELETE FROM django_migrations WHERE app='backups'")
    try:
        assert "Cannot write" in house.fails("backup", "--before-migrations", BACKUP_DIR="/proc/x")
    finally:
        house.does("migrate", "--fake", "backups", "--verbosity=0")


def test_each_night_runs_once_ends_at_once_and_is_not_repeated(house):
    def run(until: str) -> None:
        with house.start("backup", "--nightly", "02:30", "--no-test") as process:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert any(until in line for line in lines)
            began = time.monotonic()
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0
        assert time.monotonic() - began < 10

    before = house.files()
    try:
        run("The next one is due at")
        (new,) = {name for name in set(house.files()) - set(before) if name.endswith(".json")}
        assert json.loads((house.folder / new).read_text())["kind"] == "nightly"
        # Started once more: this night has its backup.
        run("The next one is due at")
        assert len(house.files()) == len(before) + 2
    finally:
        # Who tries this again finds none of this night.
        for name in set(house.files()) - set(before):
            (house.folder / name).unlink()


# ----- Bringing it back


def test_a_backup_made_under_writes_fills_an_empty_server_with_the_same(house, other):
    """On another server: rows as dumped, the chain as sealed, triggers, and ids that go on."""
    drop(other.database)
    with writes(house.database) as written:
        path, manifest = house.back_up(BACKUP_KEY=KEY)
    assert len(written) > 10
    assert manifest.outcome == Outcome.PASSED
    said = other.does("restore", str(path), BACKUP_KEY=KEY)
    assert counts(other.database) == manifest.rows
    assert triggers(other.database) == triggers(house.database)
    assert other.head()[:2] == house.head()[:2]
    assert str(other.head()[0]) in said
    assert "unbroken" in said
    # Each write was two rows in one transaction: none is there by half.
    rows = dict(other.database.run("SELECT badge, name FROM scans_operator"))
    firsts = {badge[1:] for badge in rows if badge.startswith("A")}
    assert firsts == {badge[1:] for badge in rows if badge.startswith("B")}
    assert (
        rows["OP7777"]
        == dict(house.database.run("SELECT badge, name FROM scans_operator"))["OP7777"]
    )
    with pytest.raises(MySQLdb.OperationalError, match="append-only"):
        other.database.run("DELETE FROM scans_scan LIMIT 1")
    assert next_ids(other.database)["scans_scan"] >= next_ids(house.database)["scans_scan"]
    (last,) = other.database.run("SELECT MAX(id) FROM scans_scan")[0]
    assert next_ids(other.database)["scans_scan"] > last
    other.does("rebuildrollups", "--check")
    other.does("migrate", "--check")


def test_without_writes_each_table_has_the_server_s_own_checksum(house, plain, other):
    drop(other.database)
    path, _manifest = house.back_up("--no-test")
    other.does("restore", str(path))
    assert checksums(other.database) == checksums(house.database)


@contextmanager
def writes(database: Database) -> Iterator[list[str]]:
    """Two rows in each transaction, again and again."""
    stopped, written = threading.Event(), []

    def write() -> None:
        with MySQLdb.connect(**database._login, database=database.name) as connection:
            cursor = connection.cursor()
            while not stopped.is_set():
                mark = uuid.uuid4().hex[:8]
                for letter in "AB":
                    cursor.execute(
                        "INSERT INTO scans_operator (badge, name, active) VALUES (%s, '', 0)",
                        [letter + mark],
                    )
                connection.commit()
                written.append(mark)
                stopped.wait(0.005)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        stopped.set()
        thread.join()


def test_what_is_there_is_replaced_only_by_who_repeats_its_name(plain, other):
    path, manifest = plain
    drop(other.database)
    other.does("restore", str(path))
    other.database.run("INSERT INTO scans_operator (badge, name, active) VALUES ('OP0815', '', 1)")
    for options in ([], ["--replace", "qualitty"]):
        assert "Nothing was changed. To replace" in other.fails("restore", str(path), *options)
    with MySQLdb.connect(**other.database._login, database="quality"):
        said = other.fails("restore", str(path), "--replace", "quality")
    assert "1 other connections work with quality" in said
    assert counts(other.database) != manifest.rows
    there = other.files()
    said = other.does("restore", str(path), "--replace", "quality")
    assert counts(other.database) == manifest.rows
    (before,) = {name for name in set(other.files()) - set(there) if name.endswith(".zst")}
    assert f"What was there before is in {before}" in said
    was = read(path_of(other.folder / before))
    assert was.rows["scans_operator"] == manifest.rows["scans_operator"] + 1
    assert "quality_restored" not in databases(other.database)


def test_a_database_may_have_any_name_and_who_may_not_make_it_is_told_why(house, plain):
    path, manifest = plain
    for name in ("quality_100% a`b/c", "quality_%s"):
        said = house.does("restore", str(path), "--into", name)
        assert f"{manifest.total_rows:,} rows of {len(manifest.rows)} tables are in {name}" in said
        house.database._run(f"DROP DATABASE `{name.replace('`', '``')}`", database="")
    assert "GRANT ALL ON `others`" in house.fails("restore", str(path), "--into", "others")


def test_what_replaces_is_not_let_go_by_the_backup_of_what_is_replaced(house, plain, other):
    """With that one the newest of all, it was not made within a day any more."""
    path, manifest = plain
    drop(other.database)
    other.does("restore", str(path))
    first = datetime.now(UTC) - timedelta(hours=25)
    # Two of a day, of which the later one will stay.
    for at in (first + timedelta(seconds=1), first):
        name = shelf.name_for("quality", at, is_encrypted=False)
        (other.folder / name).write_bytes(path.read_bytes())
        aged = replace(manifest, file=name, database="quality", taken_at=at.isoformat())
        manifests.write(aged.tested(Outcome.PASSED), other.folder)
    wanted = other.folder / name
    other.does("restore", str(wanted), "--replace", "quality")
    assert counts(other.database) == manifest.rows
    assert wanted.exists()
    other.back_up("--no-test")
    assert not wanted.exists()


def test_a_backup_beside_a_restore_is_refused_and_not_taken_for_a_bad_one(plain, other):
    """Each night's is tried again later; one that failed its test would stand for the night."""
    path, _manifest = plain
    drop(other.database)
    other.does("restore", str(path))
    before = other.files()
    with other.start("restore", str(path), "--replace", "quality") as process:
        deadline = time.monotonic() + 60
        while "quality_restored" not in databases(other.database):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        try:
            assert "Another backup or restore is at work" in other.fails("backup")
            assert other.files() == before
        finally:
            process.send_signal(signal.SIGCONT)
        process.communicate(timeout=300)
    assert process.returncode == 0


def test_no_backup_is_made_of_what_is_half_restored(plain, other):
    path, _manifest = plain
    drop(other.database)
    other.does("restore", str(path))
    other.database.run(f"ALTER DATABASE quality COMMENT = '{UNFINISHED}'")
    before = other.files()
    other.database.run("DROP TABLE scans_seal")
    for option in ("--no-test", "--before-migrations"):
        assert "half restored" in other.fails("backup", option)
    assert other.files() == before


def test_another_database_is_filled_beside_the_house_s(house, plain):
    path, manifest = plain
    beside = Database(house.database.server, "quality_beside")
    house.does("restore", str(path), "--into", "quality_beside")
    assert counts(beside) == manifest.rows
    assert "only an empty" in house.fails(
        "restore", str(path), "--into", "quality_beside", "--replace", "quality_beside"
    )
    beside._run("DROP DATABASE quality_beside", database="")


def test_a_restore_that_is_cut_off_is_run_again(plain, other):
    path, manifest = plain
    drop(other.database)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with other.start("restore", str(path)) as process:
            deadline = time.monotonic() + 60
            while not has_begun(other.database) and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode != 0
        if number == signal.SIGTERM:
            assert counts(other.database) == {}
    assert counts(other.database) != {}
    # The schema may be whole already, and the records half: nobody serves with that.
    assert "a restore of quality did not end. Run once more" in other.fails(
        "awaitdatabase", DB_BOOT_RETRIES="0"
    )
    with closing(MySQLdb.connect(**other.database.login)):
        # Whoever is there all the same may have stored something meanwhile.
        assert "other connections" in other.fails("restore", str(path))
    other.does("restore", str(path))
    assert counts(other.database) == manifest.rows


# ----- What is refused


@pytest.fixture
def copy(encrypted, plain, tmp_path):
    """`copy("plain")` is a backup and its manifest, to be damaged."""

    def make(which: str) -> Path:
        path, _manifest = encrypted if which == "encrypted" else plain
        for one in (path, path_of(path)):
            (tmp_path / one.name).write_bytes(one.read_bytes())
        return tmp_path / path.name

    return make


def flipped(at: float):
    def flip(path: Path) -> None:
        whole = bytearray(path.read_bytes())
        whole[round((len(whole) - 1) * at)] ^= 1
        path.write_bytes(whole)

    return flip


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def alter_manifest(path: Path) -> None:
    text = path_of(path).read_text()
    path_of(path).write_text(text.replace('"scans_scan": ', '"scans_scan": 1', 1))


def lose_manifest(path: Path) -> None:
    path_of(path).unlink()


def lose_file(path: Path) -> None:
    path.unlink()


DAMAGES = {
    "cut by a byte": (cut, "cut off"),
    "a byte more": (grow, "altered"),
    "a bit at the begin": (flipped(0), "damaged"),
    "a bit in the middle": (flipped(0.5), "damaged"),
    "a bit at the end": (flipped(1), "damaged"),
    "the manifest altered": (alter_manifest, "altered"),
    "the manifest missing": (lose_manifest, "no manifest"),
    "the file missing": (lose_file, "no file"),
}


@pytest.mark.parametrize("which", ["plain", "encrypted"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused(copy, settings, which, damage):
    """By what each restore begins with; it has no database to change anything in."""
    path = copy(which)
    settings.BACKUP_KEY = KEY
    assert check(path).file == path.name
    spoil, says = DAMAGES[damage]
    spoil(path)
    with pytest.raises(BackupError, match=says) as refused:
        check(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_whole_and_not_the_manifest_s_is_refused(copy):
    """As one of the same size would be that somebody has put in its place."""
    path = copy("plain")
    manifests.write(replace(read(path_of(path)), sha256="ab" * 32), path.parent)
    with pytest.raises(BackupError, match="its SHA-256 is"):
        check(path)


def test_a_small_file_that_claims_to_become_a_gigabyte_is_refused(copy):
    path = copy("plain")
    honest = read(path_of(path))
    path.unlink()
    packed = pack((bytes(1 << 20) for _ in range(1024)), path, Keys())
    forged = replace(honest, bytes=packed.bytes, sha256=packed.sha256)
    manifests.write(forged, path.parent)
    with pytest.raises(BackupError, match="is no dump"):
        check(path)


def test_a_file_that_claims_ever_more_tables_is_refused(copy):
    """Each would be remembered."""
    path = copy("plain")
    honest = read(path_of(path))
    path.unlink()

    def pieces() -> Iterator[bytes]:
        for number in range(200_000):
            yield b"CREATE TABLE `%s%d` (\n" % (b"x" * 100, number)

    packed = pack(pieces(), path, Keys())
    forged = replace(honest, bytes=packed.bytes, sha256=packed.sha256)
    manifests.write(forged, path.parent)
    tracemalloc.start()
    try:
        with pytest.raises(BackupError, match=r"has a table `x{64}` that"):
            check(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_damaged_backup_changes_nothing(copy, other):
    drop(other.database)
    path = copy("encrypted")
    flipped(0.9)(path)
    assert "damaged" in other.fails("restore", str(path), BACKUP_KEY=KEY)
    assert counts(other.database) == {}


def test_another_s_manifest_and_another_key_are_refused(copy, other, house):
    path, twin = copy("encrypted"), copy("plain")
    drop(other.database)
    other_key = house.does("backup", "--new-key")
    assert "another key" in other.fails("restore", str(path), BACKUP_KEY=other_key)
    assert "no key that opens it" in other.fails("restore", str(path), BACKUP_KEY="")
    path_of(path).write_bytes(path_of(twin).read_bytes())
    assert f"is that of {twin.name}" in other.fails("restore", str(path), BACKUP_KEY=KEY)
    assert counts(other.database) == {}


def test_rows_that_a_forged_manifest_claims_are_missed(copy, other):
    """Who forges the manifest's own checksum, too, is found out by what is in the file."""
    path = copy("plain")
    honest = read(path_of(path))
    forged = replace(honest, rows=honest.rows | {"scans_scan": honest.rows["scans_scan"] - 1})
    manifests.write(forged, path.parent)
    drop(other.database)
    said = other.fails("restore", str(path))
    assert "does not hold what its manifest says. `scans_scan`" in said
    forged = replace(honest, heads={"scans_scan": "ab" * 32})
    manifests.write(forged, path.parent)
    assert "chain of seals in quality is broken" in other.fails("restore", str(path))
    assert counts(other.database) == {}
    forged = replace(honest, migrations=[*honest.migrations, "scans.9999_future"])
    manifests.write(forged, path.parent)
    assert "does not know scans.9999_future" in other.fails("restore", str(path))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("\\! touch {mark}", "sandbox"),
        ("system touch {mark}", "sandbox"),
        ("source {secret}", "sandbox"),
        ("LOAD DATA LOCAL INFILE '{secret}' INTO TABLE taken;", "local infile"),
    ],
)
def test_a_forged_backup_runs_no_program_and_reads_no_file_of_this_host(
    other, tmp_path, line, says
):
    """Neither checksum nor encryption tells who made it."""
    secret, mark = tmp_path / "secret", tmp_path / "mark"
    secret.write_text("SELECT 1;\n")
    text = f"CREATE TABLE `taken` (\n a text);\n{line.format(secret=secret, mark=mark)}\n"
    path = tmp_path / made().file
    packed = pack([text.encode(), END + b"\n"], path, Keys())
    forged = made(bytes=packed.bytes, sha256=packed.sha256, rows={"taken": 0}, migrations=[])
    manifests.write(forged, tmp_path)
    drop(other.database)
    assert says in other.fails("restore", str(path))
    assert counts(other.database) == {}
    assert not mark.exists()


def test_a_sealed_record_that_was_changed_fails_the_test(house: House, other, plain):
    """Its rows are as many; the chain tells."""
    path, _manifest = plain
    drop(other.database)
    other.does("restore", str(path))
    other.database.run("DROP TRIGGER scans_scan_keep_update")
    other.database.run("UPDATE scans_scan SET operator = 'OP6666' ORDER BY id LIMIT 1")
    assert "The chain of seals" in other.fails("backup")
    newest = max(name for name in other.files() if name.endswith(".zst"))
    manifest = read(path_of(other.folder / newest))
    assert manifest.outcome == Outcome.FAILED
    assert "changed" in manifest.test["why"]
