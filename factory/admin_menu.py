"""How the admin looks, and its menu by domain."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def is_admin(request: Any) -> bool:
    return request.user.is_staff


def _menu(title: Any, *entries: tuple[Any, str, str], is_open: bool = True) -> dict[str, Any]:
    items = [
        {
            "title": name,
            "icon": icon,
            "link": reverse_lazy(f"admin:{list_}_changelist"),
            "permission": is_admin,
        }
        for name, icon, list_ in entries
    ]
    return {"title": title, "separator": True, "collapsible": not is_open, "items": items}


UNFOLD = {
    "SITE_TITLE": "Smart Factory IoT",
    "SITE_HEADER": "Smart Factory IoT",
    "SITE_SYMBOL": "factory",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("factory/icon.svg")}
    ],
    "SITE_URL": reverse_lazy("overview"),
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "analytics.admin.console.dashboard",
    "ENVIRONMENT": "analytics.admin.console.environment",
    "STYLES": [
        lambda request: static("factory/admin_colours.css"),
        lambda request: static("factory/admin.css"),
    ],
    "SCRIPTS": [
        lambda request: static("factory/admin_alpine.js"),
        lambda request: static("factory/admin.js"),
    ],
    "COMMAND": {"search_models": False, "search_callback": "analytics.admin.finding.found"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "items": [
                    {
                        "title": _("Back to the plant"),
                        "icon": "arrow_back",
                        "link": reverse_lazy("overview"),
                        "active": lambda request: False,
                    },
                    {"title": _("Console"), "icon": "home", "link": reverse_lazy("admin:index")},
                ]
            },
            _menu(
                _("Firmware"),
                (_("Versions"), "system_update", "ota_firmware"),
                (_("Rollouts"), "rocket_launch", "ota_rollout"),
                (_("Devices of rollouts"), "lists", "ota_rolloutdevice"),
                (_("Updates of devices"), "move_down", "ota_deployment"),
                (_("Deadlines of updates"), "timer", "ota_updaterule"),
            ),
            _menu(
                _("Thresholds"),
                (_("Thresholds"), "straighten", "alerts_threshold"),
                (_("What was changed"), "history", "alerts_thresholdchange"),
            ),
            _menu(
                _("Devices"),
                (_("Devices"), "precision_manufacturing", "devices_device"),
                (_("Tokens"), "key", "devices_credential"),
                (_("Configurations"), "tune", "devices_configuration"),
                (_("Versions of configurations"), "manage_history", "devices_configurationversion"),
                (_("Commands"), "terminal", "devices_command"),
                (_("Declared commands"), "list_alt", "devices_commandtype"),
                (_("Claim codes"), "qr_code_2", "devices_claimcode"),
                (_("Claimed devices"), "how_to_reg", "devices_claim"),
                (_("Defaults of types"), "category", "devices_typedefaults"),
                (_("Silence rules"), "hourglass_empty", "devices_silencerule"),
                (_("Refused messages"), "block", "devices_refusedmessage"),
            ),
            _menu(
                _("Alerts and notifications"),
                (_("Alerts"), "notifications", "alerts_alert"),
                (_("Shelves"), "shelves", "alerts_shelf"),
                (_("Maintenance"), "engineering", "alerts_maintenancewindow"),
                (_("Who is told"), "contact_mail", "alerts_notificationconfig"),
            ),
            _menu(
                _("Groups and batches"),
                (_("Groups"), "account_tree", "grouping_group"),
                (_("Batches"), "playlist_play", "grouping_batchoperation"),
            ),
            _menu(
                _("Energy and OEE"),
                (_("Machines"), "conveyor_belt", "analytics_machineprofile"),
                (_("Products"), "category", "analytics_product"),
                (_("What was made"), "event_repeat", "analytics_productrun"),
                (_("Lines"), "linear_scale", "analytics_line"),
                (_("Shifts"), "calendar_month", "analytics_calendar"),
                (_("Reasons of stops"), "label", "analytics_stopcode"),
                (_("Reasons that were given"), "rate_review", "analytics_stopreason"),
                (_("States of machines"), "timeline", "analytics_stateinterval"),
                (_("Results of shifts"), "leaderboard", "analytics_shiftresult"),
                (_("Energy meters"), "electric_meter", "analytics_energymeter"),
                (_("Price of energy"), "euro_symbol", "analytics_energyprice"),
            ),
            _menu(
                _("People"),
                (_("People"), "group", "accounts_user"),
                (_("Invitations"), "mail", "accounts_invitation"),
                (_("Sessions"), "login", "accounts_session"),
                (_("API tokens"), "key", "accounts_apitoken"),
                (_("Audit log"), "fact_check", "accounts_auditentry"),
            ),
            _menu(
                _("Background work"),
                (_("Messages"), "outgoing_mail", "alerts_delivery"),
                (_("Ways of sending that are down"), "cloud_off", "alerts_outage"),
                (_("Archived days"), "inventory_2", "telemetry_archivedday"),
            ),
        ],
    },
}
