from django.db import migrations

import factory.sealed


class Migration(migrations.Migration):
    """Room for what is sealed, under the names there were: code of before goes on reading and writing its plain ones.

    What is there is sealed by `manage.py rotate_secrets`, or within an hour by beat: once the old code has gone.
    """

    dependencies = [("alerts", "0002_the_rulebook_has_a_row")]

    operations = [
        migrations.AlterField("notificationconfig", "recipient", factory.sealed.SealedText(db_column="recipient")),
        migrations.RenameField("notificationconfig", "recipient", "sealed_recipient"),
        migrations.AlterField("notificationconfig", "secret", factory.sealed.SealedText(blank=True, db_column="secret")),
        migrations.RenameField("notificationconfig", "secret", "sealed_secret"),
    ]
