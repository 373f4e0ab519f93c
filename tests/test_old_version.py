"""The newest release reads and writes on the schema of today: on a real database."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError, connection, models
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader

from tests.survival import RELEASED
from tests.test_migrations import judge, state_of_a_table


def released_models() -> list[type[models.Model]]:
    loader = MigrationLoader(connection)
    nodes = [(app, name) for app, name in loader.graph.leaf_nodes() if app not in RELEASED]
    state = loader.project_state([*RELEASED.items(), *nodes])
    return [model for app in RELEASED for model in state.apps.get_app_config(app).get_models()]


def made_up(field: models.Field) -> object:
    """A value that the column takes; of a foreign key nobody looks at it."""
    kind = field.get_internal_type()
    if field.choices:
        return field.flatchoices[0][0]
    if field.is_relation:
        return made_up(field.target_field)
    if kind in ("CharField", "TextField"):
        return "x1"
    if kind == "BooleanField":
        return False
    if kind == "DateField":
        return date(1999, 1, 1)
    if kind == "DateTimeField":
        return datetime(1999, 1, 1, tzinfo=UTC)
    return {
        "UUIDField": uuid.UUID(int=1),
        "JSONField": {},
        "BinaryField": b"x",
        "DecimalField": Decimal(1),
        "TimeField": "03:00",
    }.get(kind, 101)


def write_and_read(model: type[models.Model]) -> None:
    """As the version does whose model it is: it names each column that it knows."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not field.null and (field is not model._meta.auto_field)
    ]
    before = model._base_manager.count()
    with connection.constraint_checks_disabled():
        values = {field.attname: made_up(field) for field in fields}
        model._base_manager.bulk_create([model(**values)])
    # All rows, as the times of some are made by Django.
    assert len(model._base_manager.all()) == before + 1


def test_released_models_write_and_read_on_todays_schema(db):
    found = released_models()
    assert len(found) > 20
    for model in found:
        write_and_read(model)


@pytest.mark.parametrize(
    ("added", "error"),
    [
        (models.BooleanField(default=False), "doesn't have a default value"),
        (models.BooleanField(db_default=False), None),
        (models.BooleanField(null=True), None),
    ],
    ids=["default", "db_default", "null"],
)
def test_the_database_agrees_with_the_rules_on_new_columns(transactional_db, added, error):
    state = state_of_a_table()
    old = state.apps.get_model("scans", "Piece")
    operation = operations.AddField("piece", "is_late", added)
    migrated = state.clone()
    operation.state_forwards("scans", migrated)
    with connection.schema_editor() as editor:
        editor.create_model(old)
    try:
        with connection.schema_editor() as editor:
            operation.database_forwards("scans", editor, state, migrated)
        assert bool(judge(operation)) == bool(error)
        if error:
            with pytest.raises((IntegrityError, OperationalError), match=error):
                write_and_read(old)
        else:
            write_and_read(old)
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(old)
