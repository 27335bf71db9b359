"""The admin's first page: what needs somebody, then the plant's domains, firmware and thresholds first."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.words import change_in_words
from analytics.queries.console import MOST_COUNTED, Console, console_at

CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that needs an admin: a sentence, and where to look."""

    mark: str
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    number: str
    url: str


@dataclass(frozen=True, slots=True)
class Domain:
    title: str
    figures: list[Figure]
    links: list[tuple[str, str]]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the admin's index."""
    console = console_at(timezone.now())
    changes = [{"change": change, "words": ", ".join(change_in_words(change))} for change in console.changes]
    return {
        **context,
        "title": _("Console"),
        "console": console,
        "matters": matters_of(console),
        "domains": domains_of(console),
        "changes": changes,
        "audit": _list("accounts.auditentry"),
        "failed_updates": _list("ota.deployment", status__exact="failed"),
        "threshold_changes": _list("alerts.thresholdchange"),
        "paused_rollouts": _list("ota.rollout", status__exact="paused"),
    }


def environment(request: HttpRequest) -> list[str] | None:
    """What the head of each page says where this is not somebody's plant."""
    if settings.DEBUG:
        return [_("Development"), "warning"]
    return [_("Simulated plant"), "info"] if settings.FACTORY_DEMO else None


def matters_of(console: Console) -> list[Matter]:
    """In the order in which somebody should look; nothing where all is well."""
    told = [
        (
            CRITICAL,
            console.open_alerts.get("critical", 0),
            ngettext(
                "%(count)s critical alert is open",
                "%(count)s critical alerts are open",
                _plural(console.open_alerts.get("critical", 0)),
            ),
            _list("alerts.alert", severity__exact="critical", status__exact="active"),
        ),
        (
            WARNING,
            console.rollouts.get("paused", 0),
            ngettext(
                "%(count)s rollout is paused",
                "%(count)s rollouts are paused",
                _plural(console.rollouts.get("paused", 0)),
            ),
            _list("ota.rollout", status__exact="paused"),
        ),
        (
            WARNING,
            console.updates_failed,
            ngettext(
                "%(count)s firmware update has failed today",
                "%(count)s firmware updates have failed today",
                _plural(console.updates_failed),
            ),
            _list("ota.deployment", status__exact="failed"),
        ),
        (
            WARNING,
            console.without_effect,
            ngettext(
                "%(count)s threshold is without effect: it reaches nobody or says nothing",
                "%(count)s thresholds are without effect: they reach nobody or say nothing",
                _plural(console.without_effect),
            ),
            _list("alerts.threshold", effect="none"),
        ),
        (
            WARNING,
            console.outages,
            ngettext(
                "%(count)s way of sending messages is down",
                "%(count)s ways of sending messages are down",
                _plural(console.outages),
            ),
            _list("alerts.outage"),
        ),
        (
            WARNING,
            console.deliveries_failed,
            ngettext(
                "%(count)s message could not be delivered",
                "%(count)s messages could not be delivered",
                _plural(console.deliveries_failed),
            ),
            _list("alerts.delivery", status__exact="failed"),
        ),
        (
            WARNING,
            console.out_of_sync,
            ngettext(
                "%(count)s device is not configured as it should be",
                "%(count)s devices are not configured as they should be",
                _plural(console.out_of_sync),
            ),
            _list("devices.configuration", drifted_at__isempty=0),
        ),
        (
            WARNING,
            console.tokens_ending,
            ngettext(
                "%(count)s device token ends within a day",
                "%(count)s device tokens end within a day",
                _plural(console.tokens_ending),
            ),
            _list("devices.credential", ends="soon"),
        ),
        (
            WARNING,
            console.reports_failed,
            ngettext(
                "%(count)s report has failed",
                "%(count)s reports have failed",
                _plural(console.reports_failed),
            ),
            reverse("reports"),
        ),
    ]
    return [Matter(mark, words % {"count": shown(count)}, url) for mark, count, words, url in told if count]


