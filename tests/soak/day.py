"""The Celery application whose beat lets a day pass in an hour: `celery --app=tests.soak.day beat`.

What comes once a minute or more rarely comes 24 times as often. What is shorter watches the present, which is not
compressed.
"""

from factory.celery import app

FASTER = 24
FROM_SECONDS = 60.0

for entry in app.conf.beat_schedule.values():
    if entry["schedule"] >= FROM_SECONDS:
        entry["schedule"] /= FASTER
