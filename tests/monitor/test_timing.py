"""Statements are timed, and slow ones are told without what they were asked with."""

import logging
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection

from quality.pool import events


@pytest.fixture
def slow(monkeypatch, settings, caplog, db):
    """The records of slow statements; every statement counts as one."""
    caplog.set_level(logging.INFO)
    settings.SLOW_STATEMENT_SECONDS = 1e-9
    monkeypatch.setattr(events, "slow_seconds", 0.0)
    return lambda: [one for one in caplog.records if one.name == "quality.database.slow"]


def test_a_slow_statement_is_told_without_values(slow):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'secret', 4711, %s", ["secret"])
    [record] = slow()
    assert record.levelname == "WARNING"
    assert "default: a statement took 0.0 s" in record.getMessage()
    assert "SLOW_STATEMENT_SECONDS is 1e-09" in record.getMessage()
    assert "SELECT ?, …" in record.getMessage()
    assert "secret" not in str(vars(record))
    assert "4711" not in str(vars(record))


def test_a_slow_statement_names_the_line_of_ours_that_asked(slow):
    assert Group.objects.filter(name__in=["secret", "other"]).count() == 0
    [record] = slow()
    here = Path(__file__).relative_to(Path(__file__).parents[2])
    function = test_a_slow_statement_names_the_line_of_ours_that_asked.__name__
    assert re.fullmatch(rf"{here}:\d+ in {function}", record.fields["caller"])
    assert record.fields["seconds"] >= 0


def test_a_statement_as_quick_as_most_is_not_told(slow, monkeypatch):
    monkeypatch.setattr(events, "slow_seconds", 60.0)
    Group.objects.count()
    assert slow() == []


def test_a_slow_statement_that_fails_is_told_too(slow):
    with pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute("SELECT FROM nothing WHERE name = %s", ["secret"])
    assert len(slow()) == 1
    connection.needs_rollback = True
