"""What a broker's password file holds follows the tokens."""

import base64
import hashlib
import re
from datetime import timedelta
from itertools import pairwise

import pytest
from django.test import Client
from django.utils import timezone

from devices import services
from devices.models import Credential
from devices.mqtt_identity import SERVICE, has_alive_credential, identify_client, password_lines
from devices.queries import broker_passwords, mark_of_alive_credentials
from tests.builders import make_device as registered
from tests.builders import make_user, sign_in

pytestmark = pytest.mark.django_db
OURS = "factory~ingest"


def make_device(external_id):
    """A device without any token yet."""
    device = registered(external_id=external_id)
    device.credentials.all().delete()
    return device


def fits(verifier, password):
    """Whether Mosquitto would let this password in."""
    kind, rounds, salt, key = verifier.split("$")[1:]
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
    return kind == "7" and len(base64.b64decode(salt)) == 12 and made == base64.b64decode(key)


def token_of(device, **options):
    return services.issue_token(device=device, at=timezone.now(), **options)


def passwords():
    return dict(broker_passwords(at=timezone.now()))


def mark():
    return mark_of_alive_credentials(at=timezone.now())


def identify(username, password, client_id=None):
    return identify_client(
        username=username, password=password, client_id=client_id or username, at=timezone.now()
    )


def test_the_newest_living_token_is_the_password():
    device = make_device("press-1")
    old, new = token_of(device), token_of(device)

    assert fits(passwords()["press-1"], new)

    services.revoke_token(token=new, at=timezone.now())
    assert fits(passwords()["press-1"], old)


def test_a_token_that_has_ended_is_no_password():
    device = make_device("press-1")
    services.issue_token(device=device, at=timezone.now() - timedelta(hours=2), lifetime=timedelta(hours=1))

    assert "press-1" not in passwords()


def test_a_name_with_a_colon_stays_out_of_the_file():
    token_of(make_device("aa:bb"))

    assert passwords() == {}


def test_the_file_has_a_line_a_device_and_one_for_us(settings):
    token_of(make_device("press-1"))

    lines = password_lines(passwords=broker_passwords(at=timezone.now())).splitlines()

    assert [line.partition(":")[0] for line in lines] == ["press-1", OURS]
    assert all(re.fullmatch(r"[^:]+:\$7\$\d+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+", line) for line in lines)
    assert fits(lines[1].partition(":")[2], settings.MQTT_PASSWORD)


def test_the_file_has_no_line_for_us_where_the_broker_knows_us_by_another_name(settings):
    settings.MQTT_USER = "plant"

    assert OURS not in password_lines(passwords=[])


def test_an_unchanged_database_makes_an_unchanged_file():
    token_of(make_device("press-1"))

    texts = {password_lines(passwords=broker_passwords(at=timezone.now())) for _ in range(3)}

    assert len(texts) == 1


def test_the_mark_moves_with_every_change(django_assert_num_queries):
    device, other = make_device("press-1"), make_device("press-2")
    seen = [mark()]
    token = token_of(device)
    seen.append(mark())
    token_of(other)
    seen.append(mark())
    services.revoke_token(token=token, at=timezone.now())
    seen.append(mark())
    token_of(device, lifetime=timedelta(hours=1))
    seen.append(mark())
    later = timezone.now() + timedelta(hours=2)
    seen.append(mark_of_alive_credentials(at=later))
    token_of(device)
    seen.append(mark())
    services.delete_devices(devices=[other])
    seen.append(mark())

    assert all(before != after for before, after in pairwise(seen))
    with django_assert_num_queries(1):
        assert mark() == seen[-1]


def test_a_device_is_known_by_any_of_its_tokens():
    device = make_device("press-1")
    first, second = token_of(device), token_of(device)

    known = {identify("press-1", first), identify("press-1", second)}

    assert known == set(Credential.objects.values_list("pk", flat=True))


def test_strangers_are_not_known(settings):
    device, other = make_device("press-1"), make_device("press-2")
    token, others = token_of(device), token_of(other)

    assert identify("press-1", others) is None
    assert identify("press-1", "") is None
    assert identify("nobody", token) is None
    assert identify("press-1", token, client_id="press-2") is None
    assert identify(OURS, token) is None
    assert identify(OURS, settings.MQTT_PASSWORD) == SERVICE


def test_rights_end_with_the_last_token():
    device = make_device("press-1")
    token = token_of(device)
    assert has_alive_credential(username="press-1", at=timezone.now())

    services.revoke_token(token=token, at=timezone.now())

    assert not has_alive_credential(username="press-1", at=timezone.now())


def test_the_admin_shows_no_hash_of_a_token():
    token_of(make_device("press-1"))
    client = Client()
    sign_in(client, make_user(role="admin"))

    page = client.get(f"/admin/devices/credential/{Credential.objects.get().pk}/change/").content.decode()

    assert "press-1" in page
    assert "$7$" not in page
    assert Credential.objects.get().token_hash not in page
