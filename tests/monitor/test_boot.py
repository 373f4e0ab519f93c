"""A start waits for a late database, and stops when the schema is not there."""

import dataclasses
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from quality.monitor.boot import NotReady, await_database, check_budget, check_schema


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
    check_budget(say=pytest.fail)
    call_command("awaitdatabase")


def test_missing_migrations_are_named(db):
    [(_, newest)] = MigrationLoader(connection).graph.leaf_nodes("scans")
    MigrationRecorder(connection).record_unapplied("scans", newest)
    with pytest.raises(CommandError, match=rf"scans\.{newest}.*manage\.py migrate"):
        call_command("awaitdatabase")


def pool_options(monkeypatch, **changes):
    wrapper = connections["default"]
    options = dataclasses.replace(wrapper._pool_options, **changes)
    monkeypatch.setattr(wrapper, "_pool_options", options)


def test_a_start_over_budget_ends_with_the_arithmetic(db, monkeypatch):
    pool_options(monkeypatch, processes=100, hosts=2)
    each = connection._pool_options.max_size
    with pytest.raises(CommandError) as reason:
        call_command("awaitdatabase")
    arithmetic = f"100 processes × {each} connections × 2 hosts = {200 * each} > "
    assert arithmetic in str(reason.value)
    assert "raise max_connections at the server" in str(reason.value)


def test_a_start_near_the_budget_goes_on_and_says_so(db, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@global.max_connections")
        allowed = cursor.fetchone()[0] - 10
    pool_options(monkeypatch, processes=1, max_size=allowed)
    said: list[str] = []
    check_budget(say=said.append)
    assert f"= {allowed} ≤ {allowed + 10} − 10" in said[0]
