"""A change of master data holds at once, in every process, whichever way it was made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection, transaction

from quality.devdb.mariadb import PrivateMariaDB
from scans.floor import bootstrap, current_floor
from scans.models import Defect, Operator, Profile, Revision, Station
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def operator(client_of):
    return client_of("operator")


def revision() -> int:
    return Revision.objects.get().number


def change_by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE scans_operator SET name = 'Ana Ionescu' WHERE badge = 'OP0001'")


@pytest.mark.parametrize(
    "change",
    [
        lambda: Station.objects.create(code="FG-05"),
        lambda: Station.objects.get(code="FG-01").save(),
        lambda: Station.objects.filter(code="FG-01").update(name="By the door"),
        lambda: Operator.objects.bulk_create([Operator(badge="OP77", name="New")]),
        lambda: Defect.objects.filter(code="013").delete(),
        lambda: Profile.objects.update(undo_seconds=30),
        change_by_sql,
    ],
)
def test_each_change_is_another_revision(change):
    before = revision()
    change()
    assert revision() > before


def test_what_is_rolled_back_was_never_a_revision():
    before = revision()
    with transaction.atomic():
        Defect.objects.update(name_en="?")
        rolled_back = current_floor().revision
        transaction.set_rollback(True)
    assert revision() == before
    Defect.objects.filter(code="001").update(name_en="Scratch, deep")
    assert revision() not in (before, rolled_back)
    assert current_floor().defects["001"].name_en == "Scratch, deep"


def test_two_changes_in_a_microsecond_are_two_revisions():
    seen = {revision()}
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION timestamp = UNIX_TIMESTAMP() - 3600")
        for number in range(3):
            cursor.execute(f"UPDATE scans_station SET name = '{number}' WHERE code = 'FG-01'")
            seen.add(revision())
        cursor.execute("SET SESSION timestamp = DEFAULT")
    assert len(seen) == 4


def test_a_scan_meets_the_master_data_of_its_moment(operator):
    """The process that answers has held it; the change goes past it."""
    assert post(operator, payload(defect="013")).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("UPDATE scans_defect SET active = 0 WHERE code = '013'")
    assert post(operator, payload(defect="013")).status_code == 422
    Defect.objects.create(code="555", name_en="New", name_ro="Nou")
    assert post(operator, payload(defect="555")).status_code == 201


def test_the_page_learns_of_a_change_from_its_poll_and_asks_for_the_floor(operator):
    known = operator.get("/scans/floor/").json()
    assert operator.get("/scans/recent/").json()["revision"] == known["revision"]
    Operator.objects.filter(badge="OP0001").update(name="Ana Ionescu")
    told = operator.get("/scans/recent/").json()["revision"]
    assert told != known["revision"]
    fresh = operator.get("/scans/floor/").json()
    assert fresh["revision"] == told
    assert fresh["operators"]["OP0001"] == "Ana Ionescu"


def test_the_floor_is_what_the_page_was_opened_with(operator):
    opened = operator.get("/scans/station/").context["bootstrap"]
    assert operator.get("/scans/floor/").json() == opened
    assert opened["commands"] == {"undo": "CMDUNDO", "clear": "CMDCLEAR"}
    assert opened["defects"][0] == {"code": "000", "name": "Aprobat", "noteRequired": False}


def test_a_station_has_its_own_profile_or_the_first(operator):
    standard = bootstrap(current_floor(), "FG-01")["profile"]
    assert standard == {
        "sticky": ["operator"],
        "doubleReadSeconds": 10,
        "repeatPolicy": "reinspection",
        "undoSeconds": 60,
        "clearAfterSeconds": 30,
        "idleFlushSeconds": 0.3,
        "soundIsOn": True,
    }
    quiet = Profile.objects.create(
        name="Quiet", sound_is_on=False, operator_is_sticky=False, oc2_is_sticky=True
    )
    Station.objects.filter(code="FG-01").update(profile=quiet)
    floor = current_floor()
    assert bootstrap(floor, "FG-01")["profile"] == standard | {
        "soundIsOn": False,
        "sticky": ["oc2"],
    }
    for other in ("FG-02", "", "FG-99"):
        assert bootstrap(floor, other)["profile"] == standard


def test_without_any_profile_the_defaults_hold(db):
    Profile.objects.all().delete()
    assert bootstrap(current_floor(), "FG-01")["profile"]["undoSeconds"] == 60


CHANGE = """
import django
django.setup()
from scans.models import Defect
Defect.objects.filter(code="013").update(active=False)
"""


@pytest.mark.django_db(transaction=True)
def test_another_processs_change_holds_for_the_next_scan(operator, mariadb_home):
    assert post(operator, payload(defect="013")).status_code == 201
    name = connection.settings_dict["NAME"]
    subprocess.run(
        [sys.executable, "-c", CHANGE],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "quality.settings",
            "DATABASE_URL": PrivateMariaDB(mariadb_home).url(name),
        },
        check=True,
    )
    assert post(operator, payload(defect="013")).status_code == 422
