"""Secrets at rest: what lies sealed, and what becomes of it when SECRET_KEY changes, or is lost."""

import io
import tarfile

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from alerts.models import Delivery, NotificationConfig
from alerts.outbox.recipients import shown
from alerts.services.configs import edit_config, rotate_secret
from alerts.services.delivering import send_delivery
from factory.accounts import services
from factory.accounts.models import SecondFactor
from factory.accounts.queries import alive_session
from factory.accounts.second_step import SecondFactorWrong, check_code
from factory.resealing import reseal, sealed_columns
from factory.safekeeping import parcel, plant
from factory.sealed import is_under_newest_key, unseal
from tests.accounts.second_factors import make_phone
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, make_user
from tests.factory.test_recovery import manage

pytestmark = pytest.mark.django_db

OLD, NEW = "a-key-of-before-" * 3, "the-key-from-now-on-" * 3
HOOK = "https://192.0.2.7/hook?token=hiddentoken"


@pytest.fixture
def secrets(settings):
    """A phone, a webhook with its secret and a mail address, sealed under the old key; one row is still plain."""
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    phone, hook, mail = make_phone(), make_config(type="webhook", recipient=HOOK), make_config()
    plain = make_config(type="push", recipient="gotify://192.0.2.7/hiddentoken")
    NotificationConfig.objects.filter(pk=plain.pk).update(sealed_recipient=plain.recipient)
    return {"phone": phone, "secret": hook.secret, "hook": HOOK, "mail": mail.recipient}


def kept() -> list[str]:
    return [
        text
        for model, column in sealed_columns()
        for text in model._base_manager.values_list(column, flat=True)
        if text
    ]


def test_nothing_that_is_secret_lies_in_the_database_as_it_is(secrets):
    rows = str(
        [*NotificationConfig.objects.values(), *SecondFactor.objects.values(), *Delivery.objects.values()]
    )

    secrets["phone"] = secrets["phone"].secret
    assert [name for name, text in secrets.items() if text in rows] == []


def test_everything_is_sealed_anew_and_then_the_old_key_can_go(secrets, settings, capsys):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert len([each for each in kept() if not is_under_newest_key(each)]) == 5
    with pytest.raises(CommandError, match="Not under the newest key: 5"):
        call_command("rotate_secrets", "--check")

    call_command("rotate_secrets")
    call_command("rotate_secrets")

    assert capsys.readouterr().out.splitlines() == [
        "Sealed under the newest key: 5.",
        "Everything is under the newest key.",
    ]
    settings.SECRET_KEY_FALLBACKS = []
    call_command("rotate_secrets", "--check")
    opened = {unseal(each) for each in kept()}
    secrets["phone"] = secrets["phone"].secret
    assert opened == {*secrets.values(), "gotify://192.0.2.7/hiddentoken"}


def test_what_is_changed_in_that_moment_stays_as_it_was_left(secrets, settings, monkeypatch):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    config = NotificationConfig.objects.get(type="webhook")
    changed: list[str] = []

    def unseal_while_somebody_works(sealed: str) -> str:
        if not changed:
            changed.append(rotate_secret(config=config, at=NOON).secret)
        return unseal(sealed)

    monkeypatch.setattr("factory.resealing.unseal", unseal_while_somebody_works)
    assert reseal().lost == []

    config.refresh_from_db()
    assert [config.secret] == changed
    assert reseal(only_look=True).left == 0


def test_where_the_key_is_lost_that_is_told_and_the_rest_goes_on(secrets, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, []
    config = NotificationConfig.objects.get(type="webhook")
    settings.ALERT_EMAIL = "shift@example.com"

    raise_trouble()
    delivery = Delivery.objects.get(config=config)
    send_delivery(delivery_id=delivery.pk, at=NOON)

    delivery.refresh_from_db()
    assert (shown(config), delivery.status, delivery.recipient) == ("…", "failed", "…")
    assert delivery.error.startswith("The key it was sealed under is lost")
    assert Delivery.objects.filter(recipient="shift@example.com").count() == 1
    with pytest.raises(
        CommandError, match=rf"(?s)opens these.*NotificationConfig {config.pk}: sealed_recipient"
    ):
        call_command("rotate_secrets")
    person = secrets["phone"].owner
    with pytest.raises(SecondFactorWrong):
        check_code(user=person, code=secrets["phone"].code(), at=timezone.now(), address="203.0.113.9")
    check_code(user=person, code=secrets["phone"].recovery_codes[0], at=timezone.now(), address="203.0.113.9")

    edit_config(config=config, recipient=HOOK, at=NOON)
    rotate_secret(config=config, at=NOON)
    assert (config.recipient, config.secret[:6]) == (HOOK, "whsec_")


def test_nobody_is_signed_out_by_a_new_key_while_the_old_one_is_a_fallback(settings):
    now = timezone.now()
    settings.SECRET_KEY_FALLBACKS = []
    claims = jwt.decode(services.open_session(user=make_user(), at=now), options={"verify_signature": False})
    token, unsigned = jwt.encode(claims, OLD), jwt.encode(claims, None, algorithm="none")

    assert alive_session(token=token, at=now) is None
    settings.SECRET_KEY_FALLBACKS = ["another-" * 5, OLD]
    assert alive_session(token=token, at=now) is not None
    assert alive_session(token=unsigned, at=now) is None
    assert alive_session(token=jwt.encode({**claims, "token_type": "other"}, OLD), at=now) is None


def test_a_backup_carries_the_keys_of_before_too(settings, tmp_path):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD, "older-still"]
    target = io.BytesIO()

    with parcel.packing(target) as packer:
        plant.add_secret_keys(packer, tmp_path)

    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        texts = {each.name: tar.extractfile(each).read().decode() for each in tar}
    assert texts == {"keys/secret_key": NEW, "keys/secret_key_fallbacks": f"{OLD}\nolder-still"}


@pytest.mark.integration
def test_a_generated_key_is_changed_in_its_folder_and_comes_along_with_a_backup(tmp_path):
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "plant.tar.gz"
    assert manage(old, "migrate").returncode == 0
    first = (old / "secret_key").read_text()

    refused = manage(old, "rotate_secrets", "--new-key", SECRET_KEY=OLD)
    assert (refused.returncode, "comes from the environment" in refused.stderr) == (1, True)
    made = manage(old, "rotate_secrets", "--new-key")

    assert made.returncode == 0, made.stderr
    second = (old / "secret_key").read_text()
    assert (second == first, (old / "secret_key_fallbacks").read_text()) == (False, first)
    assert (old / "secret_key_fallbacks").stat().st_mode & 0o777 == 0o600
    assert manage(old, "rotate_secrets", "--check").stdout == "Everything is under the newest key.\n"
    assert manage(old, "backup", file, SECRET_KEY_FALLBACKS="of-the-environment").returncode == 0
    assert manage(new, "restore", file).returncode == 0
    assert (new / "secret_key").read_text() == second
    assert (new / "secret_key_fallbacks").read_text().split() == ["of-the-environment", first]
