"""`python -m tests.hostile.populate`: a plant to be attacked, and its keys, as JSON; `... look`: what stands in it now.

Runs with the plant's environment.
"""

import json
import sys
from typing import Any

import django

BOSS = {"email": "boss@example.com", "password": "seven wooden ladders"}
MAILED = "floor@example.com"


def populate() -> dict[str, Any]:
    from django.conf import settings
    from django.utils import timezone

    from alerts.services.configs import register_config
    from factory.accounts.api_tokens import create_token
    from factory.accounts.models import User
    from factory.accounts.services import create_user, open_session
    from tests.builders import make_device, make_group, make_threshold, make_token

    now = timezone.now()
    boss = create_user(**BOSS, name="Boss", role=User.Role.ADMIN)
    victim = create_user(email="victim@example.com", password="an untouched password", name="Victim")
    device, other = make_device(external_id="press-1"), make_device(external_id="press-2")
    paper, talker = make_device(external_id="paper"), make_device(external_id="talker")
    group = make_group(name="Canary", devices=[device])
    threshold = make_threshold(device)
    register_config(by=boss, type="email", recipient=MAILED, at=now)
    _, api_token = create_token(user=boss, name="Line 1", scope="read", password=BOSS["password"], at=now)
    return {
        "api_token": api_token,
        "admin": open_session(user=boss, at=now),
        "user": open_session(user=victim, at=now),
        "open_id": boss.open_id,
        "device": make_token(device, at=now),
        "device_id": device.pk,
        "other_id": other.pk,
        "paper_id": paper.pk,
        "talker": make_token(talker, at=now),
        "group_id": group.pk,
        "threshold_id": threshold.pk,
        "secret_key": settings.SECRET_KEY,
        "password": victim.password,
    }


def look() -> dict[str, Any]:
    """What no hostile text may have changed: every account with its rank and password, the canaries, the tables."""
    from django.db import connection

    from devices.models import Device
    from factory.accounts.models import User
    from telemetry.models import Reading

    return {
        "tables": sorted(connection.introspection.table_names()),
        "people": sorted(map(list, User.objects.values_list("email", "role", "password", "is_active"))),
        "other": list(Device.objects.values_list("name", "external_id", "zone").get(external_id="press-2")),
        "readings": Reading.objects.filter(device_id=Device.objects.get(external_id="press-2").pk).count(),
    }


def main(what: str = "populate") -> None:
    django.setup()
    sys.stdout.write(json.dumps(look() if what == "look" else populate()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