def domains_of(console: Console) -> list[Domain]:
    devices, rollouts, alerts = console.devices, console.rollouts, console.open_alerts
    return [
        Domain(
            _("Firmware"),
            [
                Figure(_("Versions"), shown(console.versions), _list("ota.firmware")),
                Figure(
                    _("Rollouts running"),
                    shown(rollouts.get("running", 0)),
                    _list("ota.rollout", status__exact="running"),
                ),
                Figure(
                    _("Updates under way"),
                    shown(console.updates_running),
                    _list("ota.deployment", under_way="yes"),
                ),
                Figure(
                    _("Failed today"),
                    shown(console.updates_failed),
                    _list("ota.deployment", status__exact="failed"),
                ),
            ],
            [
                (_("Upload firmware"), reverse("admin:ota_firmware_add")),
                (_("Rollouts"), _list("ota.rollout")),
                (_("Deadlines of updates"), _list("ota.updaterule")),
            ],
        ),
        Domain(
            _("Thresholds"),
            [
                Figure(_("Thresholds"), shown(console.thresholds), _list("alerts.threshold")),
                Figure(_("Changed today"), shown(console.changes_today), _list("alerts.thresholdchange")),
                Figure(
                    _("Without effect"),
                    shown(console.without_effect),
                    _list("alerts.threshold", effect="none"),
                ),
                Figure(
                    _("Switched off"),
                    shown(console.switched_off),
                    _list("alerts.threshold", enabled__exact=0),
                ),
            ],
            [
                (_("Add a threshold"), reverse("admin:alerts_threshold_add")),
                (_("What was changed"), _list("alerts.thresholdchange")),
            ],
        ),
        Domain(
            _("Devices"),
            [
                Figure(_("In service"), shown(devices["total"]), _list("devices.device", service="yes")),
                Figure(
                    _("Offline"), shown(devices["offline"]), _list("devices.device", status__exact="offline")
                ),
                Figure(
                    _("In error"), shown(devices["error"]), _list("devices.device", status__exact="error")
                ),
                Figure(
                    _("Configured otherwise"),
                    shown(console.out_of_sync),
                    _list("devices.configuration", drifted_at__isempty=0),
                ),
            ],
            [
                (_("Add a device"), reverse("admin:devices_device_add")),
                (_("Tokens"), _list("devices.credential")),
                (_("Commands"), _list("devices.command")),
            ],
        ),
        Domain(
            _("Alerts and notifications"),
            [
                Figure(
                    _("Critical, open"),
                    shown(alerts.get("critical", 0)),
                    _list("alerts.alert", severity__exact="critical"),
                ),
                Figure(
                    _("Warnings, open"),
                    shown(alerts.get("warning", 0)),
                    _list("alerts.alert", severity__exact="warning"),
                ),
                Figure(
                    _("Not delivered"),
                    shown(console.deliveries_failed),
                    _list("alerts.delivery", status__exact="failed"),
                ),
            ],
            [
                (_("Who is told"), _list("alerts.notificationconfig")),
                (_("Maintenance"), _list("alerts.maintenancewindow")),
            ],
        ),
        Domain(
            _("Groups and batches"),
            [
                Figure(_("Groups"), shown(console.groups), _list("grouping.group")),
                Figure(
                    _("Batches under way"),
                    shown(console.batches_running),
                    _list("grouping.batchoperation", status__exact="in_progress"),
                ),
            ],
            [(_("Add a group"), reverse("admin:grouping_group_add"))],
        ),
        Domain(
            _("Energy and OEE"),
            [],
            [
                (_("Machines"), _list("analytics.machineprofile")),
                (_("Shifts"), _list("analytics.calendar")),
                (_("Reasons of stops"), _list("analytics.stopcode")),
                (_("Energy meters"), _list("analytics.energymeter")),
            ],
        ),
        Domain(
            _("People"),
            [
                Figure(_("May sign in"), shown(console.people), _list("accounts.user", is_active__exact=1)),
                Figure(_("Admins"), shown(console.admins), _list("accounts.user", role__exact="admin")),
                Figure(
                    _("Refused today"),
                    shown(console.refused_today),
                    _list("accounts.auditentry", outcome__exact="refused"),
                ),
            ],
            [
                (_("Audit log"), _list("accounts.auditentry")),
                (_("Sessions"), _list("accounts.session")),
                (_("API tokens"), _list("accounts.apitoken")),
            ],
        ),
        Domain(
            _("Background work"),
            [
                Figure(_("Reports waiting"), shown(console.reports_waiting), reverse("reports")),
                Figure(_("Ways of sending down"), shown(console.outages), _list("alerts.outage")),
            ],
            [
                (_("Messages"), _list("alerts.delivery")),
                (_("Archived days"), _list("telemetry.archivedday")),
            ],
        ),
    ]


def shown(count: int) -> str:
    """A number as it is read; of very many only that they are."""
    if count > MOST_COUNTED:
        return _("over %(count)s") % {"count": localize(MOST_COUNTED)}
    return str(localize(count))


def _plural(count: int) -> int:
    return min(count, MOST_COUNTED)


def _list(kind: str, **filters: Any) -> str:
    return reverse(f"admin:{kind.replace('.', '_')}_changelist", query=filters or None)
