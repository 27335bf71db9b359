"""The front desk: settings, urls, processes. It mounts the rooms and decides nothing itself."""

from factory.celery import app as celery_app

__all__ = ["celery_app"]
