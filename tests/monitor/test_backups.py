"""What the monitor says of backups: how old the newest good one is, and whether one failed."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from quality.backups.manifest import GOOD, Outcome
from quality.backups.shelf import LOCK
from quality.monitor import backups, metrics
from tests.monitor.test_metrics import scrape


@pytest.fixture
def lie(settings, tmp_path):
    """`lie(5, "passed")`: a backup of 5 hours ago lies there, as far as its manifest tells."""
    settings.BACKUP_DIR = str(tmp_path)

    def make(hours: float, outcome: str) -> None:
        at = datetime.now(UTC) - timedelta(hours=hours)
        name = f"quality-{at:%Y%m%dT%H%M%SZ}.sql.zst.json"
        (tmp_path / name).write_text(json.dumps({"taken_at": at.isoformat(), "outcome": outcome}))
        (tmp_path / name).with_suffix("").touch()

    return make


def age_hours() -> float:
    age_seconds = backups.backup_age_seconds(now=time.time())
    assert age_seconds is not None
    return age_seconds / 3600


def test_where_no_backups_are_configured_nothing_is_said(client):
    assert "backup_age_seconds" not in scrape(client).families
    assert not {"backup_age_seconds", "backup_test_failed"} & metrics.counters().keys()


def test_the_newest_counts_for_metrics_and_samples(client, lie):
    lie(5, "passed")
    lie(30, "passed")
    assert 5 <= scrape(client).sum("backup_age_seconds") / 3600 < 5.1
    assert 5 <= metrics.counters()["backup_age_seconds"] / 3600 < 5.1
    assert scrape(client).sum("backup_test_failed") == 0


def test_a_backup_that_failed_its_test_makes_none_younger_and_alarms(client, lie):
    lie(30, "passed")
    lie(2, "failed")
    assert 30 <= age_hours() < 30.1
    assert scrape(client).sum("backup_test_failed") == 1
    assert metrics.counters()["backup_test_failed"] == 1
    lie(1, "passed")
    assert age_hours() < 1.1
    assert scrape(client).sum("backup_test_failed") == 0


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_one_that_a_clock_ahead_has_dated_hides_nothing(client, lie, outcome):
    lie(-24 * 365, outcome)
    lie(30, "failed" if outcome == "passed" else "passed")
    lie(50, "passed")
    age = 50 if outcome == "passed" else 30
    assert age <= age_hours() < age + 0.1
    assert scrape(client).sum("backup_test_failed") == (outcome == "passed")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_counts_is_what_the_room_of_backups_calls_good(lie, outcome):
    lie(30, "passed")
    lie(2, outcome)
    assert (age_hours() < 3) == (outcome in GOOD)


def test_other_files_do_not_count(lie, tmp_path):
    lie(30, "passed")
    (tmp_path / "quality-20991129T003000Z.sql.zst.json").write_text("{")
    (tmp_path / "quality-20991129T003000Z.sql.zst").write_text("of somebody")
    (tmp_path / "other.json").write_text('{"outcome": "passed"}')
    assert 30 <= age_hours() < 30.1


@pytest.mark.parametrize("spoil", ["no data", "a pipe", "a link", "a link to what never ends"])
def test_what_is_no_backup_does_not_count_and_holds_up_nobody(lie, tmp_path, spoil):
    lie(30, "passed")
    aside = set(tmp_path.iterdir())
    lie(2, "passed")
    data, manifest = sorted(set(tmp_path.iterdir()) - aside)
    if spoil == "no data":
        data.unlink()
    else:
        other = manifest.rename(tmp_path / "elsewhere")
        if spoil == "a pipe":
            os.mkfifo(manifest)
        else:
            manifest.symlink_to(other if spoil == "a link" else "/dev/zero")
    assert 30 <= age_hours() < 30.1


def test_one_of_a_clock_that_was_ahead_hides_no_age_and_no_failure(client, lie):
    lie(-40000, "passed")
    lie(30, "passed")
    assert 30 <= age_hours() < 30.1
    lie(2, "failed")
    assert scrape(client).sum("backup_test_failed") == 1


def test_attempts_that_leave_nothing_do_not_make_an_empty_folder_young(lie, tmp_path):
    since = time.time() - 50 * 3600
    os.utime(tmp_path, (since, since))
    assert 50 <= age_hours() < 50.1
    (tmp_path / LOCK).touch()
    os.utime(tmp_path / LOCK, (since, since))
    # As each attempt does.
    (tmp_path / "x.partial").touch()
    (tmp_path / "x.partial").unlink()
    assert 50 <= age_hours() < 50.1


def test_a_folder_that_cannot_be_read_is_very_old(settings, tmp_path):
    settings.BACKUP_DIR = str(tmp_path / "none")
    assert age_hours() * 3600 > 1e9
