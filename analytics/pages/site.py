"""The pages of this site by name, as people look for them."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from factory.accounts.models import User

VIEWER, OPERATOR = User.Role.USER, User.Role.OPERATOR
TECHNICIAN, ADMIN = User.Role.TECHNICIAN, User.Role.ADMIN


@dataclass(frozen=True, slots=True)
class Place:
    """A page or a part of one: what it is called, where it lies, and who may open it."""

    title: str | Promise
    view: str
    rank: User.Role = VIEWER
    words: str | Promise = ""  # what else people call it
    part: str = ""

    @property
    def url(self) -> str:
        return reverse(self.view) + (f"#{self.part}" if self.part else "")


PLACES = (
    Place(_("Overview"), "overview", words=_("home start plant zones")),
    Place(_("Alerts"), "alerts", words=_("alarms inbox open")),
    Place(_("History of alerts"), "alert-history", words=_("past alarms log")),
    Place(_("Figures about alerts"), "alert-figures", words=_("flood chattering statistics")),
    Place(_("Maintenance"), "maintenance", words=_("planned work windows")),
    Place(_("Plan maintenance"), "plan-maintenance", OPERATOR, _("new window work")),
    Place(_("Devices"), "devices", words=_("machines sensors list")),
    Place(_("Add a device"), "new-device", TECHNICIAN, _("new register token")),
    Place(_("Import devices"), "import-devices", TECHNICIAN, _("CSV file upload many")),
    Place(_("Claim codes"), "claim-codes", TECHNICIAN, _("onboarding QR")),
    Place(_("Groups"), "groups", words=_("lines halls filter")),
    Place(_("New group"), "new-group", OPERATOR, _("add group")),
    Place(_("Batches"), "batches", words=_("restart commands many")),
    Place(_("New batch"), "new-batch", OPERATOR, _("restart many devices")),
    Place(_("Firmware"), "firmware", words=_("versions updates")),
    Place(_("Upload firmware"), "new-firmware", TECHNICIAN, _("new version file")),
    Place(_("Rollouts"), "rollouts", words=_("updates waves")),
    Place(_("New rollout"), "new-rollout", TECHNICIAN, _("update firmware of many")),
    Place(_("Performance"), "performance", words=_("failures trends")),
    Place(_("Energy"), "energy", words=_("kWh power consumption cost")),
    Place(_("OEE"), "oee", words=_("availability quality stops")),
    Place(_("Reports"), "reports", words=_("PDF CSV paper")),
    Place(_("New report"), "new-report", words=_("ask for PDF")),
    Place(_("Plan a report"), "plan-report", TECHNICIAN, _("schedule e-mail weekly")),
    Place(_("Machines"), "machines", words=_("set-up OEE products cycle")),
    Place(_("Shifts"), "shifts", words=_("calendar set-up breaks")),
    Place(_("Lines"), "lines", words=_("set-up bottleneck")),
    Place(_("Stop codes"), "stop-codes", words=_("reasons downtime set-up")),
    Place(_("Energy meters"), "meters", words=_("price set-up counter")),
    Place(_("Counter exchanges"), "exchanges", words=_("meter replaced set-up")),
    Place(_("Notifications"), "notifications", words=_("e-mail webhook messages quiet hours")),
    Place(_("Preferences"), "preferences", words=_("settings account start page shortcuts")),
    Place(_("Theme"), "preferences", words=_("dark light high contrast colours"), part="id_theme"),
    Place(_("Language"), "preferences", words="English Deutsch", part="id_language"),
    Place(_("Time zone"), "preferences", words=_("clock"), part="id_time_zone"),
    Place(_("Where you are signed in"), "preferences", words=_("sessions browsers"), part="sessions-title"),
    Place(_("Password"), "preferences", words=_("change secret"), part="password-title"),
    Place(_("Admin"), "admin:index", ADMIN, _("console administration")),
    Place(_("People"), "admin:accounts_user_changelist", ADMIN, _("users roles accounts")),
    Place(_("Thresholds"), "admin:alerts_threshold_changelist", ADMIN, _("limits admin")),
)


def places_for(user: User) -> list[Place]:
    return [place for place in PLACES if user.has_rank_of(place.rank)]


def places_named(text: str, *, user: User) -> list[Place]:
    """The places that a person may open by every word of a text; longer words may be other names of theirs."""
    wanted = text.casefold().split()
    if not wanted:
        return []
    named = []
    for place in places_for(user):
        title = str(place.title).casefold()
        all_words = f"{title} {place.words}".casefold()
        if all(_has(word, all_words if len(word) > 2 else title) for word in wanted):
            named.append((not title.startswith(wanted[0]), place))
    return [place for _, place in sorted(named, key=lambda each: each[0])]


def _has(word: str, words: str) -> bool:
    """Whether one of the words begins so: `log` is no `catalogue`."""
    return f" {word}" in f" {words}"
