"""`python -m tests.chaos.next_version`: what migrations of a next version may do, done to the tables in most use.

Runs with the plant's environment, beside code that knows nothing of it. Prints how long each took, as JSON.
"""

import json
import sys
import time

import django


def changes(editor) -> dict:
    from django.db import models

    from alerts.models import Alert
    from devices.models import Device
    from telemetry.models import Reading, State

    def add(model: type[models.Model], field: models.Field) -> None:
        field.set_attributes_from_name("of_the_next_version")
        field.model = model
        editor.add_field(model, field)

    class Note(models.Model):
        device = models.ForeignKey(Device, models.CASCADE, related_name="+")

        class Meta:
            app_label = "devices"
            db_table = "devices_of_the_next_version"

    return {
        "a column that may be empty, on readings": lambda: add(Reading, models.IntegerField(null=True)),
        "a column with a default, on devices' states": lambda: add(State, models.IntegerField(db_default=7)),
        "a column with a default, on devices": lambda: add(
            Device, models.CharField(max_length=20, db_default="new")
        ),
        "an index on alerts": lambda: editor.add_index(
            Alert, models.Index(fields=["status", "metric", "severity"], name="of_the_next_version")
        ),
        "a table that refers to devices": lambda: editor.create_model(Note),
    }


def main() -> None:
    django.setup()
    from django.db import connection

    took = {}
    with connection.schema_editor(atomic=False) as editor:
        for what, change in changes(editor).items():
            began = time.monotonic()
            change()
            took[what] = round(time.monotonic() - began, 2)
            time.sleep(1)  # in which the old code meets it
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main()
