"""A version of the code that still runs survives the migrations of the next one: by its rules.

No database is asked: `make check` runs this too.
"""

import pytest
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from tests.survival import RELEASED, all_problems, problems

FIRST = "Before the first release no version could run beside it."
# What breaks the rules all the same, and why it may. A step that drops what no released version
# reads any more stands here, and which version was the last to read it.
JUDGED = {
    ("accounts", "0002_user_language"): FIRST,
    ("accounts", "0004_mark_rights"): FIRST,
    ("accounts", "0005_session"): FIRST,
    ("accounts", "0007_first_passwords_and_codes"): FIRST,
    ("scans", "0002_approved"): FIRST,
    ("scans", "0005_revision"): FIRST,
    ("scans", "0006_settings_and_history"): FIRST,
    ("scans", "0007_quality"): FIRST,
    ("scans", "0008_append_only"): FIRST,
    ("scans", "0009_rollups"): FIRST,
}


def test_an_old_version_survives_every_migration():
    found = all_problems()
    new = {name: why for name, why in found.items() if name not in JUDGED}
    assert new == {}, "docker/UPGRADING.md says how to go about it in two steps."
    # Nothing is excused that needs no excuse.
    assert set(JUDGED) - set(found) == set()


def test_only_what_was_released_has_no_better_reason():
    nodes = MigrationLoader(None).graph.nodes
    assert set(RELEASED.items()) <= set(nodes)
    for app, name in (name for name, why in JUDGED.items() if why == FIRST):
        assert name <= RELEASED[app]


# ----- The rules themselves


def state_of_a_table() -> ProjectState:
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("code", models.CharField(max_length=8)),
        ("count", models.IntegerField(null=True)),
    ]
    state.add_model(ModelState("scans", "Piece", fields))
    return state


def judge(*steps: Operation) -> list[str]:
    """Of steps after that table was made."""
    migration = Migration("9999_next", "scans")
    migration.operations = list(steps)
    return problems(migration, state_of_a_table())


TEXT = models.CharField(max_length=8)
ONE = models.UniqueConstraint(fields=["code"], name="one")


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (operations.AddField("piece", "is_late", models.BooleanField()), "no default"),
        # A default of Python's is gone from the table once the migration has run.
        (operations.AddField("piece", "is_late", models.BooleanField(default=False)), "no default"),
        (operations.RemoveField("piece", "code"), "drops a column"),
        (operations.RenameField("piece", "code", "name"), "renames a column"),
        (operations.DeleteModel("piece"), "drops a table"),
        (operations.RenameModel("Piece", "Part"), "renames a table"),
        (operations.AlterModelTable("piece", "parts"), "renames a table"),
        (operations.AlterField("piece", "code", models.IntegerField()), "changes a column"),
        (operations.AlterField("piece", "code", models.CharField(max_length=4)), "changes a"),
        (operations.AlterField("piece", "count", models.IntegerField(default=0)), "changes a"),
        (operations.AddConstraint("piece", ONE), "may refuse"),
        (operations.RunSQL("ALTER TABLE scans_piece DROP COLUMN code"), "runs SQL"),
        (operations.RunPython(operations.RunPython.noop), "runs Python"),
        (operations.AlterModelTableComment("piece", "Pieces"), "unknown here"),
        (operations.SeparateDatabaseAndState([operations.RemoveField("piece", "code")]), "drops"),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Operation) else it,
)
def test_what_an_old_version_would_not_survive_is_found(operation, why):
    (found,) = judge(operation)
    assert why in found


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("piece", "note", models.CharField(max_length=8, null=True)),
        operations.AddField("piece", "is_late", models.BooleanField(db_default=False)),
        operations.AlterField("piece", "code", models.CharField(max_length=16, verbose_name="c")),
        operations.AlterField("piece", "count", models.IntegerField(null=True, db_index=True)),
        operations.AddIndex("piece", models.Index(fields=["code"], name="piece_code")),
        operations.CreateModel("Part", [("id", models.BigAutoField(primary_key=True))]),
        operations.AlterModelOptions("piece", {"ordering": ["code"]}),
        operations.SeparateDatabaseAndState([], [operations.RemoveField("piece", "code")]),
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_an_old_version_survives_is_let_through(operation):
    assert judge(operation) == []


def test_a_column_without_a_default_is_found_beside_one_with():
    added = operations.AddField("piece", "a", models.BooleanField())
    safe = operations.AddField("piece", "b", models.BooleanField(db_default=True))
    assert len(judge(added, safe)) == len(judge(safe, added)) == 1


def test_a_table_that_is_new_may_be_built_in_steps():
    made = operations.CreateModel("Part", [("id", models.BigAutoField(primary_key=True))])
    assert judge(made, operations.AddField("part", "code", TEXT)) == []
