"""The page of backups, and who may carry one away."""

import logging
import os
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from accounts.models import User
from accounts.roles import CATALOGUE, ROLES
from quality.backups import manifest as manifests
from quality.backups import shelf
from quality.backups.manifest import Manifest, Outcome
from tests.backups.test_manifest import made

LIST = "/admin/backups/backup/"


@pytest.fixture
def there(settings, tmp_path) -> Manifest:
    """A backup of 600 kB, and one whose test failed."""
    settings.BACKUP_DIR = str(tmp_path)
    good = made(bytes=600_000).tested(Outcome.PASSED)
    bad = made(file="quality-20261128T003000Z.sql.zst.age", is_encrypted=True).tested(
        Outcome.FAILED, why="<b>other</b> rows"
    )
    for one in (good, bad):
        (tmp_path / one.file).write_bytes(b"0123456789" * 60_000)
        manifests.write(one, tmp_path)
    (tmp_path / "secret").write_text("not a backup")
    return good


def address(one: str) -> str:
    return f"{LIST}{one}/download/"


@pytest.fixture
def keeper(person) -> Client:
    """An administrator to whom a superuser has given the right to download."""
    user = person("admin")
    user.user_permissions.add(Permission.objects.get(codename="download_backup"))
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    return client


def test_an_administrator_sees_what_there_is_and_no_way_to_it(client_of, there):
    page = client_of("admin").get(LIST).content.decode()
    assert "585" in page
    assert "&lt;b&gt;other&lt;/b&gt; rows" in page
    assert there.file not in page
    assert "/download/" not in page
    for method in ("get", "post"):
        assert getattr(client_of("admin"), method)(address(there.file)).status_code == 403


@pytest.mark.parametrize("role", ["operator", "quality", "auditor"])
def test_others_see_nothing(client_of, there, role):
    assert client_of(role).get(LIST).status_code in (302, 403)


def test_no_role_holds_the_right_and_only_a_superuser_gives_it():
    assert "backups.download_backup" not in CATALOGUE
    assert not any("backups.download_backup" in rights for rights in ROLES.values())
    assert "backups.view_backup" in ROLES["admin"]


def test_a_download_is_asked_for_once_more_and_written_down(keeper, there, tmp_path, caplog):
    assert address(there.file) in keeper.get(LIST).content.decode()
    asked = keeper.get(address(there.file))
    assert asked.status_code == 200
    assert "attachment" not in asked.headers.get("Content-Disposition", "")
    assert not LogEntry.objects.filter(change_message="download").exists()
    with caplog.at_level(logging.INFO, "quality.settings"):
        answer = keeper.post(address(there.file), {"part": "backup"})
        # Written down before the first byte.
        assert LogEntry.objects.get(change_message="download").object_id == there.file
    assert f"backup {there.file}: downloaded by admin" in caplog.text
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{there.file}"'
    assert b"".join(answer.streaming_content) == (tmp_path / there.file).read_bytes()
    answer = keeper.post(address(there.file), {"part": "manifest"})
    path = manifests.path_of(tmp_path / there.file)
    assert b"".join(answer.streaming_content) == path.read_bytes()


@pytest.mark.django_db(transaction=True)
def test_a_download_holds_no_connection(keeper, there):
    answer = keeper.post(address(there.file), {"part": "backup"})
    pieces = iter(answer.streaming_content)
    connection.ensure_connection()
    next(pieces)
    assert connection.connection is None
    assert len(list(pieces)) > 1


@pytest.mark.parametrize(
    "name",
    ["secret", "..%2fsecret", "%2e%2e", "..", "%2fetc%2fpasswd", ".lock", "x", "%00", "*"],
)
def test_nothing_else_is_given_out(keeper, there, name):
    answer = keeper.post(address(name), {"part": "backup"})
    assert answer.status_code in (404, 400)


def test_what_went_since_it_was_listed_is_not_found(keeper, there, monkeypatch):
    listed = shelf.backups

    def and_then_dropped(place):
        found = listed(place)
        shelf.drop(there, place)
        return found

    monkeypatch.setattr(shelf, "backups", and_then_dropped)
    assert keeper.post(address(there.file), {"part": "backup"}).status_code == 404
    assert not LogEntry.objects.filter(change_message="download").exists()


@pytest.mark.parametrize("part", ["backup", "manifest"])
def test_what_goes_while_it_is_given_out_is_given_out_whole(keeper, there, tmp_path, part):
    path = tmp_path / there.file
    whole = (path if part == "backup" else manifests.path_of(path)).read_bytes()
    answer = keeper.post(address(there.file), {"part": part})
    shelf.drop(there, tmp_path)
    assert b"".join(answer.streaming_content) == whole


def test_a_download_that_nobody_takes_leaves_no_file_open(keeper, there):
    answer = keeper.post(address(there.file), {"part": "backup"})
    answer.close()
    opened = {os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()}
    assert not [one for one in opened if there.file in one]


@pytest.mark.parametrize("linked", ["backup", "manifest"])
def test_a_link_out_of_the_folder_gives_nothing_out(keeper, there, tmp_path, linked):
    path = tmp_path / there.file
    path = path if linked == "backup" else manifests.path_of(path)
    aside = tmp_path.with_name("aside") / path.name
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    path.symlink_to(aside)
    for part in ("backup", "manifest"):
        assert keeper.post(address(there.file), {"part": part}).status_code == 404


def test_a_manifest_of_another_kind_hides_none_of_the_others(client_of, there, tmp_path):
    odd = made(file="quality-20261127T003000Z.sql.zst", kind="each hour", bytes=700_000)
    (tmp_path / odd.file).touch()
    manifests.write(odd, tmp_path)
    page = client_of("admin").get(LIST).content.decode()
    assert "each hour" in page
    assert "585" in page


def test_a_folder_that_is_not_there_is_told(client_of, settings, tmp_path):
    settings.BACKUP_DIR = ""
    admin = client_of("admin")
    assert "BACKUP_DIR nu este setat" in admin.get(LIST).content.decode()
    admin.cookies["django_language"] = "en"
    assert "BACKUP_DIR is not set" in admin.get(LIST).content.decode()
    settings.BACKUP_DIR = str(tmp_path / "none")
    assert client_of("admin").get(LIST).status_code == 200
