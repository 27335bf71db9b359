"""The Celery application. Rooms declare their tasks; this file only knows when the periodic ones run."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")

ROLLUP_SECONDS = 15.0  # what an aggregated answer has to read from raw is about as much as arrives meanwhile

app = Celery("factory")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "send what was left in the outbox": {"task": "alerts.tasks.sweep_deliveries", "schedule": 15.0},
    "page late alerts that stay open": {"task": "alerts.tasks.page_waiting_late_alerts", "schedule": 60.0},
    "notice silent devices": {"task": "devices.tasks.notice_silent_devices", "schedule": 10.0},
    # A turn that could not begin before the next one is due is not needed any more.
    "roll readings up": {
        "task": "telemetry.tasks.roll_up_due",
        "schedule": ROLLUP_SECONDS,
        "options": {"expires": ROLLUP_SECONDS},
    },
    "archive and drop expired days": {"task": "telemetry.tasks.expire_days", "schedule": 3600.0},
    "forget readings of deleted devices": {"task": "telemetry.tasks.forget_orphans", "schedule": 3600.0},
}
