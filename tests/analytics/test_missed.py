"""What a page is told when its live line is back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.models import AlertEvent
from alerts.services.handling import resolve_alert
from devices.models import Device, StatusChange
from tests.analytics.looking import make_alert, words
from tests.builders import make_device, ms

pytestmark = pytest.mark.django_db


def ask(client, *, since, seq=0, **headers):
    return client.get("/missed", {"since": ms(since), "seq": seq}, headers=headers)


def go_silent(device, *, at):
    Device.objects.filter(pk=device.pk).update(status=Device.Status.OFFLINE)
    StatusChange.objects.create(device=device, status=Device.Status.OFFLINE, at=at)


def test_what_came_up_is_said_in_a_sentence_with_links(client, omar):
    now = timezone.now()
    ended = make_alert(make_device(name="Press 1"))
    make_alert()
    resolve_alert(alert=ended, by=omar, at=now)
    go_silent(make_device(), at=now)

    answer = ask(client, since=now - timedelta(minutes=1))

    said = words(answer)
    assert answer.status_code == 200
    assert "2 alerts opened, 1 alert ended, 1 device went silent." in said
    assert 'href="/alerts/history/?from=' in answer.content.decode()
    assert 'href="/devices/?status=offline"' in answer.content.decode()


def test_it_is_said_in_the_language_of_the_page(client, mira):
    make_alert()

    answer = ask(client, since=timezone.now() - timedelta(minutes=1), **{"accept-language": "de"})

    assert "1 Alarm aufgetreten." in words(answer)


def test_what_the_page_has_heard_already_is_not_said_again(client, mira):
    make_alert()
    heard = AlertEvent.objects.latest("pk").pk

    assert ask(client, since=timezone.now() - timedelta(minutes=1), seq=heard).status_code == 204


def test_what_was_before_the_line_was_lost_is_not_said(client, mira):
    go_silent(make_device(), at=timezone.now() - timedelta(hours=2))
    back = make_device()
    go_silent(back, at=timezone.now())
    Device.objects.filter(pk=back.pk).update(status=Device.Status.ONLINE)

    assert ask(client, since=timezone.now() - timedelta(minutes=1)).status_code == 204


@pytest.mark.parametrize("since", ["", "soon", "-1", "9" * 18])
def test_a_time_that_cannot_be_meant_answers_nothing(client, mira, since):
    make_alert()

    assert client.get("/missed", {"since": since}).status_code == 204


def test_a_stranger_is_sent_to_the_sign_in_page(client):
    assert client.get("/missed", {"since": "1"}).status_code == 302


@pytest.mark.parametrize("alerts", [1, 3])
def test_it_costs_the_same_for_any_number_of_alerts(client, mira, django_assert_num_queries, alerts):
    for place in range(alerts):
        make_alert(make_device(name=f"Press {place}"))
    since = timezone.now() - timedelta(minutes=1)
    ask(client, since=since)

    with django_assert_num_queries(4):
        ask(client, since=since)
