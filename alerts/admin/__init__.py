from alerts.admin.alerts import AlertAdmin, ShelfAdmin
from alerts.admin.changes import ThresholdChangeAdmin
from alerts.admin.maintenance import MaintenanceWindowAdmin
from alerts.admin.notifications import DeliveryAdmin, NotificationConfigAdmin, OutageAdmin
from alerts.admin.thresholds import ThresholdAdmin

__all__ = [
    "AlertAdmin",
    "DeliveryAdmin",
    "MaintenanceWindowAdmin",
    "NotificationConfigAdmin",
    "OutageAdmin",
    "ShelfAdmin",
    "ThresholdAdmin",
    "ThresholdChangeAdmin",
]
