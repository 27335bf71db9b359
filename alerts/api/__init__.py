"""The procedures of this room, one router a module."""

from alerts.api import figures  # noqa: F401 -- adds to the router of alerts
from alerts.api.alerts import router as alerts
from alerts.api.maintenance import router as maintenance
from alerts.api.notifications import router as notifications
from alerts.api.thresholds import router as thresholds

routers = [alerts, maintenance, notifications, thresholds]
