"""How a person wants pages to be shown: kept with them, so that it follows them to every screen."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from factory.accounts.models import User
from factory.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Preferences:
    theme: str
    language: str | None  # None: the browser's
    time_zone: str | None  # None: the plant's
    start_page: str
    shortcuts: bool


def preferences_of(user: User) -> Preferences:
    return Preferences(
        user.theme, user.language or None, user.time_zone or None, user.start_page, user.shortcuts
    )


def zone_of(user: User) -> ZoneInfo:
    """The clock that pages show to a person. A zone that this machine does not know any more is the plant's."""
    try:
        return ZoneInfo(user.time_zone or settings.PLANT_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(settings.PLANT_TIME_ZONE)


@transaction.atomic
def set_preferences(
    *,
    user: User,
    theme: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    start_page: str | None = None,
    shortcuts: bool | None = None,
) -> User:
    """Keep what a person has chosen. None leaves it; an empty language or time zone takes the choice back."""
    given = {
        "theme": _one_of(theme, User.Theme.values, "theme", gettext("is no theme")),
        "language": _one_of(
            language,
            ["", *dict(settings.LANGUAGES)],
            "language",
            gettext("is not spoken here, choose en or de"),
        ),
        "time_zone": _one_of(
            time_zone,
            {"", *available_timezones()},
            "timeZone",
            gettext("is no time zone such as Europe/Berlin"),
        ),
        "start_page": _one_of(
            start_page, User.StartPage.values, "startPage", gettext("is no page to start with")
        ),
        "shortcuts": shortcuts,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        setattr(user, name, value)
    if changes:
        User.objects.filter(pk=user.pk).update(**changes)
    return user


def _one_of(value: str | None, allowed, field: str, reason: str) -> str | None:
    if value is not None and value not in allowed:
        raise InvalidInput.at(field, reason)
    return value
