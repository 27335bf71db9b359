"""What a letter would bring: the keys of the links in it, made in the plant itself, for no letter leaves it."""

import json
import subprocess
from pathlib import Path

from tests.pictures.plants import ZONE
from tests.plant import MANAGE, plain_environment

# Who goes through the pages of signing in. The admin must not: the next run could not sign in as them.
IDA = {"email": "ida@example.com", "password": "seven wooden ladders"}
MADE_IN_THE_PLANT = f"""
import json
from urllib.parse import parse_qs, urlsplit
from django.utils import timezone
from factory.accounts import invitations, resets, second_factor, services
from factory.accounts.models import Invitation, User
now, email = timezone.now(), {IDA["email"]!r}
ida = User.objects.filter(email=email).first() or services.create_user(**{IDA!r}, name="Ida")
second_factor.take_off(user=ida, at=now)
admin = User.objects.filter(role="admin").first()
guest = {{"email": "olga@example.com", "name": "Olga", "role": "operator"}}
kept = Invitation.objects.filter(pending_for=guest["email"], expires_at__gt=now).first()
links = {{
    "invitation_key": invitations.link_of(kept or invitations.invite(**guest, by=admin, at=now)),
    "reset_key": resets.reset_link(user=ida, at=now),
}}
print(json.dumps({{name: parse_qs(urlsplit(link).query)["token"][0] for name, link in links.items()}}))
"""


def keys_of(folder: Path) -> dict[str, str | int]:
    """Made anew by each run, for they are good for an hour only; the plant has its admin already."""
    answer = subprocess.run(
        [*MANAGE, "shell", "-v0", "-c", MADE_IN_THE_PLANT],
        env=plain_environment(FACTORY_DATA=str(folder), **ZONE),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])
