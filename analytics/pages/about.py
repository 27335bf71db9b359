"""What a page about figures is about: a device, a group or the plant, and a time. It stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from analytics.periods import PERIODS, Period, read_period
from analytics.plant_clock import plant_zone
from analytics.queries.alerts import known_groups
from analytics.queries.states import ms
from analytics.selection import read_number
from devices.models import Device
from devices.queries import get_device
from grouping.models import Group
from grouping.queries import get_group


class Whom(TypedDict):
    device_id: int | None
    group_id: int | None


@dataclass(frozen=True)
class About:
    device: Device | None
    group: Group | None
    period: Period
    now: int  # ms

    @property
    def name(self) -> str:
        if self.device:
            return self.device.name
        return self.group.name if self.group else gettext("The plant")

    @property
    def of(self) -> Whom:
        """As queries take it."""
        return {
            "device_id": self.device.pk if self.device else None,
            "group_id": self.group.pk if self.group else None,
        }

    @property
    def query(self) -> str:
        """As it stands in an address."""
        return urlencode({**self.whom, **self.period.asked})

    @property
    def whom(self) -> dict[str, int]:
        if self.device:
            return {"device": self.device.pk}
        return {"group": self.group.pk} if self.group else {}


def read_about(request: HttpRequest) -> About:
    """From the address; refuses a device or a group that is not there."""
    return about_of(request.GET.dict())


def about_of(asked: Mapping[str, str]) -> About:
    device_id, group_id = (read_number(asked.get(name, "")) for name in ("device", "group"))
    now = timezone.now()
    return About(
        device=get_device(device_id) if device_id else None,
        group=get_group(group_id) if group_id and not device_id else None,
        period=read_period(asked, today=timezone.localdate(now), zone=plant_zone()),
        now=ms(now),
    )


def choices_of(about: About) -> dict[str, Any]:
    """For the strip over the page by which one chooses."""
    return {
        "about": about,
        "groups": known_groups(),
        "periods": [
            (key, label, urlencode({**about.whom, "period": key})) for key, (label, *_) in PERIODS.items()
        ],
    }
