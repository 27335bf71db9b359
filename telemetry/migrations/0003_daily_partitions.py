from datetime import UTC, date, datetime, timedelta

from django.db import migrations

EPOCH = date(1970, 1, 1)
DAY_MS = 86_400_000
MOST_DAYS = 400  # what is older than that stays together
DAYS_AHEAD = 7


def first_day(cursor, today: date) -> date:
    """Of a plant that has readings the oldest day of them: the table is copied anyway."""
    cursor.execute("SET STATEMENT max_statement_time=0 FOR SELECT MIN(timestamp) FROM telemetry_reading")
    oldest = cursor.fetchone()[0]
    if oldest is None:
        return today
    day = EPOCH + timedelta(days=oldest // DAY_MS)
    return min(today, max(day, today - timedelta(days=MOST_DAYS)))


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "mysql":
        return
    today = datetime.now(UTC).date()
    with schema_editor.connection.cursor() as cursor:
        day = first_day(cursor, today)
        pieces = [f"PARTITION p_past VALUES LESS THAN ({(day - EPOCH).days * DAY_MS})"]
        while day <= today + timedelta(days=DAYS_AHEAD):
            pieces.append(f"PARTITION p{day:%Y%m%d} VALUES LESS THAN ({((day - EPOCH).days + 1) * DAY_MS})")
            day += timedelta(days=1)
        pieces.append("PARTITION p_future VALUES LESS THAN MAXVALUE")
        cursor.execute(
            "SET STATEMENT max_statement_time=0 FOR ALTER TABLE telemetry_reading"
            f" PARTITION BY RANGE (timestamp) ({', '.join(pieces)})"
        )


def unpartition(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(
            "SET STATEMENT max_statement_time=0 FOR ALTER TABLE telemetry_reading REMOVE PARTITIONING"
        )


class Migration(migrations.Migration):
    """Readings lie by UTC day on MariaDB, so that a day can go without deleting its rows (telemetry.partitions)."""

    dependencies = [("telemetry", "0002_rollups")]

    operations = [migrations.RunPython(partition, unpartition)]
