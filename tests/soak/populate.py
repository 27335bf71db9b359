"""`python -m tests.soak.populate COUNT`: devices, an admin who is mailed, and one limit for all of them.

Runs with the plant's environment and prints as JSON what the harness must know.
"""

import json
import sys

import django

LIMIT = 90.0  # of `temperature`


def main(count: int) -> None:
    django.setup()
    from django.utils import timezone

    from alerts.scopes import Scope
    from alerts.services.configs import register_config
    from alerts.services.thresholds import create_threshold
    from devices.services import register_device
    from factory.accounts.models import User
    from factory.accounts.services import create_user, open_session
    from telemetry.services.metrics import declare_metric

    now = timezone.now()
    admin = create_user(
        email="boss@example.com", password="seven wooden ladders", name="Boss", role=User.Role.ADMIN
    )
    declare_metric(key="meter", label="Meter", unit="kWh", kind="counter")
    create_threshold(scope=Scope(device_type="sensor"), metric="temperature", at=now, max_value=LIMIT)
    register_config(by=admin, type="email", recipient="boss@example.com", at=now)
    devices = []
    for number in range(count):
        device, token = register_device(
            external_id=f"press-{number}", name=f"Press {number}", type="sensor", at=now
        )
        devices.append({"id": device.pk, "name": device.external_id, "token": token})
    sys.stdout.write(json.dumps({"admin": open_session(user=admin, at=now), "devices": devices}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
