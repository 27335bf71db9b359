import pytest

from alerts.models import Alert, Shelf
from alerts.services.handling import acknowledge_alert
from tests.analytics.looking import HTMX, make_alert, words
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db


def test_the_ticked_ones_are_acknowledged_and_the_answer_says_what_became_of_the_others(client, mira):
    press, mixer = make_alert(make_device(name="Press 3")), make_alert(make_device(name="Mixer 1"))
    not_ticked = make_alert(make_device(name="Oven"))
    noor = make_user(name="Noor")
    acknowledge_alert(alert=mixer, by=noor, at=NOON)

    response = client.post(
        "/alerts/bulk", {"do": "acknowledge", "alert": [press.pk, mixer.pk, 99_999]}, headers=HTMX
    )

    assert Alert.objects.get(pk=press.pk).acknowledged_by == mira
    assert Alert.objects.get(pk=mixer.pk).acknowledged_by == noor
    assert Alert.objects.get(pk=not_ticked.pk).status == "active"
    assert response.status_code == 200
    assert response["HX-Trigger"] == "acted"
    assert words(response).split(" Alert ") == [
        " 1 of 3 acknowledged.",
        f"{mixer.pk} is acknowledged already by Noor.",
        "99999 is gone. ",
    ]


def test_an_operator_resolves_and_shelves_several(client, omar):
    first, second = make_alert(make_device()), make_alert(make_device())
    third, fourth = make_alert(make_device()), make_alert(make_device())

    resolved = client.post("/alerts/bulk", {"do": "resolve", "alert": [first.pk, second.pk]}, headers=HTMX)
    shelved = client.post(
        "/alerts/bulk",
        {"do": "shelve", "alert": [third.pk, fourth.pk], "reason": "Spare part comes", "minutes": "480"},
        headers=HTMX,
    )

    assert "2 of 2 resolved." in words(resolved)
    assert "2 of 2 shelved." in words(shelved)
    assert set(Alert.objects.values_list("status", "silence")) == {("resolved", ""), ("active", "shelved")}
    assert {shelf.reason for shelf in Shelf.objects.all()} == {"Spare part comes"}


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"do": "shelve", "minutes": "60"}, "Say why it is put aside."),
        ({"do": "shelve", "minutes": "7", "reason": "Why not"}, "7 is not one of the available choices"),
        ({"do": "explode"}, "Tick at least one alert first."),
        ({"do": "acknowledge", "alert": "nonsense"}, "Tick at least one alert first."),
    ],
)
def test_what_cannot_be_meant_changes_nothing(client, omar, form, reason):
    alert = make_alert()

    response = client.post("/alerts/bulk", {"alert": alert.pk, **form}, headers=HTMX)

    alert.refresh_from_db()
    assert (response.status_code, alert.status, alert.silence) == (422, "active", "")
    assert reason in words(response)


@pytest.mark.parametrize("do", ["resolve", "shelve"])
def test_a_viewer_neither_resolves_nor_shelves_several(client, mira, do):
    alert = make_alert()

    response = client.post(
        "/alerts/bulk", {"do": do, "alert": alert.pk, "reason": "x", "minutes": "60"}, headers=HTMX
    )

    alert.refresh_from_db()
    assert (response.status_code, alert.status, alert.silence) == (403, "active", "")
    assert 'value="resolve"' not in client.get("/alerts/").content.decode()


def test_without_javascript_the_ticked_ones_come_back_to_their_page(client, mira):
    alert = make_alert()

    response = client.post(
        "/alerts/bulk", {"do": "acknowledge", "alert": [alert.pk, 7777], "next": "/alerts/?zone=Hall+B"}
    )

    assert response["Location"] == "/alerts/?zone=Hall+B"
    assert "1 of 2 acknowledged. Alert 7777 is gone." in words(client.get(response["Location"]))


def test_a_stranger_does_nothing_to_several(client):
    alert = make_alert()

    assert client.post("/alerts/bulk", {"do": "acknowledge", "alert": alert.pk}).status_code == 302
    alert.refresh_from_db()
    assert alert.status == "active"
