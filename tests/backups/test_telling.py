"""A command that is told to end ends so, whatever became of the word on its way."""

import os
import signal
from contextlib import suppress

import pytest

from quality.backups import taking, trying
from quality.backups.errors import BackupError
from quality.backups.keys import Keys, new_key, read_keys
from quality.backups.manifest import Kind
from quality.backups.packing import Packed, _Target, pack
from quality.backups.telling import ending_cleanly
from tests.backups.test_manifest import made

TOLD_TO_END = 128 + signal.SIGTERM


def told(*_: object) -> None:
    signal.raise_signal(signal.SIGTERM)


def test_it_ends_as_told_where_a_library_tells_only_the_text_of_it(tmp_path, monkeypatch):
    """As what encrypts does."""
    monkeypatch.setattr(_Target, "write", told)
    with pytest.raises(SystemExit) as ended, ending_cleanly():
        pack([bytes(1_000), os.urandom(200_000)], tmp_path / "x", read_keys(new_key()))
    assert ended.value.code == TOLD_TO_END
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_it_ends_as_told_where_a_library_keeps_it_for_itself(settings, tmp_path, monkeypatch):
    """As what encrypts does with the last piece: none is taken for whole that lacks it."""
    settings.BACKUP_DIR = tmp_path

    def loses(*_: object) -> Packed:
        with suppress(SystemExit):
            told()
        return Packed(0, "")

    monkeypatch.setattr(taking, "pack", loses)
    with pytest.raises(SystemExit) as ended, ending_cleanly():
        taking.take(Kind.BY_HAND, test=False)
    assert ended.value.code == TOLD_TO_END
    assert os.listdir(tmp_path) == [".lock"]


def test_a_test_that_was_cut_off_has_not_failed(tmp_path, monkeypatch):
    """With that it would stand for the night, and alert."""

    def cut_off(*_: object) -> None:
        with suppress(SystemExit):
            told()
        raise BackupError("Commands out of sync")

    monkeypatch.setattr(trying, "scratch", cut_off)
    with pytest.raises(SystemExit) as ended, ending_cleanly():
        trying.test_backup(tmp_path / "x", made(), Keys(), None, "x", lambda _rows: None)
    assert ended.value.code == TOLD_TO_END


def test_what_fails_without_being_told_to_end_is_told_as_it_is():
    with pytest.raises(BackupError, match="full"), ending_cleanly():
        raise BackupError("The disk is full.")
