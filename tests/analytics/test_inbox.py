import re
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.models import Alert
from alerts.services.handling import acknowledge_alert, assign_alert, resolve_alert, shelve_alert
from alerts.services.lifecycle import open_alert
from alerts.services.maintenance import plan_maintenance
from alerts.services.reporting import raise_alert
from tests.analytics.looking import HTMX, make_alert, words
from tests.builders import NOON, make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db


# One at a time


def test_acknowledging_answers_the_alert_as_it_is_now(client, mira):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)

    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == ("acknowledged", mira)
    assert response.status_code == 200
    assert "Mira is on it" in words(response)
    assert "Acknowledged: Press 3." in words(response)
    assert response["HX-Trigger"] == "acted"
    assert f"/alerts/{alert.pk}/acknowledge" not in response.content.decode()


def test_the_second_to_acknowledge_is_told_who_was_first(client, mira):
    alert = make_alert()
    client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)
    sign_in(client, make_user(name="Noor"))

    response = client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)

    alert.refresh_from_db()
    assert alert.acknowledged_by == mira
    assert response.status_code == 409
    assert f"Alert {alert.pk} is acknowledged already by Mira." in words(response)


def test_without_javascript_the_same_button_comes_back_to_its_page(client, mira):
    alert = make_alert()
    for expected in ("Acknowledged: Press 3.", f"Alert {alert.pk} is acknowledged already by Mira."):
        response = client.post(f"/alerts/{alert.pk}/acknowledge", {"next": "/alerts/?severity=info"})

        assert (response.status_code, response["Location"]) == (302, "/alerts/?severity=info")
        assert expected in words(client.get(response["Location"]))


def test_a_form_does_not_lead_to_another_site(client, mira):
    response = client.post(f"/alerts/{make_alert().pk}/acknowledge", {"next": "https://evil.example/"})

    assert response["Location"] == "/"


def test_resolving_is_for_operators(client, mira):
    alert = make_alert()

    assert client.post(f"/alerts/{alert.pk}/resolve", headers=HTMX).status_code == 403
    alert.refresh_from_db()
    assert alert.status == "active"


def test_an_operator_resolves(client, omar):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/resolve", headers=HTMX)

    alert.refresh_from_db()
    assert (response.status_code, alert.status) == (200, "resolved")


def test_a_form_without_its_token_is_refused(client, mira):
    client.handler.enforce_csrf_checks = True

    assert client.post(f"/alerts/{make_alert().pk}/acknowledge").status_code == 403


def test_looking_never_changes_anything(client, omar):
    alert = make_alert()

    assert client.get(f"/alerts/{alert.pk}/acknowledge").status_code == 405
    assert client.get(f"/alerts/{alert.pk}/resolve").status_code == 405


# What is listed


def listed(client, query: str = "") -> list[str]:
    """What the rows of the inbox are about, from the top."""
    page = client.get(f"/alerts/{query}")
    assert page.status_code == 200
    return re.findall(r'aria-label="Tick ([^:]+):', page.content.decode())


def trouble(device=None, *, severity: str = "warning", type: str = "system_error", zone: str = "") -> Alert:
    if zone:
        return open_alert(
            open_key=f"zone:{zone}", type="device_offline", severity=severity, message="2 devices are silent",
            at=NOON, started_at=NOON, zone=zone,
        )  # fmt: skip
    return raise_alert(type=type, severity=severity, message="Broken", at=NOON, device=device)


def test_critical_ones_come_first_and_then_the_newest(client, mira):
    for name, severity in (
        ("Oldest", "warning"),
        ("Worst", "critical"),
        ("Told", "info"),
        ("Newer", "warning"),
        ("Also worst", "critical"),
    ):
        trouble(make_device(name=name), severity=severity)

    assert listed(client) == ["Also worst", "Worst", "Newer", "Oldest", "Told"]


def test_what_is_over_is_in_the_history_and_not_here(client, omar):
    make_alert(make_device(name="Press 3"))
    over = make_alert(make_device(name="Mixer 1"))
    resolve_alert(alert=over, by=omar, at=NOON)

    assert listed(client) == ["Press 3"]
    assert listed(client, "?status=nonsense&page=nonsense&group=nonsense") == ["Press 3"]


