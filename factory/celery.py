"""The Celery application. Rooms declare their tasks; this file only knows when the periodic ones run."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "factory.settings")

SWEEP_SECONDS = 15.0
HEARTBEAT_SECONDS = 10.0
ROLLUP_SECONDS = 15.0  # what an aggregated answer has to read from raw is about as much as arrives meanwhile
SILENCE_SECONDS = 5.0
FILTERS_SECONDS = 30.0
RESULTS_SECONDS = 30.0
ROLLOUT_SECONDS = 10.0
NEWCOMER_SECONDS = 60.0
DELAY_SECONDS = 2.0  # an on-delay without further readings fires at most so much late

MESSAGES = "messages"  # the queue of what waits for others to answer; it has a worker of its own

app = Celery("factory")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.task_routes = {
    "alerts.tasks.send_delivery": {"queue": MESSAGES},
    "alerts.tasks.sweep_deliveries": {"queue": MESSAGES},
    "analytics.tasks.send_report": {"queue": MESSAGES},
    "factory.accounts.tasks.send_access_letter": {"queue": MESSAGES},
    "factory.accounts.tasks.send_invitation": {"queue": MESSAGES},
    "factory.accounts.tasks.send_reset_letter": {"queue": MESSAGES},
}
app.conf.beat_schedule = {
    "send what was left in the outbox": {
        "task": "alerts.tasks.sweep_deliveries",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "be heard at work": {
        "task": "factory.tasks.be_heard",
        "schedule": HEARTBEAT_SECONDS,
        "options": {"expires": HEARTBEAT_SECONDS},
    },
    "page late alerts that stay open": {"task": "alerts.tasks.page_waiting_late_alerts", "schedule": 60.0},
    "let alarm delays run out": {
        "task": "alerts.tasks.judge_what_is_due",
        "schedule": DELAY_SECONDS,
        "options": {"expires": DELAY_SECONDS},
    },
    "tell of what was shelved": {"task": "alerts.tasks.end_silences", "schedule": 15.0},
    "notice silent devices": {"task": "devices.tasks.notice_silent_devices", "schedule": 10.0},
    "look after commands": {
        "task": "devices.tasks.look_after_commands",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "notice configurations that differ": {
        "task": "devices.tasks.notice_drift",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "tell of silent devices": {
        "task": "alerts.tasks.watch_silence",
        "schedule": SILENCE_SECONDS,
        "options": {"expires": SILENCE_SECONDS},
    },
    # A turn that could not begin before the next one is due is not needed any more.
    "roll readings up": {
        "task": "telemetry.tasks.roll_up_due",
        "schedule": ROLLUP_SECONDS,
        "options": {"expires": ROLLUP_SECONDS},
    },
    "follow machines": {
        "task": "analytics.tasks.follow_machines",
        "schedule": ROLLUP_SECONDS,
        "options": {"expires": ROLLUP_SECONDS},
    },
    "keep results of shifts": {
        "task": "analytics.tasks.keep_results",
        "schedule": RESULTS_SECONDS,
        "options": {"expires": RESULTS_SECONDS},
    },
    "sum up energy": {
        "task": "analytics.tasks.sum_up_energy",
        "schedule": RESULTS_SECONDS,
        "options": {"expires": RESULTS_SECONDS},
    },
    "look after reports": {
        "task": "analytics.tasks.look_after_reports",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    # Devices that change are looked at at once; this finds what was lost on the way.
    "fill groups by their filters": {
        "task": "grouping.tasks.refresh_members",
        "schedule": FILTERS_SECONDS,
        "options": {"expires": FILTERS_SECONDS},
    },
    "have batch operations go on": {
        "task": "grouping.tasks.sweep_batches",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "have imports of devices go on": {
        "task": "devices.tasks.sweep_imports",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "look after firmware updates": {
        "task": "ota.tasks.look_after_updates",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    },
    "clear away firmware files of no version": {
        "task": "ota.tasks.sweep_firmware_files",
        "schedule": 3600.0,
    },
    "have rollouts go on": {
        "task": "ota.tasks.advance_rollouts",
        "schedule": ROLLOUT_SECONDS,
        "options": {"expires": ROLLOUT_SECONDS},
    },
    "take newcomers into rollouts": {
        "task": "ota.tasks.take_in_newcomers",
        "schedule": NEWCOMER_SECONDS,
        "options": {"expires": NEWCOMER_SECONDS},
    },
    # After an upgrade, and after a change of SECRET_KEY; `manage.py rotate_secrets` does it at once.
    "seal what is plain or under an older key": {
        "task": "factory.tasks.seal_what_is_older",
        "schedule": 3600.0,
    },
    "forget old entries of the audit log": {
        "task": "factory.accounts.tasks.forget_old_audit_entries",
        "schedule": 3600.0,
    },
    "forget old statuses": {"task": "devices.tasks.forget_old_statuses", "schedule": 3600.0},
    "forget old deliveries": {"task": "alerts.tasks.forget_old_deliveries", "schedule": 3600.0},
    "archive and drop expired days": {"task": "telemetry.tasks.expire_days", "schedule": 3600.0},
    "forget readings of deleted devices": {"task": "telemetry.tasks.forget_orphans", "schedule": 3600.0},
}
