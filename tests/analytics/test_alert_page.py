import re
from datetime import timedelta

import pytest

from alerts.models import Alert, Delivery
from alerts.services.handling import acknowledge_alert, assign_alert, comment_alert, shelve_alert
from alerts.services.sweeping import send_due
from tests.alerts.outbox import make_config, raise_trouble
from tests.alerts.silence import DUE, a_turn, hall
from tests.analytics.looking import HTMX, NASTY, ROLES, make_alert, words
from tests.builders import NOON, make_device, make_user, sign_in, store

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STEPS = ("acknowledge", "resolve", "comment", "assign", "shelve", "unshelve")


def timeline(client, alert: Alert) -> str:
    """What the page says happened, in order."""
    page = client.get(f"/alerts/{alert.pk}/")
    assert page.status_code == 200
    return words(page).partition("What happened")[2]


# Who may


@pytest.mark.parametrize("role", ROLES)
def test_everybody_signed_in_reads_an_alert(client, role):
    sign_in(client, make_user(role=role))

    assert client.get(f"/alerts/{make_alert().pk}/").status_code == 200


@pytest.mark.parametrize("step", ["", *STEPS])
def test_a_stranger_is_sent_to_sign_in_and_changes_nothing(client, step):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/{step}", {"text": "x", "reason": "x", "minutes": "60"})

    assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/sign-in")
    assert [event.kind for event in alert.events.all()] == ["opened"]


@pytest.mark.parametrize("step", ["resolve", "assign", "shelve", "unshelve"])
def test_a_viewer_has_no_button_for_what_is_for_operators(client, mira, step):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/{step}", {"reason": "x", "minutes": "60"}, headers=HTMX)

    assert response.status_code == 403
    assert [event.kind for event in alert.events.all()] == ["opened"]
    assert f"/alerts/{alert.pk}/{step}" not in client.get(f"/alerts/{alert.pk}/").content.decode()


