"""`python -m tests.losses.populate COUNT`: as for a chaos run, and somebody who is mailed and a firmware in storage.

A box for each device: more than ten mails in ten minutes to one box would wait as a flood, and tell nothing of a loss.
"""

import io
import sys

import django

from tests.chaos import populate


def main(count: int) -> None:
    populate.main(count)
    django.setup()
    from django.utils import timezone

    from alerts.services.configs import register_config
    from devices.models import Device
    from factory.accounts.models import User
    from ota.services.firmware import upload_firmware

    now = timezone.now()
    boss = User.objects.get(email="boss@example.com")
    for device in Device.objects.all():
        register_config(
            by=boss,
            type="email",
            recipient=f"{device.external_id}@example.com",
            at=now,
            device_filter=[device.pk],
        )
    upload_firmware(
        file=io.BytesIO(b"firmware" * 8192), version="1.0.0", device_type="sensor", by=boss, at=now
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
