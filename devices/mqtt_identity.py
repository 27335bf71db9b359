"""Who is connecting to the MQTT broker: the user name is the device id, the password its token."""

import hmac
from datetime import datetime

from django.conf import settings

from devices.models import Credential
from devices.mqtt_rights import is_service
from devices.queries import alive_credential
from devices.tokens import broker_verifier

SERVICE = 0  # no credential has this number
SERVICE_ROUNDS = 10_000


def identify_client(*, username: str, password: str, client_id: str, at: datetime) -> int | None:
    """The credential behind a connection, `SERVICE` for our own account, None for a stranger.

    The client id has to be the user name: a broker ends whoever holds a client id when another one comes with it.
    """
    if client_id != username:
        return None
    if is_service(username):
        return SERVICE if hmac.compare_digest(password.encode(), settings.MQTT_PASSWORD.encode()) else None
    credential = alive_credential(token=password, at=at)
    if credential is None or credential.device.external_id != username:
        return None
    return credential.pk


def has_alive_credential(*, username: str, at: datetime) -> bool:
    """Whether this device could still connect: one that has lost its last token keeps no rights."""
    return Credential.objects.alive(at).filter(device__external_id=username).exists()


def password_lines(*, passwords: list[tuple[str, str]]) -> str:
    """The text of Mosquitto's password file for these (device id, verifier), and for our own account."""
    lines = [f"{username}:{verifier}" for username, verifier in passwords]
    if is_service(settings.MQTT_SERVICE_USER):
        lines.append(f"{settings.MQTT_SERVICE_USER}:{service_verifier()}")
    return "\n".join(lines) + "\n"


def service_verifier() -> str:
    """Of our own password: slow, as a person may have chosen it, and always the same, or the file would never rest."""
    password = settings.MQTT_PASSWORD
    salt = hmac.digest(settings.SECRET_KEY.encode(), password.encode(), "sha256")[:12]
    return broker_verifier(password, salt=salt, rounds=SERVICE_ROUNDS)