@pytest.mark.parametrize("path", ["/alerts/999/", "/alerts/99999999999999999999999/"])
def test_an_unknown_alert_is_not_found(client, mira, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_never_taken_by_looking(client, omar, step):
    assert client.get(f"/alerts/{make_alert().pk}/{step}").status_code == 405


# What it says


def test_the_answer_comes_first_and_then_the_facts(client, mira):
    alert = make_alert()

    text = words(client.get(f"/alerts/{alert.pk}/"))

    assert "Press 3: Temperature 96.4 °C, over the limit of 90 °C Open for" in text
    assert "unseen." in text
    for fact in (
        "Severity Critical",
        "Metric Temperature",
        "Value 96.4 °C",
        "Bound 90 °C",
        "Zone Hall B",
        "The same in 30 days 1",
    ):
        assert fact in text


def test_one_that_is_over_says_since_when_and_asks_for_nothing(client, omar):
    alert = make_alert()
    store(alert.device, (alert.started_at + 3 * MINUTE, 70.0))

    text = words(client.get(f"/alerts/{alert.pk}/"))

    assert re.search(r"Over since .*?, after 3 min\.", text)
    assert "Ended" in text
    assert "What to do" not in text


def test_the_timeline_says_who_did_what_when_and_why(client, mira):
    omar = make_user(role="operator", name="Omar")
    alert = make_alert()
    acknowledge_alert(alert=alert, by=mira, at=NOON, note="On my way")
    assign_alert(alert=alert, to=omar, expected=None, by=omar, at=NOON)
    shelve_alert(alert=alert, by=omar, at=NOON, reason="Part ordered", lasting=HOUR, once=True)
    comment_alert(alert=alert, text="Arrives at two", by=mira, at=NOON)

    steps = timeline(client, alert)

    found = re.findall(
        r"Opened, critical|Acknowledged by Mira|On my way|Assigned by Omar|To Omar\."
        r"|Shelved by Omar|This occurrence, for 60 minutes: Part ordered|Comment by Mira|Arrives at two",
        steps,
    )
    assert found == [
        "Opened, critical",
        "Acknowledged by Mira",
        "On my way",
        "Assigned by Omar",
        "To Omar.",
        "Shelved by Omar",
        "This occurrence, for 60 minutes: Part ordered",
        "Comment by Mira",
        "Arrives at two",
    ]


def test_what_ends_without_a_person_is_over_by_itself(client, mira):
    alert = make_alert()
    store(alert.device, (alert.started_at + MINUTE, 70.0))

    assert "Over by itself" in timeline(client, alert)


def test_the_timeline_says_whom_each_step_was_told_to_and_what_became_of_it(client, mira):
    make_config(recipient="shift@example.com")
    make_config(recipient="boss@example.com", escalate_after_minutes=15)
    make_config(type="webhook", recipient="https://192.0.2.7/plant/hook?key=hidden")
    alert = raise_trouble()
    send_due(at=NOON)
    Delivery.objects.filter(type="webhook").update(status="failed", attempts=3, error="503 Busy")

    steps = timeline(client, alert)

    assert "E-mail to shift@example.com : sent" in steps
    assert "E-mail to boss@example.com : held for escalation, due" in steps
    assert "Webhook to https://192.0.2.7/… : failed, 3 tries. 503 Busy" in steps
    assert "key=hidden" not in client.get(f"/alerts/{alert.pk}/").content.decode()


def test_of_very_many_steps_the_newest_are_shown_and_the_others_counted(client, mira):
    alert = make_alert()
    for number in range(201):
        comment_alert(alert=alert, text=f"Word {number}.", by=mira, at=NOON)

    steps = timeline(client, alert)

    assert "2 earlier steps are left out." in steps
    assert "Word 0." not in steps
    assert "Word 1." in steps
    assert steps.index("Word 199.") < steps.index("Word 200.")


def test_what_people_write_is_text(client, mira):
    alert = make_alert(make_device(name=NASTY, zone=NASTY))
    comment_alert(alert=alert, text=NASTY, by=mira, at=NOON)

    assert NASTY not in client.get(f"/alerts/{alert.pk}/").content.decode()


def test_an_alert_about_a_zone_names_the_devices_that_are_silent(client, mira):
    hall(4)
    a_turn(DUE)
    alert = Alert.objects.get(zone="Hall B")

    text = words(client.get(f"/alerts/{alert.pk}/"))

    assert "Hall B: " in text
    assert re.findall(r"Press \d(?= last seen)", text) == ["Press 1", "Press 2", "Press 3", "Press 4"]
    assert "around it" not in text


@pytest.mark.parametrize("messages", [1, 3])
def test_it_costs_the_same_however_much_has_happened(client, mira, messages, django_assert_num_queries):
    for _ in range(messages):
        make_config()
    alert = make_alert()
    for _ in range(messages):
        comment_alert(alert=alert, text="A word", by=make_user(), at=NOON)

    with django_assert_num_queries(11):
        assert client.get(f"/alerts/{alert.pk}/").status_code == 200
    assert Delivery.objects.count() == messages


# What people do


def post(client, alert: Alert, step: str, **form: object):
    return client.post(f"/alerts/{alert.pk}/{step}", {"view": "detail", **form}, headers=HTMX)


def test_a_comment_is_written_down_also_when_it_is_over(client, omar):
    alert = make_alert()
    post(client, alert, "resolve")

    response = post(client, alert, "comment", text="It was the fan.")

    assert (response.status_code, response["HX-Trigger"]) == (200, "acted")
    assert "Your comment is written down." in words(response)
    assert "It was the fan." in timeline(client, alert)


@pytest.mark.parametrize(
    ("step", "form", "reason"),
    [
        ("comment", {"text": " "}, "Write something first."),
        ("comment", {"text": "x" * 501}, "at most 500 characters"),
        ("shelve", {"minutes": "60"}, "Say why it is put aside."),
        ("shelve", {"minutes": "", "reason": "x"}, "This field is required."),
        ("assign", {"user": "somebody"}, "Choose a person from the list."),
        ("assign", {"user": "99999"}, "There is no user 99999."),
    ],
)
def test_what_lacks_something_is_said_and_changes_nothing(client, omar, step, form, reason):
    alert = make_alert()

    response = post(client, alert, step, **form)

    assert response.status_code == 422
    assert reason in words(response)
    assert [event.kind for event in alert.events.all()] == ["opened"]


def test_an_operator_takes_it_on_and_gives_it_away(client, omar):
    noor, alert = make_user(name="Noor"), make_alert()

    assert "Omar looks after it now." in words(post(client, alert, "assign", user=omar.pk, expected=""))
    assert "Noor looks after it now." in words(post(client, alert, "assign", user=noor.pk, expected=omar.pk))
    late = post(client, alert, "assign", user="", expected=omar.pk)

    alert.refresh_from_db()
    assert alert.assigned_to == noor
    assert (late.status_code, f"Alert {alert.pk} is looked after by Noor by now." in words(late)) == (
        409,
        True,
    )
    assert "Noor looks after it" in words(client.get(f"/alerts/{alert.pk}/"))


def test_it_is_shelved_with_a_reason_and_taken_off_again(client, omar):
    alert = make_alert()

    shelved = post(client, alert, "shelve", reason="Fan ordered", minutes=1440, once="on")
    text = words(client.get(f"/alerts/{alert.pk}/"))
    again = post(client, alert, "shelve", reason="Me too", minutes=60)
    off = post(client, alert, "unshelve")

    assert "Shelved for 24 hours: Press 3." in words(shelved)
    assert re.search(r"Shelved until .*? by Omar: Fan ordered\.", text)
    assert (again.status_code, f"Alert {alert.pk} is shelved already." in words(again)) == (409, True)
    assert "Off the shelf: Press 3." in words(off)
    alert.refresh_from_db()
    assert (alert.silence, alert.shelved_until) == ("", None)


def test_without_javascript_every_step_comes_back_with_a_word(client, omar):
    alert = make_alert()
    here = f"/alerts/{alert.pk}/"

    for step, form, word in (
        ("comment", {"text": "Hm"}, "Your comment is written down."),
        ("comment", {"text": ""}, "Write something first."),
        ("shelve", {"reason": "x", "minutes": "15"}, "Shelved for 15 minutes: Press 3."),
    ):
        response = client.post(f"{here}{step}", {"next": here, **form})
        assert (response.status_code, response["Location"]) == (302, here)
        assert word in words(client.get(here))
