from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0007_reports_speak_a_language")]

    operations = [
        migrations.AddField(
            model_name="report",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
    ]