@pytest.mark.parametrize("status", ["all", "resolved"])
def test_an_older_address_of_what_is_over_leads_to_the_history(client, mira, status):
    response = client.get(f"/alerts/?status={status}&search=press")

    assert response["Location"] == f"/alerts/history/?status={status}&search=press"


def test_the_filters_stand_in_the_address(client, mira):
    press, mixer = make_device(name="Press", zone="Hall A"), make_device(name="Mixer", zone="Hall B")
    line = make_group(name="Line 1", parent=(hall := make_group(name="Hall")), devices=[press])
    other = make_group(name="Line 2", devices=[mixer])
    trouble(press, severity="critical", type="maintenance_required")
    acknowledge_alert(alert=trouble(mixer, severity="info"), by=mira, at=NOON)
    trouble(zone="Hall B")

    found = {
        query: set(listed(client, f"?{query}"))
        for query in (
            "status=active",
            "status=acknowledged",
            "severity=info",
            "type=maintenance_required",
            "zone=Hall+B",
            f"group={hall.pk}",
            f"group={line.pk}",
            f"group={other.pk}",
            "search=mix",
            "search=silent",
            "severity=info&zone=Hall+A",
        )
    }

    assert found == {
        "status=active": {"Press", "Hall B"},
        "status=acknowledged": {"Mixer"},
        "severity=info": {"Mixer"},
        "type=maintenance_required": {"Press"},
        "zone=Hall+B": {"Mixer", "Hall B"},
        f"group={hall.pk}": {"Press"},
        f"group={line.pk}": {"Press"},
        f"group={other.pk}": {"Mixer"},
        "search=mix": {"Mixer"},
        "search=silent": {"Hall B"},
        "severity=info&zone=Hall+A": set(),
    }


def test_what_is_on_the_shelf_is_counted_and_shown_on_demand(client, omar):
    make_alert(make_device(name="Press 3"))
    shelved = make_alert(make_device(name="Mixer 1"))
    shelve_alert(
        alert=shelved, by=omar, at=timezone.now(), reason="Being repaired", lasting=timedelta(hours=1)
    )

    page = client.get("/alerts/")

    assert listed(client) == ["Press 3"]
    assert "1 open, critical first 1 shelved" in words(page)
    assert listed(client, "?shelved=1") == ["Mixer 1"]
    assert "shelved until" in words(client.get("/alerts/?shelved=1"))


def test_a_row_says_who_looks_after_it_and_why_nobody_is_told(client, omar):
    mine = make_alert(make_device(name="Press 3"))
    assign_alert(alert=mine, to=omar, expected=None, by=omar, at=NOON)
    plan_maintenance(
        name="Oil", starts_at=NOON, ends_at=NOON + timedelta(days=9000), zone="Hall C", by=omar, at=NOON
    )
    make_alert(make_device(name="Mill", zone="Hall C"))
    Alert.objects.filter(pk=trouble(make_device(name="Oven")).pk).update(late=True)

    text = words(client.get("/alerts/"))

    assert re.search(r"Press 3 Temperature .*? Omar looks after it", text)
    assert re.search(r"Mill Temperature .*? unseen · in maintenance · Hall C", text)
    assert re.search(r"Oven Broken .*? reported late · unseen", text)


def test_an_alert_about_a_zone_leads_to_the_devices_of_the_zone(client, mira):
    alert = trouble(zone="Hall B")

    page = client.get("/alerts/").content.decode()

    assert '<a href="/devices/?zone=Hall%20B">Hall B</a>' in page
    assert f'href="/alerts/{alert.pk}/">2 devices are silent</a>' in page


def test_more_than_a_page_is_paged(client, mira):
    for number in range(51):
        trouble(make_device(name=f"Press {number}"))

    assert len(listed(client)) == 50
    assert listed(client, "?page=2") == ["Press 0"]
    assert "51 open, critical first" in words(client.get("/alerts/"))


def test_an_empty_inbox_says_what_to_do(client, mira):
    assert "Nothing is open" in words(client.get("/alerts/"))
    assert "No open alert matches. Show all that are open" in words(client.get("/alerts/?search=zebra"))
    assert "Nothing is on the shelf" in words(client.get("/alerts/?shelved=1"))


def test_a_group_that_no_database_could_hold_is_none(client):
    sign_in(client, make_user())

    assert client.get("/alerts/", {"group": "9" * 4400}).status_code == 200
