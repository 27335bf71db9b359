from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_audit_of_commands")]

    operations = [
        migrations.AddField("session", "last_used_at", models.DateTimeField(blank=True, null=True)),
    ]
