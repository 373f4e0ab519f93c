"""What is kept, what may go, and that there is one at a time."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.errors import BackupError
from quality.backups.manifest import Kind, Manifest, Outcome
from tests.backups.test_manifest import made

ZONE = ZoneInfo("Europe/Bucharest")
NOW = datetime(2026, 11, 29, 0, 30, tzinfo=UTC)


def at(moment: datetime, outcome: Outcome = Outcome.PASSED, kind: Kind = Kind.NIGHTLY) -> Manifest:
    name = shelf.name_for("quality", moment, is_encrypted=False)
    return made(file=name, taken_at=moment.isoformat(), outcome=outcome, kind=kind)


def kept(
    found: list[Manifest], daily: int = 14, weekly: int = 8, now: datetime | None = None
) -> list[str]:
    now = now or max(one.moment for one in found)
    gone = shelf.to_drop(found, now, daily=daily, weekly=weekly, zone=ZONE)
    return [f"{one.moment:%m-%d %H:%M}" for one in found if one not in gone]


def test_days_and_weeks_are_kept():
    nights = [at(NOW - timedelta(days=back)) for back in range(100)]
    found = kept(nights)
    assert len(found) == 14 + 8 - 2
    assert found[:14] == [f"{NOW - timedelta(days=back):%m-%d %H:%M}" for back in range(14)]
    # Of each week before its newest, that of Sunday.
    assert found[14:] == [f"{NOW - timedelta(days=7 * back):%m-%d %H:%M}" for back in range(2, 8)]


def test_what_stays_is_the_same_whether_it_is_asked_each_night_or_once():
    nights, left = [at(NOW + timedelta(days=number)) for number in range(100)], []
    for night in nights:
        left = [night, *left]
        gone = shelf.to_drop(left, night.moment, daily=14, weekly=8, zone=ZONE)
        left = [one for one in left if one not in gone]
    assert [f"{one.moment:%m-%d %H:%M}" for one in left] == kept(nights[::-1])


def test_one_made_before_a_restore_takes_no_nights_place():
    later = at(NOW + timedelta(hours=30), kind=Kind.BEFORE_RESTORE)
    nights = [at(NOW - timedelta(days=back)) for back in range(3)]
    assert len(kept([later, *nights])) == 4


def test_those_of_a_clock_that_was_years_ahead_take_nobody_s_place():
    ahead = [at(NOW + timedelta(days=1800 + days)) for days in range(60, 0, -1)]
    nights = [at(NOW - timedelta(days=back)) for back in range(30)]
    assert kept(ahead + nights, now=NOW)[60:] == kept(nights)
    # Nor do they go, as nobody can tell what they are.
    assert len(kept(ahead + nights, now=NOW)) == 60 + len(kept(nights))


def test_what_was_made_within_a_day_stays():
    assert (
        len(kept([at(NOW - timedelta(hours=back), kind=Kind.BY_HAND) for back in range(20)])) == 20
    )


def test_the_last_good_one_stays_however_old():
    failed = [at(NOW - timedelta(days=back), Outcome.FAILED) for back in range(30)]
    good = [at(NOW - timedelta(days=400 + back)) for back in range(3)]
    found = kept(failed + good, daily=1, weekly=0)
    assert found == ["11-29 00:30", "10-25 00:30"]


def lie(folder, *those: Manifest) -> None:
    for one in those:
        (folder / one.file).write_text("x")
        manifests.write(one, folder)


def test_only_what_is_complete_is_listed(tmp_path):
    first, second, third = (at(NOW - timedelta(days=back)) for back in range(3))
    lie(tmp_path, third, first, second)
    (tmp_path / second.file).unlink()
    manifests.path_of(tmp_path / third.file).write_text("{")
    (tmp_path / "quality-20261129T003001Z.sql.zst").write_text("without a manifest")
    (tmp_path / "other.json").write_text(manifests.path_of(tmp_path / first.file).read_text())
    swapped = tmp_path / "quality-20261129T003002Z.sql.zst"
    swapped.write_text("x")
    manifests.path_of(swapped).write_text(manifests.path_of(tmp_path / first.file).read_text())
    assert shelf.backups(tmp_path) == [first]


def test_what_never_ends_is_no_manifest_and_holds_up_nobody(tmp_path):
    good, *odd = (at(NOW - timedelta(days=back)) for back in range(5))
    lie(tmp_path, good, *odd)
    pipe, device, long, far = (manifests.path_of(tmp_path / one.file) for one in odd)
    for path in (pipe, device):
        path.unlink()
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    long.write_text(long.read_text() + " " * manifests.MOST_BYTES)
    manifests.write(replace(odd[3], taken_at="9999-12-31T23:59:59+00:00"), tmp_path)
    assert shelf.backups(tmp_path) == [good]
    for path in (pipe, device, long, far):
        with pytest.raises(BackupError, match="is no manifest of a backup"):
            manifests.read(path)


def test_a_second_one_is_refused_and_leftovers_of_a_killed_one_go(tmp_path):
    (tmp_path / "quality-20261129T003000Z.sql.zst.partial").write_text("half")
    (tmp_path / "quality-20261129T003000Z.sql.zst.json.partial").write_text("half")
    (tmp_path / "somebody.partial").write_text("theirs")
    with shelf.alone(tmp_path):
        left = sorted(path.name for path in tmp_path.iterdir())
        assert left == [".lock", "somebody.partial"]
        with pytest.raises(BackupError, match="Another backup"), shelf.alone(tmp_path):
            pass
    with shelf.alone(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError, match="BACKUP_DIR"), shelf.alone(tmp_path / "file" / "x"):
        pass
