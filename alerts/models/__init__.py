from alerts.models.alerts import Alert, AlertEvent, AlertQuerySet, Shelf
from alerts.models.maintenance import MaintenanceWindow
from alerts.models.notifications import Attempt, Delivery, NotificationConfig, Outage
from alerts.models.offline import OfflineWatch
from alerts.models.thresholds import ConditionState, Rulebook, Threshold, ThresholdChange

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertQuerySet",
    "Attempt",
    "ConditionState",
    "Delivery",
    "MaintenanceWindow",
    "NotificationConfig",
    "OfflineWatch",
    "Outage",
    "Rulebook",
    "Shelf",
    "Threshold",
    "ThresholdChange",
]
