"""A start waits for a late database, and stops when the schema is not there."""

import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from quality.monitor.boot import NotReady, await_database, check_schema


def test_a_start_waits_for_a_late_database(spare_server):
    spare_server.stop()
    said: list[str] = []
    starter = threading.Timer(0.5, spare_server.start)
    starter.start()
    await_database(retries=100, delay_seconds=0.1, say=said.append)
    starter.join()
    assert "The database is not there yet, try 1 of 101" in said[0]


def test_a_database_that_stays_away_ends_the_start_with_a_remedy(spare_server):
    spare_server.stop()
    with pytest.raises(NotReady) as reason:
        await_database(retries=2, delay_seconds=0.01, say=lambda line: None)
    assert "It was tried 3 times" in str(reason.value)
    assert "DATABASE_URL" in str(reason.value)
    assert spare_server.password not in str(reason.value)


def test_a_migrated_schema_lets_the_start_through(db):
    check_schema()
    call_command("awaitdatabase")


def test_missing_migrations_are_named(db):
    MigrationRecorder(connection).record_unapplied("scans", "0001_initial")
    with pytest.raises(CommandError, match=r"scans\.0001_initial.*manage\.py migrate"):
        call_command("awaitdatabase")
