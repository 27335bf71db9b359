"""Passwords in plain leave the audit log.

For some days the page that changes one's password called its fields `current` and `new`, which the audit log did not
know for secrets: both stand there as they were typed, wrong ones too. The log is append-only so that it can be
believed; who changed their password, when and from where stays as it is. But what it was must not lie in a database
that admins read and export, and in every backup of it: many people use a password in more than one place. So this
one thing is overwritten, here, where everybody can read what was done to the log; the models still refuse it.
"""

from django.db import migrations

HIDDEN = "•••"
ACTION, FIELDS = "new-password", ("current", "new")
AT_ONCE = 500


def scrub(apps, schema_editor):
    entries = apps.get_model("accounts", "AuditEntry").objects.using(schema_editor.connection.alias)
    last = 0
    while True:
        asked = entries.filter(action=ACTION, pk__gt=last).order_by("pk").values_list("pk", "asked")
        some = list(asked[:AT_ONCE])
        for last, told in some:
            plain = [name for name in FIELDS if told.get(name) not in (None, HIDDEN)]
            if plain:
                entries.filter(pk=last).update(asked={**told, **dict.fromkeys(plain, HIDDEN)})
        if len(some) < AT_ONCE:
            return


class Migration(migrations.Migration):
    atomic = False  # a few at a time: the log is written to meanwhile

    dependencies = [
        ("accounts", "0007_audit_names_the_token"),
    ]

    operations = [
        migrations.RunPython(scrub, migrations.RunPython.noop),
    ]
