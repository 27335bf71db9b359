import re
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.models import Delivery, Outage
from tests.alerts.outbox import make_config, raise_trouble
from tests.analytics.looking import HTMX, NASTY, failed_delivery, words
from tests.builders import NOON, make_device, make_group

pytestmark = pytest.mark.django_db


def test_a_test_says_that_it_arrived(client, mira, mailoutbox):
    config = make_config(owner=mira, recipient="mira@example.com")

    response = client.post(f"/notifications/{config.pk}/test", headers=HTMX)

    assert "The test has arrived there." in words(response)
    assert [mail.to for mail in mailoutbox] == [["mira@example.com"]]
    assert "A test E-mail to mira@example.com · sent" in words(client.get("/notifications/"))


def test_a_test_that_does_not_arrive_says_why_in_the_servers_words(client, mira, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # where nobody listens
    config = make_config(owner=mira)

    response = client.post(f"/notifications/{config.pk}/test", headers=HTMX)

    assert "The test did not arrive: " in words(response)
    assert "refused" in words(response)
    without = client.post(f"/notifications/{config.pk}/test", {"next": "/notifications/"})
    assert "The test did not arrive: " in words(client.get(without["Location"]))


def test_at_most_five_tests_a_minute(client, mira):
    config = make_config(owner=mira)
    for _ in range(5):
        client.post(f"/notifications/{config.pk}/test", headers=HTMX)

    response = client.post(f"/notifications/{config.pk}/test", headers=HTMX)

    assert "At most 5 trial messages a minute." in words(response)


# What went out


def test_what_failed_stands_apart_with_every_try_and_is_tried_again(client, mira):
    config = make_config(owner=mira, recipient="mira@example.com")
    delivery = failed_delivery(config)
    client.post(f"/notifications/{make_config(owner=mira).pk}/test", headers=HTMX)

    everything, failed = client.get("/notifications/"), client.get("/notifications/?show=failed")
    response = client.post("/notifications/retry", {"delivery": delivery.pk}, headers=HTMX)
    again = client.post("/notifications/retry", {"delivery": delivery.pk}, headers=HTMX)

    assert "1 message could not be delivered." in words(everything)
    assert "A test" in words(everything)
    assert "A test" not in words(failed)
    assert re.search(r"Too hot E-mail to mira@example.com · failed .*? 550 No such user", words(failed))
    assert "1 try" in words(failed)
    assert "1 message will be tried again now." in words(response)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("pending", 0)
    assert (again.status_code, "has not failed" in words(again)) == (409, True)


@pytest.mark.parametrize("form", [{}, {"delivery": "x"}, {"delivery": "999"}])
def test_trying_again_what_is_not_there_is_no_error(client, mira, form):
    assert client.post("/notifications/retry", form, headers=HTMX).status_code in (200, 409)


def test_an_outage_of_ones_own_way_is_said(client, mira):
    make_config(owner=mira)
    soon = timezone.now() + timedelta(minutes=5)
    Outage.objects.create(transport="email", since=NOON, retry_at=soon, error="Connection refused")
    Outage.objects.create(
        transport="webhook:192.0.2.9:443#7", since=NOON, retry_at=soon, error="Somebody else's"
    )

    text = words(client.get("/notifications/"))

    assert "E-mail does not work since 1 Jun, 12:00 : Connection refused . Next try" in text
    assert "Somebody else's" not in text


def test_what_people_write_is_text(client, mira):
    config = make_config(owner=mira, group_filter=[make_group(name=NASTY).pk])
    raise_trouble(message=NASTY, device_id=make_device(name=NASTY).pk)
    failed = Delivery.objects.create(
        config=config, type="email", recipient="x@example.com", way="email", urgency=0, status="failed",
        due_at=NOON, created_at=NOON, error=NASTY,
    )  # fmt: skip

    for path in ("/notifications/", f"/notifications/{config.pk}/"):
        assert NASTY not in client.get(path).content.decode()
    assert failed.error == NASTY


@pytest.mark.parametrize("count", [1, 3])
def test_it_costs_the_same_for_any_number(client, boss, count, django_assert_num_queries):
    for _ in range(count):
        make_config()
    for _ in range(count):
        raise_trouble(device_id=make_device().pk)

    with django_assert_num_queries(8):
        assert client.get("/notifications/").status_code == 200
