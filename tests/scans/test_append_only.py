"""The database refuses to change or to delete a record, whoever asks for it."""

import contextlib
import re

import MySQLdb
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from quality.devdb.mariadb import PrivateMariaDB
from scans.corrections import correct_scan, propose, replace_scan
from scans.models import Decision, Event, Incident, Proposal, Scan, Seal
from scans.proposals import decide
from scans.recording import record_incident, record_scan
from scans.submission import read, read_incident
from tests.faults import Administrator
from tests.records import APPEND_ONLY, unlocked
from tests.scans.sample import payload

MODELS = [Scan, Event, Incident, Proposal, Decision, Seal]
REFUSAL = "(?i){} is append-only: a record is never changed or deleted. Add an event instead."


def fill(person) -> None:
    """A row in each of the tables."""
    operator, quality, other = person("operator"), person("quality"), person("superuser")
    scan, _ = record_scan(read(payload()), operator)
    replace_scan(scan.uid, {"defect": "001"}, "wrong tile", quality)
    proposed = propose(Scan.objects.latest("pk"), Event.Kind.VOID, {}, "no piece", quality)
    decide(proposed.pk, other, is_accepted=False)
    at = payload()["scanned_at"]
    incident = {"id": payload()["id"], "kind": "abandoned", "at": at, "codes": {}}
    record_incident(read_incident(incident), operator)
    Seal.objects.create(
        table_name="scans_scan", number=1, first_id=1, last_id=1, count=1, version=1, root="r",
        digest="d", marks=b"", sealed_at=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def filled(master_data, person):
    fill(person)


def refused(model, act) -> None:
    """`act` fails with a message that names the table and says what to do; nothing has changed."""
    before = list(model.objects.order_by("pk").values())
    message = REFUSAL.format(model._meta.db_table)
    with pytest.raises(DatabaseError, match=message), transaction.atomic():
        act()
    assert list(model.objects.order_by("pk").values()) == before != []


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_every_table_of_records_is_meant():
    assert {model._meta.db_table for model in MODELS} == set(APPEND_ONLY)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
class TestEachTable:
    def test_sql_changes_nothing(self, model):
        table = model._meta.db_table
        refused(model, lambda: run(f"UPDATE {table} SET id = id + 1000"))
        # One that would change nothing is refused as well.
        refused(model, lambda: run(f"UPDATE {table} SET id = id"))

    def test_sql_deletes_nothing(self, model):
        refused(model, lambda: run(f"DELETE FROM {model._meta.db_table}"))

    def test_sql_replaces_nothing(self, model):
        """REPLACE and ON DUPLICATE KEY look like an INSERT."""
        table = model._meta.db_table
        refused(model, lambda: run(f"REPLACE INTO {table} SELECT * FROM {table}"))
        again = f"INSERT INTO {table} SELECT * FROM {table} t ON DUPLICATE KEY UPDATE id = t.id"
        refused(model, lambda: run(again))

    def test_the_orm_changes_and_deletes_nothing(self, model):
        row = model.objects.first()
        refused(model, lambda: model.objects.update(id=row.pk + 1000))
        refused(model, row.save)
        refused(model, lambda: model.objects.bulk_update([row], [model._meta.fields[1].name]))
        # What nothing else refers to; else Django itself refuses.
        refused(model, lambda: model.objects.filter(pk=row.pk)._raw_delete("default"))


def test_an_account_with_what_serving_takes_cannot_get_around_it(filled, mariadb_home):
    """The four rights that docker/README.md names."""
    server, name = PrivateMariaDB(mariadb_home), connection.settings_dict["NAME"]
    with Administrator(server) as administrator:
        administrator.query("CREATE OR REPLACE USER serving@localhost IDENTIFIED BY 'serving'")
        try:
            rights = "SELECT, INSERT, UPDATE, DELETE"
            administrator.query(f"GRANT {rights} ON `{name}`.* TO serving@localhost")
            served = MySQLdb.connect(
                user="serving", password="serving", database=name, unix_socket=str(server.socket)
            )
            with contextlib.closing(served):
                for act in ("TRUNCATE scans_event", "DROP TRIGGER scans_scan_keep_update"):
                    with pytest.raises(MySQLdb.OperationalError, match="command denied"):
                        served.query(act)
        finally:
            administrator.query("DROP USER serving@localhost")


def test_an_insert_goes_on(filled, person):
    count = Scan.objects.count()
    record_scan(read(payload(cp="CP10045821-0002")), person("operator"))
    assert Scan.objects.count() == count + 1


@pytest.mark.parametrize("model", ["scan", "event", "incident"])
def test_the_admin_changes_and_deletes_nothing(filled, client_of, model):
    client = client_of("superuser")
    pk = {"scan": Scan, "event": Event, "incident": Incident}[model].objects.first().pk
    base = f"/admin/scans/{model}/"
    assert client.post(f"{base}{pk}/change/", {"reason": "x", "note": "x"}).status_code == 403
    assert client.post(f"{base}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{base}add/").status_code == 403
    action = {"action": "delete_selected", "_selected_action": pk, "post": "yes"}
    client.post(base, action)
    assert Scan.objects.count() == 2
    assert Event.objects.count() == 1
    assert Incident.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("master_data")
def test_without_the_triggers_a_record_can_be_changed_and_with_them_again_not(person):
    """That the tests above could fail; and that `unlocked` puts back what it takes away."""
    fill(person)
    with unlocked(run):
        assert Scan.objects.update(note="changed") == 2
    refused(Scan, lambda: Scan.objects.update(note="again"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("master_data")
def test_the_migrations_go_back_and_forth_with_rows_that_are_there(person):
    """To before the triggers; the rows stay, and the triggers come back."""
    fill(person)
    before = Scan.objects.count(), Event.objects.count()
    try:
        call_command("migrate", "scans", "0007", verbosity=0)
        assert triggers() == set()
        assert Scan.objects.update(note="changed") == 2
    finally:
        call_command("migrate", "scans", verbosity=0)
    assert (Scan.objects.count(), Event.objects.count()) == before
    assert len(triggers()) == 2 * len(APPEND_ONLY)
    refused(Scan, lambda: Scan.objects.update(note="again"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("master_data")
def test_the_schema_goes_back_and_forth_with_voids_that_are_there(person):
    operator, quality = person("operator"), person("quality")
    scan, _ = record_scan(read(payload()), operator)
    correct_scan(scan.uid, {"kind": "void", "reason": "no piece"}, quality)
    try:
        call_command("migrate", "scans", "0006", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT kind, reason FROM scans_event")
            assert cursor.fetchall() == (("void", "no piece"),)
    finally:
        call_command("migrate", "scans", verbosity=0)
    assert Event.objects.get().scan == scan
    refused(Event, lambda: Event.objects.update(reason="other"))


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW TRIGGERS")
        names = {row[0] for row in cursor.fetchall()}
    return {name for name in names if re.fullmatch(r"scans_\w+_keep_(update|delete)", name)}
