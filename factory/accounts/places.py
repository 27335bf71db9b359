"""Where a thing is shown: on a page of plant staff, in the admin, in the audit log.

Pages are called by their names in the address table, which only upper rooms own; one that is not there has no link.
"""

from urllib.parse import urlencode

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

# Kinds with a page of their own, by their id.
PAGES = {
    "devices.device": "device",
    "grouping.group": "group",
    "grouping.batchoperation": "batch",
    "alerts.alert": "alert",
    "alerts.notificationconfig": "notification",
    "ota.firmware": "firmware-version",
    "ota.rollout": "rollout",
}
# Kinds that are shown with their device, and where there.
WITH_DEVICE = {
    "alerts.threshold": "device",
    "ota.deployment": "device",
    "devices.command": "device",
    "devices.configuration": "device",
    "devices.configurationversion": "device",
    "devices.credential": "device",
    "devices.refusedmessage": "device",
    "analytics.machineprofile": "machine-setup",
    "analytics.product": "machine-setup",
    "analytics.productrun": "machine-setup",
    "analytics.energymeter": "meter",
}
# Kinds of which there is one list, or one page for all.
LISTS = {
    "alerts.maintenancewindow": "maintenance",
    "alerts.delivery": "notifications",
    "devices.claimcode": "claim-codes",
    "analytics.stopcode": "stop-codes",
    "analytics.calendar": "shifts",
    "analytics.line": "lines",
    "analytics.energyprice": "meters",
}


def page_at(kind: str, id: object) -> str | None:
    """The page of a thing that is known by kind and id only; it may be gone."""
    return _reversed(PAGES[kind], id) if kind in PAGES else None


def page_of(obj: Model) -> str | None:
    """The page of this very thing."""
    kind = obj._meta.label_lower
    device_id = getattr(obj, "device_id", None)
    if kind in WITH_DEVICE and device_id is not None:
        return _reversed(WITH_DEVICE[kind], device_id)
    if kind in LISTS:
        return _reversed(LISTS[kind])
    return page_at(kind, obj.pk)


def admin_at(kind: str, id: object) -> str | None:
    """The admin's page of a thing."""
    return _reversed(f"admin:{kind.replace('.', '_')}_change", id) if kind and id else None


def audit_page(kind: str, id: object) -> str:
    """What the audit log says of a thing."""
    asked = urlencode({"target_kind__exact": kind, "target_id__exact": id})
    return f"{reverse('admin:accounts_auditentry_changelist')}?{asked}"


def _reversed(name: str, *args: object) -> str | None:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None
