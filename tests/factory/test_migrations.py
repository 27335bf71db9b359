"""A migration runs while the code before it works on: it adds, and leaves alone what is there (docs/deployment.md)."""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = ("factory.", "devices.", "telemetry.", "alerts.", "ota.", "grouping.", "analytics.")
TAKES_AWAY = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
)
# No plant ran the code before these: they are older than the first release.
BEFORE_THE_FIRST_RELEASE = {
    ("devices", "0002_broker_credentials_and_refused_messages"),
    ("devices", "0003_silence_rules"),
    ("grouping", "0002_filters_and_batches"),
    ("telemetry", "0005_days"),
}


def complaints(operation, state, app):
    """What the code that knows nothing of an operation could not stand."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from complaints(inner, state, app)
    elif isinstance(operation, migrations.RenameField):
        before = state.models[app, operation.model_name_lower].fields[operation.old_name]
        if before.db_column is None:  # with one, only our word for it changes
            yield f"{operation.describe()}: the code before still uses it; keep its column by a db_column"
    elif isinstance(operation, TAKES_AWAY):
        yield f"{operation.describe()}: the code before still uses it; remove it a release after its last use"
    elif isinstance(operation, migrations.AddField):
        field = operation.field
        needs_none = field.null or field.many_to_many or field.db_default is not NOT_PROVIDED
        if not needs_none:
            yield f"{operation.describe()}: the code before does not fill it; give it null=True or a db_default"
    elif isinstance(operation, migrations.AlterField):
        before = state.models[app, operation.model_name_lower].fields[operation.name]
        if before.null and not operation.field.null and operation.field.db_default is NOT_PROVIDED:
            yield f"{operation.describe()}: the code before may still leave it empty"
        if (before.max_length or 0) > (operation.field.max_length or 10**9):
            yield f"{operation.describe()}: the code before writes more than fits"


def wrong_in(migration, state):
    """Tables that a migration makes itself are nobody's before it."""
    made = {each.name_lower for each in migration.operations if isinstance(each, migrations.CreateModel)}
    for operation in migration.operations:
        if getattr(operation, "model_name_lower", "") not in made:
            yield from complaints(operation, state, migration.app_label)
        operation.state_forwards(migration.app_label, state)


def test_no_migration_takes_from_the_code_before_it_what_it_needs():
    loader = MigrationLoader(None)
    wrong = {
        at: found
        for at, migration in loader.disk_migrations.items()
        if migration.__module__.startswith(OURS)
        and (found := list(wrong_in(migration, loader.project_state(at, at_end=False))))
    }

    assert wrong.keys() == BEFORE_THE_FIRST_RELEASE, wrong


def a_state():
    state = migrations.state.ProjectState()
    fields = [
        ("id", models.AutoField(primary_key=True)),
        ("note", models.CharField(max_length=20, null=True)),
    ]
    migrations.CreateModel("Thing", fields).state_forwards("things", state)
    return state


@pytest.mark.parametrize(
    ("operation", "is_fine"),
    [
        (migrations.AddField("thing", "size", models.IntegerField(null=True)), True),
        (migrations.AddField("thing", "size", models.IntegerField(db_default=1)), True),
        (migrations.AddField("thing", "size", models.IntegerField(default=1)), False),
        (migrations.RemoveField("thing", "note"), False),
        (migrations.RenameField("thing", "note", "words"), False),
        (migrations.DeleteModel("Thing"), False),
        (migrations.AlterField("thing", "note", models.CharField(max_length=40, null=True)), True),
        (migrations.AlterField("thing", "note", models.CharField(max_length=10, null=True)), False),
        (migrations.AlterField("thing", "note", models.CharField(max_length=20)), False),
    ],
)
def test_what_the_code_before_cannot_stand_is_found(operation, is_fine):
    assert (list(complaints(operation, a_state(), "things")) == []) == is_fine
