from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("telemetry", "0005_days"),
    ]

    operations = [
        migrations.AddField(
            model_name="state",
            name="is_closed",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
