from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, Delivery
from alerts.outbox.signed import LinkExpired, LinkForged, delivery_of, link_for
from alerts.services.handling import acknowledge_alert
from alerts.services.sweeping import send_due
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db


def link_in(mail) -> str:
    """The path of the link in a mail."""
    [line] = [line for line in mail.body.splitlines() if "/ack/" in line]
    return "/ack/" + line.partition("/ack/")[2]


@pytest.fixture
def alert():
    at = timezone.now()
    return raise_trouble(
        at=at, message="Too hot <95>", device_id=make_device(name="Press 3", zone="Hall B").pk
    )


@pytest.fixture
def mira():
    mira = make_user(name="Mira")
    make_config(owner=mira, recipient="mira@example.com")
    return mira


@pytest.fixture
def link(mira, alert, mailoutbox) -> str:
    send_due(at=timezone.now())
    return link_in(mailoutbox[0])


def test_opening_the_link_shows_the_alert_and_changes_nothing(link, alert):
    page = Client().get(link)

    assert page.status_code == 200
    for words in ("Too hot &lt;95&gt;", "Press 3, Hall B", "Critical", "<button"):
        assert words in page.content.decode()
    alert.refresh_from_db()
    assert alert.status == "active"


def test_the_button_acknowledges_as_the_person_who_got_the_message(link, alert, mira):
    page = Client().post(link)

    assert page.status_code == 200
    assert "Acknowledged." in page.content.decode()
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == ("acknowledged", mira)
    event = alert.events.latest("pk")
    assert (event.by, event.note) == (mira, "By the link sent to mira@example.com.")


def test_the_form_is_protected_against_other_sites(link):
    assert Client(enforce_csrf_checks=True).post(link).status_code == 403


def test_by_the_plants_own_nobody_has_acknowledged_it_but_the_note_says_who_was_written_to(alert, mailoutbox):
    make_config(plant=True, recipient="desk@example.com")
    second = raise_trouble()
    send_due(at=timezone.now())

    Client().post(link_in(mailoutbox[0]))

    second.refresh_from_db()
    assert (second.status, second.acknowledged_by) == ("acknowledged", None)
    assert second.events.latest("pk").note == "By the link sent to desk@example.com."


@pytest.mark.parametrize("method", ["get", "post"])
def test_what_somebody_did_already_is_said_calmly(link, alert, method):
    acknowledge_alert(alert=alert, by=make_user(name="Jonas"), at=timezone.now())

    page = getattr(Client(), method)(link)

    assert page.status_code == 200
    assert "Acknowledged already by Jonas" in page.content.decode()
    assert "<button" not in page.content.decode()


def test_after_seven_days_the_link_is_gone(link):
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        page = Client().get(link)

    assert page.status_code == 410
    assert "good for seven days" in page.content.decode()


@pytest.mark.parametrize("token", ["x", "eyJkZWxpdmVyeSI6MX0:forged", "a:b:c", "%E2%82%AC"])
def test_a_link_that_is_not_ours_is_not_found(token):
    page = Client().get(f"/ack/{token}/")

    assert page.status_code == 404
    assert "not one of ours" in page.content.decode()


def test_who_has_left_cannot_use_an_old_mail(link, mira, alert):
    mira.is_active = False
    mira.save(update_fields=["is_active"])

    assert Client().get(link).status_code == 410
    assert Client().post(link).status_code == 410
    alert.refresh_from_db()
    assert alert.status == "active"


def test_the_link_of_a_deleted_alert_is_gone(link):
    Alert.objects.all().delete()

    assert Delivery.objects.count() == 0
    assert Client().get(link).status_code == 410


def test_a_token_names_its_delivery_until_its_time_is_over():
    token = link_for(17, NOON).rpartition("/ack/")[2].strip("/")

    assert delivery_of(token, NOON + timedelta(days=6)) == 17
    with pytest.raises(LinkExpired):
        delivery_of(token, NOON + timedelta(days=7))
    with pytest.raises(LinkForged):
        delivery_of(token[:-1] + ("A" if token[-1] != "A" else "B"), NOON)
