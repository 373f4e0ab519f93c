"""Finds what in a migration breaks a version of the code that still runs beside it.

It asks no database. django-migration-linter reads the SQL instead, and on MySQL misses what counts
here: a column of another type, and of two new columns without a default the first.
"""

from collections.abc import Iterator

from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field

# The newest migrations of the version that factories run: whoever releases the next one names its.
RELEASED = {"accounts": "0008_history", "monitor": "0001_history", "scans": "0009_rollups"}
# Where our own code lies.
ROOMS = ("accounts.", "quality.", "scans.")

# Nothing in an old version's statements changes by these.
HARMLESS = (
    operations.CreateModel,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.RenameIndex,
    operations.RemoveConstraint,
)
BREAKING = {
    operations.DeleteModel: "drops a table",
    operations.RenameModel: "renames a table",
    operations.AlterModelTable: "renames a table",
    operations.RemoveField: "drops a column",
    operations.RenameField: "renames a column",
    operations.AddConstraint: "may refuse what an old version writes",
    operations.AlterUniqueTogether: "may refuse what an old version writes",
    # What these do is for a person to judge.
    operations.RunSQL: "runs SQL",
    operations.RunPython: "runs Python",
}


def problems(migration: Migration, state: ProjectState) -> list[str]:
    """Why an old version would not survive it; `state` goes along with it."""
    made: set[str] = set()
    found: list[str] = []
    app = migration.app_label
    for operation in migration.operations:
        before = state.clone()
        for step in _in_the_database(operation):
            after = before.clone()
            step.state_forwards(app, after)
            if isinstance(step, operations.CreateModel):
                made.add(step.name_lower)
            # No old version knows what is made here.
            elif _model(step) not in made:
                found += _problems(step, app, before, after)
            before = after
        operation.state_forwards(app, state)
    return found


def _in_the_database(operation: Operation) -> list[Operation]:
    """What it does there; of what changes the models alone, nothing."""
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return list(operation.database_operations)
    return [operation]


def _problems(
    operation: Operation, app: str, before: ProjectState, after: ProjectState
) -> Iterator[str]:
    said = operation.describe()
    if isinstance(operation, HARMLESS):
        return
    if isinstance(operation, operations.AddField):
        if _old_rows_cannot_leave_it_out(operation.field):
            yield f"{said}: an old version leaves it out, and the database has no default"
    elif isinstance(operation, operations.AlterField):
        model, name = (app, operation.model_name_lower), operation.name
        if _differs(before.models[model].fields[name], after.models[model].fields[name]):
            yield f"{said}: changes a column"
    else:
        # What is not known yet is not taken to be harmless.
        yield f"{said}: {BREAKING.get(type(operation), 'unknown here')}"


def _model(operation: Operation) -> str | None:
    name = getattr(operation, "model_name", None) or getattr(operation, "name", None)
    return name.lower() if isinstance(name, str) else None


def _old_rows_cannot_leave_it_out(field: Field) -> bool:
    return not (field.many_to_many or field.null or field.has_db_default())


def _differs(old: Field, new: Field) -> bool:
    """Whether the column is another one, for whoever takes it for the old one."""
    if isinstance(old, type(new)) and (old.max_length or 0) < (new.max_length or 0):
        old = old.clone()
        old.max_length = new.max_length  # Wider holds all that went into the narrower one.
    return _column(old) != _column(new)


def _column(field: Field) -> tuple[str, list[object], dict[str, object]]:
    _name, path, arguments, options = field.deconstruct()
    ignored = {*field.non_db_attrs, "default", "db_default", "db_index"}
    return path, arguments, {key: is_ for key, is_ in options.items() if key not in ignored}


def all_problems() -> dict[tuple[str, str], list[str]]:
    """Of each migration of ours that an old version would not survive, why."""
    graph = MigrationLoader(None).graph
    state = ProjectState()
    found = {}
    for app, name in _in_order(graph):
        migration = graph.nodes[app, name]
        if not migration.__module__.startswith(ROOMS):
            migration.mutate_state(state, preserve=False)
        elif why := problems(migration, state):
            found[app, name] = why
    return found


def _in_order(graph) -> list[tuple[str, str]]:
    order: dict[tuple[str, str], None] = {}
    for leaf in graph.leaf_nodes():
        order |= dict.fromkeys(graph.forwards_plan(leaf))
    return list(order)
